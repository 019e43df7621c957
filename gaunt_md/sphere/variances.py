"""Variances of products of random functions, to normalise what networks do with them."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi

import numpy as np
from numpy.typing import NDArray


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
