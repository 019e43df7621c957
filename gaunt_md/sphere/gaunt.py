"""Exact Gaunt coefficients of real spherical harmonics: the reference for every fast product.

They come from Wigner 3j symbols in exact arithmetic, so that nothing is shared with the quadratures
they are used to test.
"""

from __future__ import annotations

from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray

from .checks import check_integers
from .wigner import real_wigner_3j, wigner_3j


def gaunt_coefficients(degree1: int, degree2: int, degree3: int) -> NDArray[np.float64]:
    """Return G = ∫ Y_{l1 m1} Y_{l2 m2} Y_{l3 m3} ds for all degrees up to the given ones.

    For complex harmonics this is https://dlmf.nist.gov/34.3.E22.

    Returns
    -------
    ndarray, shape ((degree1 + 1)^2, (degree2 + 1)^2, (degree3 + 1)^2), float64
        Zero unless l1 + l2 + l3 is even and the degrees fulfil the triangle inequality.

    Raises
    ------
    InputError
        If a degree is negative or no integer.
    """
    check_integers(0, degree1=degree1, degree2=degree2, degree3=degree3)
    table = np.zeros([(degree + 1) ** 2 for degree in (degree1, degree2, degree3)])
    for l1 in range(degree1 + 1):
        for l2 in range(degree2 + 1):
            for l3 in range(abs(l1 - l2), min(l1 + l2, degree3) + 1, 2):
                block = tuple(slice(l * l, (l + 1) ** 2) for l in (l1, l2, l3))
                table[block] = gaunt_constant(l1, l2, l3) * real_wigner_3j(l1, l2, l3)
    return table


def gaunt_constant(l1: int, l2: int, l3: int) -> float:
    """Return κ of G = κ W: √((2 l1 + 1)(2 l2 + 1)(2 l3 + 1)/4π) |(l1 l2 l3; 0 0 0)|.

    W is :func:`real_wigner_3j`; κ is zero for odd l1 + l2 + l3.
    """
    factor = sqrt((2 * l1 + 1) * (2 * l2 + 1) * (2 * l3 + 1) / (4 * pi))
    return factor * abs(wigner_3j(l1, l2, l3, 0, 0))


def bracket_constant(l1: int, l2: int, l3: int) -> float:
    """Return λ of ∫ {Y_{l1 m1}, Y_{l2 m2}} Y_{l3 m3} ds = λ W for the Poisson bracket.

    λ = √(l1 (l1 + 1) l2 (l2 + 1)) √((2 l1 + 1)(2 l2 + 1)(2 l3 + 1)/4π) |(l1 l2 l3; 1 -1 0)| for odd
    l1 + l2 + l3; zero for an even sum, where the bracket has no component.
    """
    total = l1 + l2 + l3
    if total % 2 == 0:
        return 0.0
    factor = sqrt((2 * l1 + 1) * (2 * l2 + 1) * (2 * l3 + 1) / (4 * pi))
    slopes = sqrt(l1 * (l1 + 1) * l2 * (l2 + 1))
    return slopes * factor * abs(wigner_3j(l1, l2, l3, 1, -1))
