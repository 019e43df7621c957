"""Quadratures integrate every harmonic up to their degree, and not beyond."""

from __future__ import annotations

import numpy as np
import pytest

from gaunt_md.sphere import evaluation_matrix, quadrature
from gaunt_md.sphere.quadrature import product_quadrature


@pytest.mark.parametrize("degree", [*range(0, 33), 42, 131, 140])
def test_harmonics_up_to_the_degree_integrate_exactly(degree: int) -> None:
    grid = quadrature(degree)
    integrals = grid.weights @ evaluation_matrix(min(degree, 60), grid)
    integrals[0] -= np.sqrt(4 * np.pi)
    assert np.abs(integrals).max() < 2e-13


@pytest.mark.parametrize("rule", [quadrature, product_quadrature])
@pytest.mark.parametrize("degree", [4, 7, 10])
def test_a_rule_of_lower_degree_fails(rule: type, degree: int) -> None:
    grid = rule(degree)
    integrals = grid.weights @ evaluation_matrix(grid.degree + 3, grid)
    assert np.abs(integrals[1:]).max() > 1e-2


def test_weights_are_positive_and_points_are_unit_vectors() -> None:
    for degree in range(60):
        grid = quadrature(degree)
        assert (grid.weights > 0).all()
        np.testing.assert_allclose(np.linalg.norm(grid.points, axis=1), 1, atol=1e-14)


def test_lebedev_rules_are_used_where_they_save_nodes() -> None:
    assert len(quadrature(7)) == 26
    assert len(quadrature(11)) == 50
    assert len(product_quadrature(11)) == 72
