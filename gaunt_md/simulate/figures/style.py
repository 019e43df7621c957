"""What all figures share: the style of a paper, the colours, and how they are saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from ...files import written_beside

_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.2,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
}

BLUE, RED, GREEN = COLOURS = ("#1f4e79", "#c8553d", "#4f8a5b")
GREY = "0.75"
LINES = ("-", "--", ":")

_DOTS_PER_INCH = 200  # a column of a paper or of a README in full sharpness, in some 50 kB


def styles() -> Iterator[tuple[str, str]]:
    """Yield pairs of line and colour for any number of curves that can be told apart."""
    for line in cycle(LINES):
        for colour in COLOURS:
            yield line, colour


@contextmanager
def paper_style() -> Iterator[None]:
    """Draw as for a paper meanwhile; afterwards matplotlib's settings are as they were."""
    with matplotlib.rc_context(_STYLE):
        yield


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG."""
    with written_beside(path) as beside:
        figure.savefig(beside, dpi=_DOTS_PER_INCH, format="png")
