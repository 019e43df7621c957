"""The optimiser: what makes it fast, and that it is what the paper says."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gaunt_md.training.optimiser import Soap


def trained(
    start: Tensor, loss: Callable[[Tensor], Tensor], optimiser: type, steps: int, lr: float
) -> Tensor:
    parameter = start.clone().requires_grad_()
    optimizer = optimiser([parameter], lr=lr)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = lr * (1 - step / steps)
        optimizer.zero_grad()
        loss(parameter).backward()
        optimizer.step()
    return parameter.detach()


def rotation(size: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    matrix = torch.randn(size, size, generator=generator, dtype=torch.float64)
    return torch.linalg.qr(matrix).Q


def ill_conditioned(rows: int, columns: int) -> Callable[[Tensor], Tensor]:
    """Return a quadratic loss whose curvatures span six orders, along no axis."""
    left = rotation(rows, 1) * torch.logspace(0, -1.5, rows, dtype=torch.float64)
    right = rotation(columns, 2) * torch.logspace(0, -1.5, columns, dtype=torch.float64)
    return lambda weight: (left.mT @ weight @ right).square().sum()


def test_a_loss_in_turned_coordinates_takes_the_same_way_down() -> None:
    loss = ill_conditioned(5, 5)
    start, left, right = rotation(5, 3), rotation(5, 4), rotation(5, 5)
    plain = trained(start, loss, Soap, 40, 0.03)
    turned = trained(left @ start @ right, lambda w: loss(left.mT @ w @ right.mT), Soap, 40, 0.03)
    assert (plain - start).norm() > 0.1
    torch.testing.assert_close(left.mT @ turned @ right.mT, plain, rtol=0, atol=1e-5)


def test_ill_conditioned_problems_need_far_fewer_steps_than_with_adam() -> None:
    loss = ill_conditioned(12, 8)
    start = rotation(12, 3)[:, :8]

    def best(optimiser: type) -> float:
        return min(float(loss(trained(start, loss, optimiser, 200, lr))) for lr in (0.03, 0.1, 0.3))

    assert best(Soap) < 0.1 * best(torch.optim.Adam)


def test_each_matrix_of_a_stack_has_its_own_way() -> None:
    loss = ill_conditioned(6, 4)
    stack = torch.stack([rotation(6, 6)[:, :4], rotation(6, 7)[:, :4]])
    together = trained(stack, lambda s: sum(loss(w) for w in s), Soap, 30, 0.03)  # type: ignore[arg-type, return-value]
    alone = torch.stack([trained(w, loss, Soap, 30, 0.03) for w in stack])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-10)


def test_weights_decay_where_there_is_no_gradient() -> None:
    parameter = torch.ones(3, 2, requires_grad=True)
    optimizer = Soap([parameter], lr=0.1, weight_decay=0.5)
    for _ in range(2):  # the first step learns the bases only
        parameter.grad = torch.zeros_like(parameter)
        optimizer.step()
    torch.testing.assert_close(parameter.detach(), torch.full((3, 2), 0.95))
