"""With a fixed number of threads, numbers do not change from run to run, bit for bit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from kernel_checks import compiled, derivatives, grid_of
from samples import make_potential, silicon_oxide
from torch import Tensor

from gaunt_md.data.graph import evaluate
from gaunt_md.data.neighbours import build_graph
from gaunt_md.sphere import gaunt_coefficients

pytestmark = pytest.mark.usefixtures("threads")


def assert_repeatable(run: Callable[[], list[Tensor]]) -> None:
    once = run()
    for _ in range(2):
        assert all(map(torch.equal, run(), once))


def convolution(h: Tensor, r: Tensor, y: Tensor) -> Tensor:
    torch.manual_seed(0)
    first, neighbours = torch.arange(51) * 8, torch.randint(50, (400,))
    coupling = torch.from_numpy(gaunt_coefficients(2, 2, 1)).flatten(1).float()
    return compiled.convolution(h, r, y, first, neighbours, coupling, None, 0.0)


def many_body(x: Tensor, mix: Tensor, weights: Tensor) -> Tensor:
    evaluation, projection, _ = grid_of([1, 1], 1, False, torch.float32)
    return compiled.many_body(x, mix, weights, evaluation, projection)


def grid_product(x: Tensor, y: Tensor) -> Tensor:
    return compiled.grid_product([x, y], *grid_of([1, 1], 1, False, torch.float32))


@pytest.mark.parametrize(
    ("operator", "shapes"),
    [
        (convolution, [(50, 4, 16), (400, 3, 16), (400, 9)]),
        (many_body, [(50, 4, 16), (2, 16, 32), (50, 2, 16)]),
        (grid_product, [(50, 4, 16), (50, 4, 16)]),
        (compiled.degree_linear, [(50, 4, 16), (2, 16, 16)]),
        (compiled.degree_weights, [(50, 4, 16), (2, 16)]),
        (lambda vectors: compiled.harmonics(vectors, 3), [(400, 3)]),
    ],
)
def test_operators(operator: Callable[..., Tensor], shapes: list[tuple[int, ...]]) -> None:
    torch.manual_seed(0)
    inputs = [torch.randn(shape) for shape in shapes]
    assert_repeatable(lambda: derivatives(operator, inputs))


def test_a_step_of_training() -> None:
    """Energies, forces, virials, and the gradient of a loss of them by all parameters."""
    potential = make_potential("float32")
    graph = build_graph(silicon_oxide((2, 2, 1)), potential.elements, potential.cutoff)

    def step() -> list[Tensor]:
        found = evaluate(potential, graph, create_graph=True)
        results = [found.atomic_energies, found.forces, found.virials]
        loss = sum(result.square().sum() for result in results)
        return [*results, *torch.autograd.grad(loss, list(potential.parameters()))]

    assert_repeatable(step)
