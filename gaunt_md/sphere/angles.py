"""Grids of angles on which harmonics separate into functions of θ and of φ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .harmonics import meridian_harmonics, waves


class AngleGrid:
    """Grid of latitudes in pairs θ, π - θ and longitudes in fours φ, -φ, π + φ, π - φ.

    Gauss-Legendre nodes in cos θ and uniform φ, half a step from the axes, that project products
    exactly. One θ of each pair and one φ of each four stand for all: harmonics at the others
    differ by signs.

    Parameters
    ----------
    degree : int
        Degree of the product.
    degree_out : int
        Highest degree that it is projected to.
    """

    def __init__(self, degree: int, degree_out: int) -> None:
        # Exact up to degree 4 latitudes - 1 in cos θ, and for m < 4 longitudes.
        self.latitudes = (degree + degree_out) // 4 + 1
        self.longitudes = (degree + degree_out) // 4 + 1
        cosines, weights = np.polynomial.legendre.leggauss(2 * self.latitudes)
        self._theta = np.arccos(cosines[self.latitudes :])
        self._weights = weights[self.latitudes :] * 2 * np.pi / (4 * self.longitudes)
        self._phi = (np.arange(self.longitudes) + 0.5) * np.pi / (2 * self.longitudes)

    def evaluation(self, degree: int) -> NDArray[np.float64]:
        """Return Y_lm without cos mφ or sin |m|φ, shape (latitudes, (degree + 1)^2)."""
        return meridian_harmonics(degree, self._theta)

    def projection(self, degree: int) -> NDArray[np.float64]:
        """Return the same times the weights of the quadrature."""
        return self.evaluation(degree) * self._weights[:, None]

    def waves(self, degree: int) -> NDArray[np.float64]:
        """Return cos mφ (m ≥ 0) and sin |m|φ (m < 0), shape (longitudes, 2 degree + 1)."""
        return waves(degree, self._phi)

    def operations(self, degrees: Sequence[int]) -> int:
        """Return the multiply-adds and sums that functions of these degrees take on the grid."""
        return sum(
            # Σ_l; θ and π - θ from even and odd l + m; Σ_m at both; four φ from four sums.
            self.latitudes * ((l + 1) ** 2 + 2 * (2 * l + 1))
            + self.latitudes * self.longitudes * (2 * (2 * l + 1) + 16)
            for l in degrees
        )
