"""SOAP: Adam in the eigenbasis of Shampoo's preconditioner.

N. Vyas et al., SOAP: improving and stabilizing Shampoo using Adam, ICLR 2025, arXiv:2409.11321.
Parameters of a potential are many small matrices whose gradients are far from independent entry by
entry; in the basis of the eigenvectors of G Gᵀ and Gᵀ G they nearly are, and there one step size
for each entry, as Adam has it, goes far: a training needs a fraction of the steps.

Libraries have SOAP, too, for networks of few large matrices, which they take one after the other;
here matrices of one shape are a stack, one for each degree of a mixing among them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor


class Soap(torch.optim.Optimizer):
    """Steps for many small matrices, each with two bases of its own.

    The last two dimensions of a parameter are the matrix; a vector is a matrix of one row. All
    matrices of one shape are a stack that makes its steps at once, and the state of a stack is
    that of its first parameter. A parameter without a gradient has one of zero: it still decays.

    Parameters
    ----------
    parameters : iterable of Tensor
    lr : float
        Size of the step of each entry in the eigenbasis.
    weight_decay : float
        Parameters shrink by this times the learning rate in each step.
    memory : float
        Part of themselves that the running means of gradients, their squares and the
        preconditioners keep in each step.
    refresh : int
        Steps from one update of the eigenbases to the next.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float,
        weight_decay: float = 0.0,
        memory: float = 0.95,
        refresh: int = 10,
    ) -> None:
        options = {"lr": lr, "weight_decay": weight_decay, "memory": memory, "refresh": refresh}
        super().__init__(parameters, options)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Make a step with gradients that are finite; the first one only learns the eigenbases."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for stack in _stacks(group["params"]):
                gradients = torch.cat([_matrices(_gradient(parameter)) for parameter in stack])
                state = self.state[stack[0]]
                if not state:
                    state.update(_first_state(gradients))
                    continue
                directions = _directions(gradients, state, group)
                counts = [len(_matrices(parameter)) for parameter in stack]
                for parameter, direction in zip(stack, directions.split(counts), strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    _matrices(parameter).sub_(direction, alpha=group["lr"])
        return loss


def _stacks(parameters: Iterable[Tensor]) -> list[list[Tensor]]:
    """Return the parameters in groups whose matrices have one shape."""
    stacks: dict[torch.Size, list[Tensor]] = {}
    for parameter in parameters:
        stacks.setdefault(_matrices(parameter).shape[1:], []).append(parameter)
    return list(stacks.values())


def _matrices(tensor: Tensor) -> Tensor:
    """Return a view of shape (matrices, rows, columns)."""
    return tensor.view(-1, *tensor.shape[-2:]) if tensor.dim() > 1 else tensor.view(1, 1, -1)


def _gradient(parameter: Tensor) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def _first_state(gradients: Tensor) -> dict[str, Any]:
    left, right = gradients @ gradients.mT, gradients.mT @ gradients
    return {
        "step": 0,
        "mean": torch.zeros_like(gradients),
        "squares": torch.zeros_like(gradients),  # in the eigenbasis
        "left": left,
        "right": right,
        "left_basis": torch.linalg.eigh(left).eigenvectors,
        "right_basis": torch.linalg.eigh(right).eigenvectors,
    }


def _directions(gradients: Tensor, state: dict[str, Any], options: dict[str, Any]) -> Tensor:
    """Return the directions of a step, and take the gradients into the state."""
    memory = options["memory"]
    state["step"] += 1
    left, right = state["left_basis"], state["right_basis"]
    state["mean"].lerp_(gradients, 1 - memory)
    state["squares"].lerp_((left.mT @ gradients @ right).square(), 1 - memory)
    # Both means began with zero.
    seen = 1 - memory ** state["step"]
    sizes = _above_rounding((state["squares"] / seen).sqrt())
    directions = left @ ((left.mT @ state["mean"] @ right) / (seen * sizes)) @ right.mT
    state["left"].lerp_(gradients @ gradients.mT, 1 - memory)
    state["right"].lerp_(gradients.mT @ gradients, 1 - memory)
    if (state["step"] - 1) % options["refresh"] == 0:
        _refresh(state, "left", -2)
        _refresh(state, "right", -1)
    return directions


def _above_rounding(sizes: Tensor) -> Tensor:
    """Return sizes of gradients in the eigenbasis with what rounding alone may add to them.

    Gradients of low rank have noise along the other eigenvectors, in which parameters would walk
    at random. It is as large as the singular values that `torch.linalg.matrix_rank` takes for zero.
    """
    rounding = max(sizes.shape[-2:]) * torch.finfo(sizes.dtype).eps
    return sizes + rounding * sizes.amax(dim=(-2, -1), keepdim=True) + 1e-8


def _refresh(state: dict[str, Any], side: str, dimension: int) -> None:
    """Turn a basis towards the eigenvectors by one step of orthogonal iteration.

    The vectors are sorted by their eigenvalues first, and the squares along with them.
    """
    preconditioner, basis = state[side], state[f"{side}_basis"]
    eigenvalues = torch.linalg.vecdot(basis, preconditioner @ basis, dim=-2)
    order = eigenvalues.argsort(dim=-1, descending=True)
    basis = basis.gather(-1, order.unsqueeze(-2).expand_as(basis))
    along = order.unsqueeze(-1 if dimension == -2 else -2).expand_as(state["squares"])
    state["squares"] = state["squares"].gather(dimension, along)
    state[f"{side}_basis"] = torch.linalg.qr(preconditioner @ basis).Q
