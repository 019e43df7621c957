"""Exact Gaunt coefficients of real spherical harmonics: the reference for every fast product.

The Wigner 3j symbols are summed in rational arithmetic (Racah's formula), so that nothing is
shared with the quadratures they are used to test.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import factorial, pi, sqrt

import numpy as np
from numpy.typing import NDArray


def gaunt_coefficients(degree1: int, degree2: int, degree3: int) -> NDArray[np.float64]:
    """Return G = ∫ Y_{l1 m1} Y_{l2 m2} Y_{l3 m3} ds for all degrees up to the given ones.

    Returns
    -------
    ndarray, shape ((degree1 + 1)^2, (degree2 + 1)^2, (degree3 + 1)^2), float64
        Zero unless l1 + l2 + l3 is even and the degrees fulfil the triangle inequality.
    """
    table = np.zeros([(degree + 1) ** 2 for degree in (degree1, degree2, degree3)])
    for l1 in range(degree1 + 1):
        for l2 in range(degree2 + 1):
            for l3 in range(abs(l1 - l2), min(l1 + l2, degree3) + 1, 2):
                block = np.ix_(*(range(l * l, (l + 1) ** 2) for l in (l1, l2, l3)))
                table[block] = _gaunt_block(l1, l2, l3)
    return table


@lru_cache(maxsize=None)
def _gaunt_block(l1: int, l2: int, l3: int) -> NDArray[np.float64]:
    """Return the coefficients of three degrees, shape (2 l1 + 1, 2 l2 + 1, 2 l3 + 1)."""
    complex_block = np.zeros((2 * l1 + 1, 2 * l2 + 1, 2 * l3 + 1))
    for m1 in range(-l1, l1 + 1):
        for m2 in range(max(-l2, -l3 - m1), min(l2, l3 - m1) + 1):
            complex_block[l1 + m1, l2 + m2, l3 - m1 - m2] = wigner_3j(l1, l2, l3, m1, m2)
    factor = sqrt((2 * l1 + 1) * (2 * l2 + 1) * (2 * l3 + 1) / (4 * pi))
    real_block = np.einsum(
        "abc,ma,nb,oc->mno", complex_block, *(_real_from_complex(l) for l in (l1, l2, l3))
    )
    return factor * wigner_3j(l1, l2, l3, 0, 0) * real_block.real


def _real_from_complex(l: int) -> NDArray[np.complex128]:
    """Return U with Y_real = U Y_complex, where Y_complex has the Condon-Shortley phase."""
    matrix = np.zeros((2 * l + 1, 2 * l + 1), dtype=complex)
    matrix[l, l] = 1
    for m in range(1, l + 1):
        matrix[l + m, l + m] = (-1) ** m / sqrt(2)
        matrix[l + m, l - m] = 1 / sqrt(2)
        matrix[l - m, l + m] = -1j * (-1) ** m / sqrt(2)
        matrix[l - m, l - m] = 1j / sqrt(2)
    return matrix


def wigner_3j(l1: int, l2: int, l3: int, m1: int, m2: int) -> float:
    """Return the Wigner 3j symbol (l1 l2 l3; m1 m2 -m1-m2), exact up to the last rounding.

    Racah's formula: https://dlmf.nist.gov/34.2.E4.
    """
    m3 = -m1 - m2
    terms = Fraction(0)
    for k in range(max(0, l2 - l3 - m1, l1 - l3 + m2), min(l1 + l2 - l3, l1 - m1, l2 + m2) + 1):
        denominator = (
            factorial(k)
            * factorial(l1 + l2 - l3 - k)
            * factorial(l1 - m1 - k)
            * factorial(l2 + m2 - k)
            * factorial(l3 - l2 + m1 + k)
            * factorial(l3 - l1 - m2 + k)
        )
        terms += Fraction((-1) ** k, denominator)
    squared = Fraction(
        factorial(l1 + l2 - l3) * factorial(l1 - l2 + l3) * factorial(-l1 + l2 + l3),
        factorial(l1 + l2 + l3 + 1),
    )
    for l, m in ((l1, m1), (l2, m2), (l3, m3)):
        squared *= factorial(l + m) * factorial(l - m)
    magnitude = sqrt(squared * terms * terms)
    sign = (-1) ** (l1 - l2 - m3) * (1 if terms >= 0 else -1)
    return sign * magnitude
