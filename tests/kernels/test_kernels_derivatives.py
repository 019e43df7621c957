"""Derivatives of the compiled kernels, against differences, which know nothing of the twins."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from kernel_checks import compiled, grid_of
from torch import Tensor

from gaunt_md.sphere import (
    evaluation_matrix,
    gaunt_coefficients,
    hemisphere,
    projection_matrix,
    quadrature,
)

pytestmark = pytest.mark.usefixtures("threads")


def assert_differentiable(operator: Callable[..., Tensor], inputs: list[Tensor]) -> None:
    """By all inputs, unless some are chosen."""
    if not any(tensor.requires_grad for tensor in inputs):
        inputs = [tensor.requires_grad_() for tensor in inputs]
    assert torch.autograd.gradcheck(operator, inputs)
    assert torch.autograd.gradgradcheck(operator, inputs)


@pytest.mark.parametrize("splines", [False, True])
@pytest.mark.parametrize("functions", [1, 2])
def test_derivatives_of_convolutions(splines: bool, functions: int) -> None:
    torch.manual_seed(1)
    first, neighbours = torch.tensor([0, 2, 3]), torch.tensor([1, 0, 0])
    coupling = torch.from_numpy(gaunt_coefficients(1, 1, 1)).flatten(1)
    table = torch.randn(9, 3, functions, 2, dtype=torch.float64) if splines else None
    distances = 0.6 + 2 * torch.rand(3, dtype=torch.float64)
    inputs = [
        torch.randn(2, 4, 2, dtype=torch.float64),
        distances if splines else torch.randn(3, functions, 2, dtype=torch.float64),
        torch.randn(3, 4, dtype=torch.float64),
    ]

    def convolution(h: Tensor, r: Tensor, y: Tensor) -> Tensor:
        return compiled.convolution(h, r, y, first, neighbours, coupling, table, 0.5)

    assert_differentiable(convolution, inputs)


@pytest.mark.parametrize("angles", [False, True])
@pytest.mark.parametrize("degrees", [(2,), (2, 1), (1, 0, 2)])
def test_derivatives_of_products_on_a_grid(angles: bool, degrees: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    matrices = grid_of(degrees, 2, angles, torch.float64)
    shapes = [(2, (degree + 1) ** 2, 2) for degree in degrees]
    factors = [torch.randn(shape, dtype=torch.float64) for shape in shapes]

    def product(*factors: Tensor) -> Tensor:
        return compiled.grid_product(list(factors), *matrices)

    assert_differentiable(product, factors)


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

    assert_differentiable(product, inputs)


def test_derivatives_of_degree_weights() -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 4, 2, dtype=torch.float64)
    assert_differentiable(compiled.degree_weights, [x, torch.randn(2, 2, dtype=torch.float64)])


def test_derivatives_of_degree_linear() -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 4, 2, dtype=torch.float64)
    assert_differentiable(compiled.degree_linear, [x, torch.randn(2, 2, 3, dtype=torch.float64)])


def test_derivatives_of_harmonics() -> None:
    torch.manual_seed(0)
    vectors = torch.randn(3, 3, dtype=torch.float64)
    assert_differentiable(lambda v: compiled.harmonics(v, 3), [vectors])


CONVOLUTION = (torch.tensor([0, 2]), torch.tensor([1, 0]), torch.eye(4, dtype=torch.float64))


@pytest.mark.parametrize(
    ("operator", "shapes"),
    [
        (
            lambda h, r, y: compiled.convolution(h, r, y, *CONVOLUTION, None, 0.0),
            [(2, 1, 2), (2, 2, 2), (2, 4)],
        ),
        (
            lambda x: compiled.grid_product([x, x, x], *grid_of([1, 1, 1], 1, False, x.dtype)),
            [(3, 4, 2)],
        ),
        (
            lambda *inputs: compiled.many_body(
                *inputs, *grid_of([1, 1, 1], 1, False, torch.float64)[:2]
            ),
            [(3, 4, 2), (2, 2, 6), (3, 3, 2)],
        ),
        (lambda vectors: compiled.harmonics(vectors, 2), [(3, 3)]),
    ],
)
def test_third_derivatives_are_refused(
    operator: Callable[..., Tensor], shapes: list[tuple[int, ...]]
) -> None:
    """Instead of leaving out what is not there."""
    torch.manual_seed(0)
    inputs = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    derivative = operator(*inputs).pow(3).sum()
    for _ in range(2):
        (derivative,) = torch.autograd.grad(derivative.sum(), inputs[:1], create_graph=True)
        derivative = derivative.pow(2)
    with pytest.raises(RuntimeError, match=r"derivative for gaunt::.*_second is not implemented"):
        torch.autograd.grad(derivative.sum(), inputs[:1])
