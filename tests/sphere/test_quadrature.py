"""Quadratures integrate every harmonic up to their degree, and not beyond."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sphere_functions import random_directions

from gaunt_md.kernels.reference import at_all_angles
from gaunt_md.sphere import evaluation_matrix, legendre_polynomials, quadrature
from gaunt_md.sphere.angles import AngleGrid
from gaunt_md.sphere.grid import GridProduct
from gaunt_md.sphere.quadrature import product_quadrature


@pytest.mark.parametrize("degree", [*range(0, 33), 42, 131, 140])
def test_harmonics_up_to_the_degree_integrate_exactly(degree: int) -> None:
    grid = quadrature(degree)
    integrals = grid.weights @ evaluation_matrix(min(degree, 60), grid)
    integrals[0] -= np.sqrt(4 * np.pi)
    assert np.abs(integrals).max() < 2e-13


@pytest.mark.parametrize("degree", [131, 140])
def test_zonal_functions_up_to_the_degree_integrate_exactly(degree: int) -> None:
    """P_l(a · s) about any axis a: of high degree too, where all harmonics take gigabytes."""
    grid = quadrature(degree)
    for axis in random_directions(3):
        cosines = torch.from_numpy(grid.points) @ axis
        integrals = grid.weights @ legendre_polynomials(degree, cosines).numpy()
        integrals[0] -= 4 * np.pi
        assert np.abs(integrals).max() < 1e-12


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


@pytest.mark.parametrize(("degree", "degree_out"), [(0, 0), (1, 2), (4, 3), (6, 6), (20, 14)])
def test_a_grid_of_angles_gives_coefficients_back(degree: int, degree_out: int) -> None:
    grid = AngleGrid(degree, degree_out)
    waves = torch.from_numpy(grid.waves(max(degree, degree_out)))
    evaluation, projection = (
        at_all_angles(torch.from_numpy(profiles), waves)
        for profiles in (grid.evaluation(degree), grid.projection(degree_out))
    )
    kept = min(evaluation.shape[1], projection.shape[1])
    np.testing.assert_allclose((projection.mT @ evaluation)[:kept, :kept], np.eye(kept), atol=1e-13)


def test_separation_pays_at_high_degrees_only() -> None:
    assert GridProduct([1, 1], 1).waves is None
    assert GridProduct([4, 4], 4).waves is not None
