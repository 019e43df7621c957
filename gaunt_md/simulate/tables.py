"""Curves as CSV files, the units in the names of the columns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..files import write_whole


def write_columns(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    """Write columns of one length, each under its name."""
    rows = zip(*columns.values(), strict=True)
    lines = [",".join(columns), *(",".join(f"{value:.8g}" for value in row) for row in rows)]
    write_whole(path, ("\n".join(lines) + "\n").encode())
