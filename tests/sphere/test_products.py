"""The Gaunt product against the exact coefficients, and under rotations and inversion."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from gaunt_md.errors import InputError
from gaunt_md.sphere import (
    degrees_of_coefficients,
    evaluation_matrix,
    gaunt_coefficients,
    gaunt_product,
    product_variances,
    projection_matrix,
    quadrature,
)


def random_function(degree: int, *shape: int, seed: int = 0) -> torch.Tensor:
    random = np.random.default_rng([seed, degree, *shape])
    return torch.from_numpy(random.normal(size=(*shape[:-1], (degree + 1) ** 2, shape[-1])))


def rotated(coefficients: torch.Tensor, rotation: np.ndarray) -> torch.Tensor:
    """Coefficients of s ↦ f(R⁻¹ s): evaluate at rotated nodes, project back."""
    degree = int(np.sqrt(coefficients.shape[-2])) - 1
    grid = quadrature(2 * degree)
    turned = type(grid)(grid.degree, grid.points @ rotation, grid.weights)
    matrix = projection_matrix(degree, grid) @ evaluation_matrix(degree, turned)
    return torch.from_numpy(matrix) @ coefficients


degrees = st.integers(0, 6)


@settings(max_examples=40, deadline=None)
@given(degrees, degrees, degrees, st.integers(0, 1000))
def test_product_equals_the_exact_coefficients(l1: int, l2: int, l3: int, seed: int) -> None:
    x, y = random_function(l1, 3, 2, seed=seed), random_function(l2, 3, 2, seed=seed + 1)
    table = torch.from_numpy(gaunt_coefficients(l1, l2, l3))
    expected = torch.einsum("abc,nax,nbx->ncx", table, x, y)
    error = (gaunt_product(x, y, l3) - expected).abs().max()
    assert error <= 1e-13 * max(1, expected.abs().max())


@settings(max_examples=25, deadline=None)
@given(degrees, degrees, degrees, st.integers(0, 1000), st.booleans())
def test_product_commutes_with_rotations_and_inversion(
    l1: int, l2: int, l3: int, seed: int, inverted: bool
) -> None:
    rotation = Rotation.random(random_state=seed).as_matrix() * (-1 if inverted else 1)
    x, y = random_function(l1, 3, 2, seed=seed), random_function(l2, 3, 2, seed=seed + 1)
    turned_after = rotated(gaunt_product(x, y, l3), rotation)
    turned_before = gaunt_product(rotated(x, rotation), rotated(y, rotation), l3)
    assert (turned_after - turned_before).abs().max() < 1e-12 * max(1, turned_after.abs().max())


def test_a_grid_one_degree_too_coarse_is_noticed() -> None:
    """Negative control: aliasing breaks the agreement by far more than the tolerance."""
    x, y = random_function(3, 5, 1), random_function(3, 5, 1, seed=1)
    coarse = quadrature(5)
    values = [torch.from_numpy(evaluation_matrix(3, coarse)) @ f for f in (x, y)]
    aliased = torch.from_numpy(projection_matrix(3, coarse)) @ (values[0] * values[1])
    assert (aliased - gaunt_product(x, y, 3)).abs().max() > 1e-2


def test_shapes_broadcast_and_keep_their_dtype() -> None:
    x = random_function(2, 4, 1, 8).float()
    y = random_function(1, 5, 1).float()
    product = gaunt_product(x, y, 3)
    assert product.shape == (4, 5, 16, 8)
    assert product.dtype == torch.float32


def test_coefficients_that_are_no_function_are_refused() -> None:
    with pytest.raises(InputError, match=r"\(2, 5, 3\).*\(L \+ 1\)\^2"):
        gaunt_product(torch.zeros(2, 5, 3), torch.zeros(2, 4, 3), 1)


def test_variances_of_products_of_random_functions() -> None:
    x, y = random_function(1, 40000, 1), random_function(3, 40000, 1, seed=1)
    sampled = gaunt_product(x, y, 3).square().mean(0).squeeze()
    expected = product_variances([1, 3], 3)[degrees_of_coefficients(3)]
    np.testing.assert_allclose(sampled, expected, rtol=0.05)
    assert product_variances([1, 1], 3)[3] == pytest.approx(0, abs=1e-15)
