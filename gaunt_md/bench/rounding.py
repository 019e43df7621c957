"""`gaunt-md bench product --rounding`: how exact the methods of the product are, by degree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from ..sphere import gaunt_product
from .contenders import methods_at

DEGREES = (2, 4, 6, 10, 14, 20, 30)
CHANNELS = 8


@dataclass(frozen=True)
class Rounding:
    """Errors of one method for three equal degrees, in units of the rms of the result.

    Attributes
    ----------
    degree : int
    method : str
    rms, largest : float
        Of the product in float32 of numbers that float32 holds exactly.
    largest_in_double : float
        Of the product in float64.
    """

    degree: int
    method: str
    rms: float
    largest: float
    largest_in_double: float


def measure_rounding(degrees: Sequence[int] = DEGREES) -> Iterator[Rounding]:
    """Yield the deviations from the product in the Fourier basis in float64; its own from the grid.

    Of functions with random coefficients, 200 times 8 of them (20 times 8 from degree 20 on).
    """
    for degree in degrees:
        torch.manual_seed(0)
        shape = (200 if degree < 20 else 20, (degree + 1) ** 2, CHANNELS)
        x, y = torch.randn(shape), torch.randn(shape)
        exact = gaunt_product(x.double(), y.double(), degree, "fourier")
        unit = exact.square().mean().sqrt()
        for method in methods_at(degree):
            single = (gaunt_product(x, y, degree, method) - exact) / unit
            other = "grid" if method == "fourier" else method
            double = (gaunt_product(x.double(), y.double(), degree, other) - exact) / unit
            yield Rounding(
                degree,
                method,
                rms=float(single.square().mean().sqrt()),
                largest=float(single.abs().max()),
                largest_in_double=float(double.abs().max()),
            )
