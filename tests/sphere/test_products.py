"""Every method of the Gaunt product against the exact coefficients, rotations and inversion."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from sphere_functions import METHODS, random_function, turned

from gaunt_md.errors import InputError
from gaunt_md.sphere import (
    FeatureInteraction,
    GauntProduct,
    degrees_of_coefficients,
    evaluation_matrix,
    gaunt_coefficients,
    gaunt_product,
    many_body_product,
    product_variances,
    projection_matrix,
    quadrature,
)

degrees = st.integers(0, 6)


@lru_cache
def table(l1: int, l2: int, l3: int) -> torch.Tensor:
    return torch.from_numpy(gaunt_coefficients(l1, l2, l3))


def relative_error(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Largest error in units of the result's rms."""
    error = (found.double() - expected).abs().max() / expected.square().mean().sqrt()
    return float(error)


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=25, deadline=None)
@given(l1=degrees, l2=degrees, l3=degrees, seed=st.integers(0, 1000))
def test_product_equals_the_exact_coefficients(
    method: str, l1: int, l2: int, l3: int, seed: int
) -> None:
    x, y = random_function(l1, 3, 2, seed=seed), random_function(l2, 3, 2, seed=seed + 1)
    expected = torch.einsum("abc,nax,nbx->ncx", table(l1, l2, l3), x, y)
    assert relative_error(gaunt_product(x, y, l3, method), expected) <= 1e-13


@pytest.fixture(scope="module")
def product_of_degree_14() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    x, y = random_function(14, 2, 3), random_function(14, 2, 3, seed=1)
    return x, y, torch.einsum("abc,nax,nbx->ncx", table(14, 14, 14), x, y)


@pytest.mark.parametrize("method", METHODS)
def test_degree_14_in_both_precisions(
    method: str, product_of_degree_14: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
) -> None:
    x, y, expected = product_of_degree_14
    assert relative_error(gaunt_product(x, y, 14, method), expected) < 1e-12
    assert relative_error(gaunt_product(x.float(), y.float(), 14, method), expected) < 1e-5


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=10, deadline=None)
@given(l1=degrees, l2=degrees, l3=degrees, seed=st.integers(0, 1000), inverted=st.booleans())
def test_product_commutes_with_rotations_and_inversion(
    method: str, l1: int, l2: int, l3: int, seed: int, inverted: bool
) -> None:
    rotation = Rotation.random(random_state=seed).as_matrix() * (-1 if inverted else 1)
    x, y = random_function(l1, 3, 2, seed=seed), random_function(l2, 3, 2, seed=seed + 1)
    turned_after = turned(gaunt_product(x, y, l3, method), rotation)
    turned_before = gaunt_product(turned(x, rotation), turned(y, rotation), l3, method)
    assert relative_error(turned_before, turned_after) < 1e-12


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("inputs", "degree_out"), [((3,), 4), ((2, 3, 1), 2), ((2, 2, 2, 2), 1), ((1, 2, 0, 1, 3), 5)]
)
def test_many_body_product_equals_successive_products(
    method: str, inputs: tuple[int, ...], degree_out: int
) -> None:
    factors = [random_function(l, 4, 2, seed=k) for k, l in enumerate(inputs)]
    expected, degree = factors[0], inputs[0]
    for factor, l in zip(factors[1:], inputs[1:], strict=True):
        expected = gaunt_product(expected, factor, degree + l, "direct")
        degree += l
    expected = torch.nn.functional.pad(expected, [0, 0, 0, 40])[:, : (degree_out + 1) ** 2]
    assert relative_error(many_body_product(factors, degree_out, method), expected) < 1e-12


def test_the_product_of_values_is_the_value_of_the_product() -> None:
    """Σ z Y(s) = (Σ x Y(s)) (Σ y Y(s)) in every direction, if nothing is cut off."""
    x, y = random_function(3, 1), random_function(2, 1, seed=1)
    somewhere = quadrature(20)
    values = [
        torch.from_numpy(evaluation_matrix(degree, somewhere)) @ function
        for degree, function in ((3, x), (2, y), (5, gaunt_product(x, y, 5)))
    ]
    torch.testing.assert_close(values[0] * values[1], values[2], atol=1e-13, rtol=0)


def test_a_grid_one_degree_too_coarse_is_noticed() -> None:
    """Negative control: aliasing breaks the agreement by far more than the tolerance."""
    x, y = random_function(3, 5, 1), random_function(3, 5, 1, seed=1)
    coarse = quadrature(5)
    values = [torch.from_numpy(evaluation_matrix(3, coarse)) @ f for f in (x, y)]
    aliased = torch.from_numpy(projection_matrix(3, coarse)) @ (values[0] * values[1])
    assert (aliased - gaunt_product(x, y, 3)).abs().max() > 1e-2


@pytest.mark.parametrize("method", METHODS)
def test_shapes_broadcast_and_keep_their_dtype(method: str) -> None:
    x = random_function(2, 4, 1, 8).float()
    y = random_function(1, 5, 1).float()
    product = gaunt_product(x, y, 3, method)
    assert product.shape == (4, 5, 16, 8)
    assert product.dtype == torch.float32
    torch.testing.assert_close(GauntProduct(2, 1, 3, method)(x, y), product)
    whole_x, whole_y = (
        function.expand(4, 5, function.shape[-2], 8).contiguous() for function in (x, y)
    )
    torch.testing.assert_close(gaunt_product(whole_x, whole_y, 3, method), product)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("degree", [1, 4])  # grids of points and of angles
def test_second_derivatives_by_a_function_that_all_nodes_share(method: str, degree: int) -> None:
    x = random_function(degree, 3, 16).requires_grad_()
    y = random_function(degree, 1, 16, seed=1).requires_grad_()
    assert torch.autograd.gradgradcheck(
        lambda x, y: gaunt_product(x, y, degree, method), (x, y), fast_mode=True, atol=1e-4
    )


def test_any_number_of_factors_but_on_the_grid() -> None:
    """Constants, of which one with coefficient x has the value x/√4π everywhere."""
    factors = [random_function(0, 3, 2, seed=k) for k in range(17)]
    expected = torch.stack(factors).prod(0) / (4 * torch.pi) ** 8
    for method in ("auto", "fourier", "direct"):
        found = many_body_product(factors, 0, method)
        torch.testing.assert_close(found, expected, atol=0, rtol=1e-12)
    with pytest.raises(InputError, match="17 factors with method='grid': expected at most 16"):
        many_body_product(factors, 0, "grid")
    expected = torch.stack(factors[1:]).prod(0) / (4 * torch.pi) ** 7.5
    found = many_body_product(factors[1:], 0, "grid")
    torch.testing.assert_close(found, expected, atol=0, rtol=1e-12)


def test_arguments_that_cannot_be_used_are_refused() -> None:
    with pytest.raises(InputError, match=r"\(2, 5, 3\).*\(L \+ 1\)\^2"):
        gaunt_product(torch.zeros(2, 5, 3), torch.zeros(2, 4, 3), 1)
    with pytest.raises(InputError, match=r"'gird'.*Did you mean 'grid'"):
        gaunt_product(torch.zeros(2, 4, 3), torch.zeros(2, 4, 3), 1, method="gird")
    with pytest.raises(InputError, match="no functions"):
        many_body_product([], 1)


def test_variances_of_products_of_random_functions() -> None:
    x, y = random_function(1, 40000, 1), random_function(3, 40000, 1, seed=1)
    sampled = gaunt_product(x, y, 3).square().mean(0).squeeze()
    expected = product_variances([1, 3], 3)[degrees_of_coefficients(3)]
    np.testing.assert_allclose(sampled, expected, rtol=0.05)
    balance = [(2 * degrees_of_coefficients(l) + 1).rsqrt().unsqueeze(-1) for l in (1, 3)]
    sampled = gaunt_product(balance[0] * x, balance[1] * y, 3).square().mean(0).squeeze()
    expected = product_variances([1, 3], 3, balanced=True)[degrees_of_coefficients(3)]
    np.testing.assert_allclose(sampled, expected, rtol=0.05)
    assert product_variances([1, 1], 3)[3] == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("method", ["grid", "fourier", "direct"])
def test_a_module_refuses_other_degrees_than_its_own(method: str) -> None:
    product = GauntProduct(1, 2, 2, method)
    with pytest.raises(InputError, match=r"\[5, 9, 3\], \[5, 9, 3\].*\(\.\.\., 4, channels\)"):
        product(torch.randn(5, 9, 3), torch.randn(5, 9, 3))


@pytest.mark.parametrize("mix_channels", [True, False])
@pytest.mark.parametrize("shape", [(5, 4, 16), (5, 16, 16), (5, 9, 7)])
def test_weights_refuse_features_of_another_shape(
    mix_channels: bool, shape: tuple[int, ...]
) -> None:
    interaction = FeatureInteraction(2, 2, 2, 16, mix_channels=mix_channels)
    with pytest.raises(InputError, match=r"expected \(\.\.\., 9, 16\)"):
        interaction(torch.randn(*shape), torch.randn(5, 9, 16))


@pytest.mark.parametrize("method", ["grid", "fourier", "direct"])
def test_no_nodes_have_no_products(method: str) -> None:
    nothing = torch.zeros(0, 9, 4)
    assert gaunt_product(nothing, nothing, 2, method).shape == (0, 9, 4)
