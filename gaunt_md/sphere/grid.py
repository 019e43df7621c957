"""From coefficients to values on a grid of directions, and back."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from .harmonics import spherical_harmonics
from .quadrature import Quadrature


def evaluation_matrix(degree: int, grid: Quadrature) -> NDArray[np.float64]:
    """Return the matrix (nodes, (degree + 1)^2) that takes coefficients to values at the nodes."""
    return spherical_harmonics(degree, torch.from_numpy(grid.points)).numpy()


def projection_matrix(degree: int, grid: Quadrature) -> NDArray[np.float64]:
    """Return the matrix ((degree + 1)^2, nodes) that takes values at the nodes to coefficients.

    It is exact for functions of degree D if the rule is exact up to D + ``degree``.
    """
    return evaluation_matrix(degree, grid).T * grid.weights
