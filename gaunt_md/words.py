"""Numbers in sentences."""

from __future__ import annotations


def counted(number: int, word: str) -> str:
    """Return a number of things: "1 layer", "2 layers"."""
    return f"{number} {word}{'' if number == 1 else 's'}"
