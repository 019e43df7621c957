"""Products of functions by their values on a grid of directions.

A product of functions of degrees L_1, L_2, ... projected to degree L needs a quadrature that is
exact to degree L_1 + L_2 + ... + L. Every factor is evaluated once, the values are multiplied, and
one projection returns to coefficients: simpler than the 2D Fourier form and faster in practice
(Y. Xie et al., "The Price of Freedom", ICML 2025, arXiv:2506.13523).

At low degrees the grid has as few points as possible, and evaluation and projection are dense
matrix products, O(L^4) operations; only one of s and -s is evaluated, since functions of even
degree have the same value at both, those of odd degree opposite ones. For equal degrees from 4 on
(at 2 and 3 it is about even) a grid of angles takes less, O(L^3) operations: f(θ, φ) = Σ_m cos mφ
or sin |m|φ Σ_l x_lm Y_l|m|(θ, 0), the sum over l first (:class:`AngleGrid`).
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .. import kernels  # noqa: F401  (torch.ops.gaunt)
from .angles import AngleGrid
from .checks import as_nodes
from .harmonics import spherical_harmonics
from .quadrature import Quadrature, hemisphere, quadrature


def evaluation_matrix(degree: int, grid: Quadrature) -> NDArray[np.float64]:
    """Return the matrix (nodes, (degree + 1)^2) that takes coefficients to values at the nodes."""
    return spherical_harmonics(degree, torch.from_numpy(grid.points)).numpy()


def projection_matrix(degree: int, grid: Quadrature) -> NDArray[np.float64]:
    """Return the matrix ((degree + 1)^2, nodes) that takes values at the nodes to coefficients.

    It is exact for functions of degree D if the rule is exact up to D + ``degree``.
    """
    return evaluation_matrix(degree, grid).T * grid.weights


class GridProduct(nn.Module):
    """Product of functions of the given degrees, up to ``degree_out``, on a quadrature grid.

    The grid has the fewest points, and a dense matrix evaluates functions there; or, where that is
    less arithmetic, it is a grid of angles, on which sums over l come before those over m.

    Parameters
    ----------
    degrees : sequence of int
        Degrees of the factors.
    degree_out : int
    """

    evaluation: Tensor
    projection: Tensor
    waves: Tensor | None

    def __init__(self, degrees: Sequence[int], degree_out: int) -> None:
        super().__init__()
        degree = sum(degrees)
        points, angles = hemisphere(quadrature(degree + degree_out)), AngleGrid(degree, degree_out)
        functions = [*degrees, degree_out]
        if angles.operations(functions) < _operations_on_points(len(points), functions):
            evaluation, projection = angles.evaluation(max(degrees)), angles.projection(degree_out)
            waves = torch.from_numpy(angles.waves(max(functions)))
        else:
            evaluation = evaluation_matrix(max(degrees), points)
            projection = projection_matrix(degree_out, points).T.copy()
            waves = None
        self.register_buffer("evaluation", torch.from_numpy(evaluation), persistent=False)
        self.register_buffer("projection", torch.from_numpy(projection), persistent=False)
        self.register_buffer("waves", waves, persistent=False)

    def forward(self, factors: list[Tensor]) -> Tensor:
        """Map coefficients (..., (L_i + 1)^2, channels) to (..., (degree_out + 1)^2, channels)."""
        nodes, leading = as_nodes(factors)
        dtype, waves = factors[0].dtype, self.waves
        product: Tensor = torch.ops.gaunt.grid_product(
            nodes,
            self.evaluation.to(dtype),
            self.projection.to(dtype),
            None if waves is None else waves.to(dtype),
        )
        return product.reshape(leading + list(product.shape[-2:]))


def _operations_on_points(points: int, degrees: Sequence[int]) -> int:
    """Return the multiply-adds that functions at points s take, and the sums for s and -s."""
    return sum(points * ((degree + 1) ** 2 + 2) for degree in degrees)
