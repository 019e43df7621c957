"""Quadratures on the unit sphere that are exact for every polynomial up to a stated degree."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import lebedev_rule

from .checks import check_integers

# Orders of the published rules; 13, 25 and 27 are left out for their negative weights.
_LEBEDEV_ORDERS = (3, 5, 7, 9, 11, 15, 17, 19, 21, 23, 29, 31, 35, 41, 47, 53, 59, 65, 71, 77, 83,
                   89, 95, 101, 107, 113, 119, 125, 131)  # fmt: skip


@dataclass(frozen=True)
class Quadrature:
    """Directions and weights with ∫ f(s) ds = Σ_g weights[g] f(points[g]).

    Attributes
    ----------
    degree : int
        The sum is exact for polynomials up to this degree.
    points : ndarray, shape (nodes, 3), float64
        Unit vectors.
    weights : ndarray, shape (nodes,), float64
        Positive, with sum 4π.
    """

    degree: int
    points: NDArray[np.float64]
    weights: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.weights)


@lru_cache(typed=True)  # 2.0 is not taken for a degree because 2 was one
def quadrature(degree: int) -> Quadrature:
    """Return the smallest known rule that is exact up to ``degree``; with s it contains -s.

    A Lebedev rule where one exists (about two thirds of the nodes), else the product rule.

    Parameters
    ----------
    degree : int
        Degree of the polynomials to be integrated; for a Gaunt product of functions of degrees L1
        and L2 projected to L3 it is L1 + L2 + L3. One degree less gives wrong, direction dependent
        results.

    Raises
    ------
    InputError
        If the degree is negative or no integer.
    """
    check_integers(0, degree=degree)
    candidates = [product_quadrature(degree)]
    order = next((order for order in _LEBEDEV_ORDERS if order >= degree), None)
    if order is not None:
        candidates.append(_lebedev_quadrature(order))
    return min(candidates, key=len)


def product_quadrature(degree: int) -> Quadrature:
    """Return Gauss-Legendre nodes in cos θ times uniform angles φ."""
    cosines, cosine_weights = np.polynomial.legendre.leggauss(degree // 2 + 1)
    n_angles = degree + 1 + (degree + 1) % 2  # even, so that -s is a node if s is one
    angles = 2 * np.pi * np.arange(n_angles) / n_angles
    z, phi = (grid.ravel() for grid in np.meshgrid(cosines, angles, indexing="ij"))
    sine = np.sqrt(1 - z**2)
    points = np.stack([sine * np.cos(phi), sine * np.sin(phi), z], axis=1)
    weights = np.repeat(cosine_weights, len(angles)) * 2 * np.pi / len(angles)
    return Quadrature(degree, points, weights)


def _lebedev_quadrature(order: int) -> Quadrature:
    """Return the rule of V. I. Lebedev and D. N. Laikov, Doklady Math. 59, 477 (1999)."""
    points, weights = lebedev_rule(order)
    return Quadrature(order, np.ascontiguousarray(points.T), weights)


def hemisphere(grid: Quadrature) -> Quadrature:
    """Return one of each pair of nodes s and -s, with the weight that each of the two has."""
    x, y, z = (np.where(np.abs(component) < 1e-12, 0, component) for component in grid.points.T)
    kept = (z > 0) | ((z == 0) & ((y > 0) | ((y == 0) & (x > 0))))
    return Quadrature(grid.degree, grid.points[kept], grid.weights[kept])
