"""The optimiser: what makes it fast, and that it is what the paper says."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
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


@pytest.mark.parametrize("refresh", [1, 10])
def test_in_eigenbases_that_stay_the_steps_are_those_of_adam(refresh: int) -> None:
    """Gradients U diag(g) Vᵀ: there Adam steps, along the singular vectors."""
    left, right = rotation(4, 8), rotation(4, 9)
    along = torch.tensor([1.0, -2.0, 3.0, 0.5], dtype=torch.float64)
    curvatures = torch.tensor([3.0, 1.0, 0.2, 8.0], dtype=torch.float64)
    weight = (left * along @ right.mT).requires_grad_()
    along.requires_grad_()
    soap = Soap([weight], lr=0.03, refresh=refresh)
    adam = torch.optim.Adam([along], lr=0.03, betas=(0.95, 0.95))
    for step in range(60):
        turned = (left.mT @ weight @ right).diagonal()
        weight.grad = torch.autograd.grad((curvatures * turned.square()).sum(), weight)[0]
        soap.step()
        if step > 0:  # the first step of SOAP only learns the eigenbases
            along.grad = torch.autograd.grad((curvatures * along.square()).sum(), along)[0]
            adam.step()
    expected = left * along.detach() @ right.mT
    torch.testing.assert_close(weight.detach(), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("refresh", [1, 3])
def test_eigenbases_turn_as_often_as_asked(refresh: int) -> None:
    parameter = torch.zeros(3, 2, requires_grad=True)
    optimizer = Soap([parameter], lr=0.1, refresh=refresh)
    turned, before = [], None
    for step in range(8):
        parameter.grad = torch.randn(3, 2, generator=torch.Generator().manual_seed(step))
        optimizer.step()
        basis = optimizer.state[parameter]["left_basis"].clone()
        if before is not None and not torch.equal(basis, before):
            turned.append(step)
        before = basis
    assert turned == list(range(1, 8, refresh))


def test_directions_without_a_gradient_are_not_walked_along_in_single_precision() -> None:
    """What is left there by rounding must not be taken for a gradient."""
    left, right = rotation(32, 10)[:, :2], rotation(32, 11)[:, :2]
    weight = torch.zeros(32, 32, requires_grad=True)
    optimizer = Soap([weight], lr=0.03)
    generator = torch.Generator().manual_seed(1)
    for _ in range(200):
        sizes = torch.randn(2, generator=generator, dtype=torch.float64)
        weight.grad = (100 * left * sizes @ right.mT).float()
        optimizer.step()
    way = weight.detach().double()
    along = left @ (left.mT @ way @ right) @ right.mT
    assert along.norm() > 0.1
    assert (way - along).norm() < 0.1 * along.norm()


def test_a_stored_state_goes_on_bit_for_bit() -> None:
    """Also with a vector, with parameters that share a stack, and with one without a gradient."""

    def parameters() -> list[Tensor]:
        shapes = [(3, 4), (2, 3, 4), (5,), (3, 4)]
        return [torch.ones(shape, requires_grad=True) for shape in shapes]

    def step(weights: list[Tensor], optimizer: Soap, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        for weight in weights[:3]:
            weight.grad = torch.randn(weight.shape, generator=generator)
        optimizer.step()

    weights, again = parameters(), parameters()
    first, second = Soap(weights, lr=0.1), Soap(again, lr=0.7)
    for seed in range(13):
        step(weights, first, seed)
    stored = io.BytesIO()
    torch.save(first.state_dict(), stored)
    stored.seek(0)
    second.load_state_dict(torch.load(stored, weights_only=True))
    for mine, theirs in zip(again, weights, strict=True):
        mine.data.copy_(theirs.data)
    for seed in range(13, 26):
        step(weights, first, seed)
        step(again, second, seed)
    assert all(map(torch.equal, weights, again))
    assert not torch.equal(weights[0], torch.ones(3, 4))
    assert torch.equal(weights[3], torch.ones(3, 4))
