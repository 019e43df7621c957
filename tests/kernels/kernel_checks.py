"""What tests of the kernels share: operators, tolerances, derivatives and grids."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from gaunt_md import kernels  # noqa: F401  (torch.ops.gaunt)
from gaunt_md.sphere import evaluation_matrix, hemisphere, projection_matrix, quadrature
from gaunt_md.sphere.angles import AngleGrid

compiled = torch.ops.gaunt

TOLERANCE = {torch.float32: 2e-5, torch.float64: 1e-12}


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
