"""Wigner 3j symbols in exact arithmetic, and the real coupling tensors made from them."""

from __future__ import annotations

from functools import lru_cache
from math import comb, factorial, sqrt

import numpy as np
from numpy.typing import NDArray

from .checks import check_integers


def wigner_3j(l1: int, l2: int, l3: int, m1: int, m2: int) -> float:
    """Return the Wigner 3j symbol (l1 l2 l3; m1 m2 -m1-m2), exact up to the last rounding.

    Racah's formula, https://dlmf.nist.gov/34.2.E4, with its sum written in binomial coefficients,
    so that all arithmetic before the final root is on integers. Zero unless
    |l1 - l2| ≤ l3 ≤ l1 + l2, and |m| ≤ l for all three.
    """
    m3 = -m1 - m2
    if not abs(l1 - l2) <= l3 <= l1 + l2 or abs(m1) > l1 or abs(m2) > l2 or abs(m3) > l3:
        return 0.0
    a, b, c = l1 + l2 - l3, l1 - l2 + l3, -l1 + l2 + l3
    first, last = max(0, l2 - l3 - m1, l1 - l3 + m2), min(a, l1 - m1, l2 + m2)
    total = sum(
        (-1) ** k * comb(a, k) * comb(b, l1 - m1 - k) * comb(c, l2 + m2 - k)
        for k in range(first, last + 1)
    )
    numerator = total * total
    for l, m in ((l1, m1), (l2, m2), (l3, m3)):
        numerator *= factorial(l + m) * factorial(l - m)
    denominator = factorial(a) * factorial(b) * factorial(c) * factorial(l1 + l2 + l3 + 1)
    magnitude = sqrt(numerator / denominator)
    return magnitude if (-1) ** (l1 - l2 - m3) * total >= 0 else -magnitude


@lru_cache(maxsize=None, typed=True)
def real_wigner_3j(l1: int, l2: int, l3: int) -> NDArray[np.float64]:
    """Return W, the invariant tensor that couples real harmonics of three degrees.

    With U the matrix from complex to real harmonics, W is the real part (l1 + l2 + l3 even) or
    the imaginary part (odd) of (U ⊗ U ⊗ U) times the 3j symbols; the other part vanishes. The
    sign (-1)^⌊(l1 + l2 + l3)/2⌋ makes the Gaunt coefficients positive multiples of W, and W equal
    to ``e3nn.o3.wigner_3j``.

    Returns
    -------
    ndarray, shape (2 l1 + 1, 2 l2 + 1, 2 l3 + 1), float64
        With Σ W^2 = 1; do not write to it, it is shared.

    Raises
    ------
    InputError
        If a degree is negative or no integer.
    """
    check_integers(0, l1=l1, l2=l2, l3=l3)
    symbols = np.zeros((2 * l1 + 1, 2 * l2 + 1, 2 * l3 + 1))
    for m1 in range(-l1, l1 + 1):
        for m2 in range(max(-l2, -l3 - m1), min(l2, l3 - m1) + 1):
            symbols[l1 + m1, l2 + m2, l3 - m1 - m2] = wigner_3j(l1, l2, l3, m1, m2)
    transforms = [_real_from_complex(l) for l in (l1, l2, l3)]
    coupled = np.einsum("abc,ma,nb,oc->mno", symbols, *transforms, optimize=True)
    total = l1 + l2 + l3
    tensor: NDArray[np.float64] = (-1) ** (total // 2) * (
        coupled.imag if total % 2 else coupled.real
    )
    # Rounding of U. Entries that are so small, first at degrees around 25, are lost in Σ W^2 = 1.
    tensor[np.abs(tensor) < 1e-15] = 0
    return tensor


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
