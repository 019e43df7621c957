"""The compiled kernels equal their twins in plain torch, to rounding, with both derivatives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gaunt_md import kernels  # noqa: F401  (torch.ops.gaunt)
from gaunt_md.kernels import reference
from gaunt_md.sphere import (
    evaluation_matrix,
    gaunt_coefficients,
    hemisphere,
    projection_matrix,
    quadrature,
)
from gaunt_md.sphere.angles import AngleGrid

compiled = torch.ops.gaunt

TOLERANCE = {torch.float32: 2e-5, torch.float64: 1e-12}


@pytest.fixture(scope="module", params=[1, 3], autouse=True)
def threads(request: pytest.FixtureRequest) -> Iterator[None]:
    """The kernels divide their work into as many parts."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


def derivatives(function: Callable[..., Tensor], inputs: list[Tensor]) -> list[Tensor]:
    """Return the value, the gradient of a weighted sum, and the gradient of a sum of that."""
    generator = torch.Generator().manual_seed(5)

    def weighted(tensors: list[Tensor]) -> Tensor:
        return sum(
            (t * torch.randn(t.shape, generator=generator, dtype=t.dtype)).sum() for t in tensors
        )

    leaves = [tensor.detach().clone().requires_grad_() for tensor in inputs]
    value = function(*leaves)
    adjoint = torch.randn(value.shape, generator=generator, dtype=value.dtype).requires_grad_()
    gradient = torch.autograd.grad(
        (value * adjoint).sum(),
        leaves,
        create_graph=True,
        allow_unused=True,
        materialize_grads=True,
    )
    second = torch.autograd.grad(
        weighted(list(gradient)), [*leaves, adjoint], allow_unused=True, materialize_grads=True
    )
    return [value, *gradient, *second]


def assert_same(
    one: Callable[..., Tensor], other: Callable[..., Tensor], inputs: list[Tensor]
) -> None:
    values = derivatives(other, inputs)
    # A number that is small because large ones cancel has the rounding of these.
    scale = max((value.abs().max().item() for value in values if value.numel()), default=0.0)
    for found, expected in zip(derivatives(one, inputs), values, strict=True):
        assert found.shape == expected.shape
        if expected.numel():
            assert (found - expected).abs().max().item() < TOLERANCE[expected.dtype] * max(1, scale)


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


@pytest.mark.parametrize("angles", [False, True])
@pytest.mark.parametrize("degrees", [(2,), (2, 1), (1, 0, 2)])
def test_derivatives_of_products_on_a_grid(angles: bool, degrees: tuple[int, ...]) -> None:
    """Against differences, which know nothing of the twins."""
    torch.manual_seed(0)
    matrices = grid_of(degrees, 2, angles, torch.float64)
    shapes = [(2, (degree + 1) ** 2, 2) for degree in degrees]
    factors = [torch.randn(s, dtype=torch.float64, requires_grad=True) for s in shapes]

    def product(*factors: Tensor) -> Tensor:
        return compiled.grid_product(list(factors), *matrices)

    assert torch.autograd.gradcheck(product, factors)
    assert torch.autograd.gradgradcheck(product, factors)


def grid_of(
    degrees: Sequence[int], degree_out: int, angles: bool, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Evaluation, projection and waves of a grid of points, or of one of angles."""
    if angles:
        grid = AngleGrid(sum(degrees), degree_out)
        arrays = (
            grid.evaluation(max(degrees)),
            grid.projection(degree_out),
            grid.waves(max(*degrees, degree_out)),
        )
        evaluation, projection, waves = (torch.from_numpy(array).to(dtype) for array in arrays)
        return evaluation, projection, waves
    points = hemisphere(quadrature(sum(degrees) + degree_out))
    evaluation = torch.from_numpy(evaluation_matrix(max(degrees), points)).to(dtype)
    return evaluation, torch.from_numpy(projection_matrix(degree_out, points)).mT.to(dtype), None


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


@pytest.mark.parametrize("wanted", [0, 1, 2])
def test_derivatives_of_a_many_body_product_by_one_argument(wanted: int) -> None:
    """Forces of a trained potential ask for the derivative by x alone, a Hessian for its second."""
    torch.manual_seed(0)
    grid = hemisphere(quadrature(3))
    evaluation = torch.from_numpy(evaluation_matrix(1, grid))
    projection = torch.from_numpy(projection_matrix(1, grid)).mT.contiguous()
    shapes = ((3, 4, 2), (2, 2, 4), (3, 2, 2))
    inputs = [torch.randn(shape, dtype=torch.float64) for shape in shapes]
    inputs[wanted].requires_grad_()

    def product(*inputs: Tensor) -> Tensor:
        return compiled.many_body(*inputs, evaluation, projection)

    assert torch.autograd.gradcheck(product, inputs)
    assert torch.autograd.gradgradcheck(product, inputs)


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


def test_derivatives_of_degree_weights() -> None:
    x = torch.randn(3, 4, 2, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(compiled.degree_weights, (x, weight))
    assert torch.autograd.gradgradcheck(compiled.degree_weights, (x, weight))


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


def test_second_derivatives_by_finite_differences() -> None:
    """Against differences of the gradients, which know nothing of the twins."""
    torch.manual_seed(1)
    first, neighbours = torch.tensor([0, 2, 3]), torch.tensor([1, 0, 0])
    coupling = torch.from_numpy(gaunt_coefficients(1, 1, 1)).flatten(1)
    table = torch.randn(9, 3, 2, 2, dtype=torch.float64)
    inputs = [
        torch.randn(2, 4, 2, dtype=torch.float64, requires_grad=True),
        (0.6 + 2 * torch.rand(3, dtype=torch.float64)).requires_grad_(),
        torch.randn(3, 4, dtype=torch.float64, requires_grad=True),
    ]

    def convolution(h: Tensor, r: Tensor, y: Tensor) -> Tensor:
        return compiled.convolution(h, r, y, first, neighbours, coupling, table, 0.5)

    assert torch.autograd.gradcheck(convolution, inputs)
    assert torch.autograd.gradgradcheck(convolution, inputs)


def test_convolutions_do_not_change_from_run_to_run() -> None:
    torch.manual_seed(0)
    first, neighbours = torch.arange(51) * 8, torch.randint(50, (400,))
    coupling = torch.from_numpy(gaunt_coefficients(2, 2, 1)).flatten(1).float()
    assert_repeatable(
        lambda h, r, y: compiled.convolution(h, r, y, first, neighbours, coupling, None, 0.0),
        [torch.randn(50, 4, 16), torch.randn(400, 3, 16), torch.randn(400, 9)],
    )


def test_many_body_products_do_not_change_from_run_to_run() -> None:
    torch.manual_seed(0)
    evaluation, projection, _ = grid_of([1, 1], 1, False, torch.float32)
    assert_repeatable(
        lambda x, mix, weights: compiled.many_body(x, mix, weights, evaluation, projection),
        [torch.randn(50, 4, 16), torch.randn(2, 16, 32), torch.randn(50, 2, 16)],
    )


def assert_repeatable(operator: Callable[..., Tensor], inputs: list[Tensor]) -> None:
    once = derivatives(operator, inputs)
    for _ in range(2):
        assert all(map(torch.equal, derivatives(operator, inputs), once))


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


# Each operator with arguments that belong together.
ARGUMENTS = {
    "convolution": [torch.ones(*shape) for shape in ((5, 1, 2), (3, 2, 2), (3, 4))]
    + [torch.tensor([0, 1, 3]), torch.tensor([4, 0, 1]), torch.ones(4, 4), None, 0.0],
    "many_body": [torch.ones(*shape) for shape in ((5, 4, 2), (2, 2, 6), (5, 3, 2))]
    + [torch.ones(7, 4), torch.ones(7, 4)],
    "harmonics": [torch.ones(5, 3), 2],
}
RESULTS = {"convolution": (2, 4, 2), "many_body": (5, 4, 2), "harmonics": (5, 9)}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arrays_that_do_not_belong_together_are_refused(name: str) -> None:
    operator, arguments = getattr(compiled, name), ARGUMENTS[name]
    assert operator(*arguments).shape == RESULTS[name]
    for place, argument in enumerate(arguments):
        if isinstance(argument, Tensor):
            wrong = [*arguments[:place], argument[..., :-1], *arguments[place + 1 :]]
            with pytest.raises(RuntimeError, match="gaunt: "):
                operator(*wrong)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_adjoints_of_another_shape_are_refused(name: str) -> None:
    gradient = getattr(compiled, f"{name}_gradient")
    arguments = ARGUMENTS[name][:1] if name == "harmonics" else [*ARGUMENTS[name], True]
    gradient(torch.ones(RESULTS[name]), *arguments)
    with pytest.raises(RuntimeError, match=r"gaunt: adjoint of shape \[1, .* is expected"):
        gradient(torch.ones(RESULTS[name])[:1], *arguments)


@pytest.mark.parametrize("degree", [-1, 9])
def test_harmonics_of_degrees_that_are_not_made(degree: int) -> None:
    with pytest.raises(RuntimeError, match=f"gaunt: degree {degree} is not between 0 and 8"):
        compiled.harmonics(torch.ones(5, 3), degree)
