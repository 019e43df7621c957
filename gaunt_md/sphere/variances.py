"""Variances of products of random functions, to normalise what networks do with them."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi

import numpy as np
from numpy.typing import NDArray

from .checks import check_integers


def product_variances(
    degrees: Sequence[int], degree_out: int, *, balanced: bool = False
) -> NDArray[np.float64]:
    """Return the variance of each coefficient of a product of random functions.

    The factors have independent coefficients up to the given degrees, of unit variance, or of
    variance 1/(2 l + 1) if ``balanced``: then every degree adds as much to the variance of the
    values on the sphere. The variance of a product's coefficient depends on its degree l alone:
    Var_l = 2π ∫ Π_i K_i(t) P_l(t) dt with K_i(t) = Σ_{l ≤ L_i} (2 l + 1)/4π Var_{i,l} P_l(t), the
    covariance of the i-th factor between directions an angle arccos t apart.

    Returns
    -------
    ndarray, shape (degree_out + 1,), float64
        Zero where degree l cannot occur.

    Raises
    ------
    InputError
        If a degree is negative or no integer.
    """
    for degree in (*degrees, degree_out):
        check_integers(0, degree=degree)
    nodes, weights = np.polynomial.legendre.leggauss((sum(degrees) + degree_out) // 2 + 1)
    covariance = np.ones_like(nodes)
    for degree in degrees:
        l = np.arange(degree + 1)
        series = (np.ones_like(l) if balanced else 2 * l + 1) / (4 * pi)
        covariance = covariance * np.polynomial.legendre.legval(nodes, series)
    polynomials = np.polynomial.legendre.legvander(nodes, degree_out)
    return 2 * pi * (weights * covariance) @ polynomials
