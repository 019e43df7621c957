"""The Gaunt tensor product: the pointwise product of functions on the sphere.

S. Luo, T. Chen, A. S. Krishnapriyan, "Enabling Efficient Equivariant Operations in the Fourier
Basis via Gaunt Tensor Products", ICLR 2024, arXiv:2401.10216.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import isqrt, pi

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import InputError
from .grid import evaluation_matrix, projection_matrix
from .quadrature import quadrature


def gaunt_product(x: Tensor, y: Tensor, degree_out: int) -> Tensor:
    """Return the coefficients of the product of two functions on the sphere.

    (x · y)_{l3 m3} = Σ G(l1 m1, l2 m2, l3 m3) x_{l1 m1} y_{l2 m2}, computed as values on a
    quadrature grid that is exact up to degree L1 + L2 + ``degree_out``.

    Parameters
    ----------
    x : Tensor, shape (..., (L1 + 1)^2, channels)
        Coefficients of the first function.
    y : Tensor, shape (..., (L2 + 1)^2, channels)
        Coefficients of the second; leading dimensions and channels broadcast.
    degree_out : int
        Highest degree of the result.

    Returns
    -------
    Tensor, shape (..., (degree_out + 1)^2, channels)

    Raises
    ------
    InputError
        If the second last dimension of an argument is not a square.
    """
    to_x, to_y, back = _grid_matrices(_degree_of(x), _degree_of(y), degree_out)
    on_grid = torch.matmul(to_x.to(x), x) * torch.matmul(to_y.to(y), y)
    return torch.matmul(back.to(on_grid), on_grid)


@lru_cache
def _grid_matrices(degree1: int, degree2: int, degree_out: int) -> tuple[Tensor, Tensor, Tensor]:
    grid = quadrature(degree1 + degree2 + degree_out)
    return (
        torch.from_numpy(evaluation_matrix(degree1, grid)),
        torch.from_numpy(evaluation_matrix(degree2, grid)),
        torch.from_numpy(projection_matrix(degree_out, grid)),
    )


def _degree_of(coefficients: Tensor) -> int:
    count = coefficients.shape[-2] if coefficients.dim() >= 2 else 0
    degree = isqrt(count) - 1
    if degree < 0 or (degree + 1) ** 2 != count:
        raise InputError(
            f"coefficients of shape {tuple(coefficients.shape)} do not describe a function on the "
            "sphere: expected (..., (L + 1)^2, channels) with an integer L"
        )
    return degree


def product_variances(degrees: Sequence[int], degree_out: int) -> NDArray[np.float64]:
    """Return the variance of each coefficient of a product of random functions.

    The factors have independent coefficients of unit variance up to the given degrees; the
    variance of a product's coefficient depends on its degree l alone:
    Var_l = 2π ∫ Π_i K_i(t) P_l(t) dt with K_i(t) = Σ_{l ≤ L_i} (2 l + 1)/4π P_l(t), the
    covariance of the i-th factor between directions an angle arccos t apart.

    Returns
    -------
    ndarray, shape (degree_out + 1,), float64
        Zero where degree l cannot occur.
    """
    nodes, weights = np.polynomial.legendre.leggauss((sum(degrees) + degree_out) // 2 + 1)
    covariance = np.ones_like(nodes)
    for degree in degrees:
        series = (2 * np.arange(degree + 1) + 1) / (4 * pi)
        covariance = covariance * np.polynomial.legendre.legval(nodes, series)
    polynomials = np.polynomial.legendre.legvander(nodes, degree_out)
    return 2 * pi * (weights * covariance) @ polynomials
