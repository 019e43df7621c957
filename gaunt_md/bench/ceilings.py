"""What a core can do at most, measured on the spot."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .timing import seconds

_REPEATS = 7
_MATRIX = 1536  # 9 MB each: products of this size reach the peak
_COPIED = 64_000_000  # numbers; far more than any cache holds


@dataclass(frozen=True)
class Ceilings:
    """Best rates of torch's own loops with the threads that are set.

    Attributes
    ----------
    gigaflops : float
        10^9 operations of float32 a second, in a product of large matrices.
    gigabytes : float
        10^9 bytes a second, read and written, in a copy of what no cache holds.
    """

    gigaflops: float
    gigabytes: float


def measure_ceilings() -> Ceilings:
    """Return the best of several repetitions: what other programs take away is no ceiling."""
    a, b = (torch.rand(_MATRIX, _MATRIX) for _ in range(2))
    product = torch.empty_like(a)
    source = torch.ones(_COPIED)
    copy = torch.empty_like(source)
    multiply = min(seconds(lambda: torch.mm(a, b, out=product)) for _ in range(_REPEATS))
    move = min(seconds(lambda: copy.copy_(source)) for _ in range(_REPEATS))
    return Ceilings(
        gigaflops=1e-9 * 2 * _MATRIX**3 / multiply,
        gigabytes=1e-9 * 2 * source.element_size() * _COPIED / move,
    )
