"""Which method of the Gaunt product is the fastest, from a table of measured crossovers."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

CROSSOVERS = Path(__file__).with_name("crossovers.json")


def fastest_method(degree: int) -> str:
    """Return the method for functions up to ``degree``: "grid", "fourier" or "direct"."""
    for method, last in _crossovers():
        if last is None or degree <= last:
            return method
    raise AssertionError(f"{CROSSOVERS} ends before degree {degree}")


@lru_cache(maxsize=1)
def _crossovers() -> tuple[tuple[str, int | None], ...]:
    rows = json.loads(CROSSOVERS.read_text(encoding="utf-8"))["fastest_up_to_degree"]
    return tuple((method, last) for method, last in rows)
