"""The compiled kernels equal their twins in plain torch, to rounding, with both derivatives."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_checks import TOLERANCE, assert_same, compiled, grid_of
from torch import Tensor

from gaunt_md.kernels import reference
from gaunt_md.sphere import (
    evaluation_matrix,
    gaunt_coefficients,
    hemisphere,
    projection_matrix,
    quadrature,
)

pytestmark = pytest.mark.usefixtures("threads")


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("splines", [False, True])
@settings(max_examples=12, deadline=None)
@given(
    hidden_degree=st.integers(0, 2),
    filter_degree=st.integers(0, 4),
    one_for_all_degrees=st.booleans(),
    channels=st.sampled_from([1, 8, 16, 33]),
    edges_of_centres=st.lists(st.integers(0, 5), max_size=4),
    seed=st.integers(0, 1000),
)
def test_convolution(
    dtype: torch.dtype,
    splines: bool,
    hidden_degree: int,
    filter_degree: int,
    one_for_all_degrees: bool,
    channels: int,
    edges_of_centres: list[int],
    seed: int,
) -> None:
    torch.manual_seed(seed)
    edges = sum(edges_of_centres)
    first = torch.cumsum(torch.tensor([0, *edges_of_centres]), 0)
    neighbours = torch.randint(7, (edges,))
    degree_out = min(filter_degree + hidden_degree, 4)
    coupling = torch.from_numpy(gaunt_coefficients(degree_out, filter_degree, hidden_degree))
    coupling = coupling.flatten(1).to(dtype)
    features = torch.randn(7, (hidden_degree + 1) ** 2, channels, dtype=dtype)
    harmonics = torch.randn(edges, (filter_degree + 1) ** 2, dtype=dtype)
    functions = 1 if one_for_all_degrees else filter_degree + 1
    table = torch.randn(9, 3, functions, channels, dtype=dtype) if splines else None
    if splines:
        radial = 0.01 + 3.9 * torch.rand(edges, dtype=dtype)
    else:
        radial = torch.randn(edges, functions, channels, dtype=dtype)
    assert_same(
        lambda h, r, y: compiled.convolution(h, r, y, first, neighbours, coupling, table, 0.5),
        lambda h, r, y: reference.convolution(h, r, y, first, neighbours, coupling, table, 0.5),
        [features, radial, harmonics],
    )


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("angles", [False, True])
@settings(max_examples=15, deadline=None)
@given(
    degrees=st.lists(st.integers(0, 3), min_size=1, max_size=4),
    degree_out=st.integers(0, 3),
    channels=st.sampled_from([1, 16, 20, 32]),
    nodes=st.sampled_from([0, 5]),
    seed=st.integers(0, 1000),
)
def test_grid_product(
    dtype: torch.dtype,
    angles: bool,
    degrees: list[int],
    degree_out: int,
    channels: int,
    nodes: int,
    seed: int,
) -> None:
    torch.manual_seed(seed)
    evaluation, projection, waves = grid_of(degrees, degree_out, angles, dtype)
    inputs = [torch.randn(nodes, (degree + 1) ** 2, channels, dtype=dtype) for degree in degrees]

    def called(operator: Callable[..., Tensor]) -> Callable[..., Tensor]:
        return lambda *factors: operator(list(factors), evaluation, projection, waves)

    assert_same(called(compiled.grid_product), called(reference.grid_product), inputs)


@pytest.mark.parametrize("angles", [False, True])
def test_products_of_high_degree_and_of_no_nodes(angles: bool) -> None:
    torch.manual_seed(0)
    evaluation, projection, waves = grid_of([14, 9], 12, angles, torch.float64)
    for nodes in (0, 3):
        factors = [torch.randn(nodes, size, 8, dtype=torch.float64) for size in (225, 100)]
        found, expected = (
            operator(factors, evaluation, projection, waves)
            for operator in (compiled.grid_product, reference.grid_product)
        )
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_gradients_of_transposed_factors_are_what_torch_compile_expects() -> None:
    matrices = grid_of([1, 1], 1, False, torch.float64)[:2]
    factors = [torch.randn(3, 16, 4, dtype=torch.float64).mT for _ in range(2)]
    adjoint = torch.randn(3, 4, 16, dtype=torch.float64)
    arguments = (adjoint, factors, *matrices)
    torch.library.opcheck(compiled.grid_product_gradient, arguments, test_utils=["test_faketensor"])


@pytest.mark.parametrize("dtype", TOLERANCE)
@settings(max_examples=15, deadline=None)
@given(
    degree=st.integers(0, 3),
    factors=st.integers(1, 4),
    degree_out=st.integers(0, 2),
    channels_in=st.sampled_from([1, 16, 20, 32]),
    channels=st.sampled_from([1, 16, 20, 32]),
    nodes=st.sampled_from([0, 1, 8, 21]),
    seed=st.integers(0, 1000),
)
def test_many_body(
    dtype: torch.dtype,
    degree: int,
    factors: int,
    degree_out: int,
    channels_in: int,
    channels: int,
    nodes: int,
    seed: int,
) -> None:
    torch.manual_seed(seed)
    grid = hemisphere(quadrature(factors * degree + degree_out))
    evaluation = torch.from_numpy(evaluation_matrix(degree, grid)).to(dtype)
    projection = torch.from_numpy(projection_matrix(degree_out, grid)).mT.to(dtype)
    inputs = [
        torch.randn(nodes, (degree + 1) ** 2, channels_in, dtype=dtype),
        torch.randn(degree + 1, channels_in, factors * channels, dtype=dtype) / channels_in**0.5,
        torch.randn(nodes, factors, channels, dtype=dtype),
    ]
    assert_same(
        lambda x, mix, weights: compiled.many_body(x, mix, weights, evaluation, projection),
        lambda x, mix, weights: reference.many_body(x, mix, weights, evaluation, projection),
        inputs,
    )


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("size_in", "size_out"), [(1, 1), (5, 64), (64, 192), (16, 40)])
@pytest.mark.parametrize("nodes", [0, 1, 37])
def test_degree_linear(dtype: torch.dtype, size_in: int, size_out: int, nodes: int) -> None:
    torch.manual_seed(0)
    inputs = [torch.randn(nodes, 9, size_in, dtype=dtype), torch.randn(3, size_in, size_out)]
    inputs = [tensor.to(dtype) for tensor in inputs]
    assert_same(compiled.degree_linear, reference.degree_linear, inputs)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("channels", [1, 16, 40])
@pytest.mark.parametrize("nodes", [0, 1, 37])
def test_degree_weights(dtype: torch.dtype, channels: int, nodes: int) -> None:
    torch.manual_seed(0)
    inputs = [torch.randn(nodes, 16, channels, dtype=dtype), torch.randn(4, channels, dtype=dtype)]
    assert_same(compiled.degree_weights, reference.degree_weights, inputs)


def test_degree_weights_of_repeated_nodes_and_adjoints() -> None:
    """The gradient of a sum repeats one row, which is not copied for each node."""
    x, weight = torch.randn(1, 9, 5).expand(4, 9, 5), torch.randn(3, 5, requires_grad=True)
    for reduced in (lambda y: y.sum(), lambda y: y.sum(0)[2, 3]):
        gradients = [
            torch.autograd.grad(reduced(operator(x, weight)), weight)[0]
            for operator in (compiled.degree_weights, reference.degree_weights)
        ]
        torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("degree", [0, 1, 3, 8])
@pytest.mark.parametrize("edges", [0, 1, 16, 45])
def test_harmonics(dtype: torch.dtype, degree: int, edges: int) -> None:
    torch.manual_seed(0)
    vectors = torch.nn.functional.normalize(torch.randn(edges, 3, dtype=dtype), dim=1)
    vectors[:1] = torch.tensor([0.0, 0.0, -1.0])
    vectors = vectors * (1.0 + torch.rand(edges, 1, dtype=dtype))
    assert_same(
        lambda v: compiled.harmonics(v, degree),
        lambda v: reference.harmonics(v, degree),
        [vectors],
    )


def test_radial_functions_at_distances_that_are_none() -> None:
    """What is not a number stays so; beyond the table its last polynomial goes on."""
    table = torch.randn(9, 3, 1, 8, dtype=torch.float64)
    distances = torch.tensor([torch.nan, 1e12, -1e12], dtype=torch.float64)
    ones = torch.ones(3, 1, 8, dtype=torch.float64)
    first, neighbours = torch.arange(4), torch.arange(3)
    found = compiled.convolution(
        ones, distances, ones[:, :, 0], first, neighbours, ones[:1, :, 0], table, 0.5
    )
    assert found[0].isnan().all()
    torch.testing.assert_close(found[1:], reference.hermite_spline(distances[1:], table, 0.5))
