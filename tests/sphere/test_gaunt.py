"""Gaunt coefficients against integrals, identities and selection rules."""

from __future__ import annotations

import numpy as np
import pytest

from gaunt_md.sphere import evaluation_matrix, gaunt_coefficients, quadrature
from gaunt_md.sphere.gaunt import wigner_3j


@pytest.mark.parametrize("degrees", [(0, 0, 0), (1, 2, 3), (4, 4, 4), (6, 5, 8)])
def test_coefficients_are_the_integrals_of_three_harmonics(degrees: tuple[int, int, int]) -> None:
    grid = quadrature(sum(degrees))
    values = [evaluation_matrix(degree, grid) for degree in degrees]
    integrals = np.einsum("g,ga,gb,gc->abc", grid.weights, *values)
    np.testing.assert_allclose(gaunt_coefficients(*degrees), integrals, atol=2e-14)


def test_odd_sums_of_degrees_vanish() -> None:
    table = gaunt_coefficients(3, 3, 3)
    for l1, l2, l3 in [(1, 1, 1), (2, 2, 1), (3, 2, 2), (3, 3, 3)]:
        block = table[l1**2 : (l1 + 1) ** 2, l2**2 : (l2 + 1) ** 2, l3**2 : (l3 + 1) ** 2]
        assert (block == 0).all()


def test_wigner_symbols_are_orthogonal() -> None:
    """Σ_{m1 m2} (2 l3 + 1) (l1 l2 l3; m1 m2 m3)^2 = 1 for every m3."""
    for l1, l2, l3 in [(1, 1, 1), (2, 3, 4), (10, 9, 12), (14, 14, 14)]:
        for m3 in (0, l3):
            total = sum(
                wigner_3j(l1, l2, l3, m1, -m3 - m1) ** 2
                for m1 in range(-l1, l1 + 1)
                if abs(m3 + m1) <= l2
            )
            assert (2 * l3 + 1) * total == pytest.approx(1, abs=1e-13)


def test_known_values() -> None:
    assert wigner_3j(1, 1, 2, 0, 0) == pytest.approx(np.sqrt(2 / 15), abs=1e-15)
    assert wigner_3j(2, 1, 1, 1, 0) == pytest.approx(-np.sqrt(1 / 10), abs=1e-15)
    assert gaunt_coefficients(0, 1, 1)[0, 2, 2] == pytest.approx(1 / np.sqrt(4 * np.pi))
