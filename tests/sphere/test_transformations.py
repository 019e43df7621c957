"""Every operation under autograd, twice, under torch.jit.script and under torch.compile."""

from __future__ import annotations

import copy
import io

import pytest
import torch
from sphere_functions import operations, random_function

from gaunt_md.sphere import gaunt_product, poisson_bracket

OPERATIONS = operations()


@pytest.mark.parametrize("name", OPERATIONS)
def test_first_and_second_derivatives(name: str) -> None:
    """By the arguments and the weights."""
    module, arguments, call = OPERATIONS[name]
    weights = dict(module.named_parameters())
    leaves = [x.detach().clone().requires_grad_() for x in (*arguments, *weights.values())]

    def operation(*leaves: torch.Tensor) -> torch.Tensor:
        replaced = dict(zip(weights, leaves[len(arguments) :], strict=True))
        return call(
            lambda *x: torch.func.functional_call(module, replaced, x), *leaves[: len(arguments)]
        )

    assert torch.autograd.gradcheck(operation, leaves)
    # Fast mode: the second derivatives along random directions.
    assert torch.autograd.gradgradcheck(operation, leaves, fast_mode=True, atol=1e-4)


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*deprecated:FutureWarning")
@pytest.mark.parametrize("name", OPERATIONS)
def test_scripted_saved_and_loaded_operations_give_the_same(name: str) -> None:
    module, arguments, call = OPERATIONS[name]
    saved = io.BytesIO()
    torch.jit.save(torch.jit.script(module), saved)
    saved.seek(0)
    loaded = torch.jit.load(saved)
    found, expected = call(loaded, *arguments), call(module, *arguments)
    torch.testing.assert_close(found, expected, atol=1e-14, rtol=0)


@pytest.mark.parametrize("name", OPERATIONS)
def test_compiled_operations_are_one_graph_and_give_the_same(name: str) -> None:
    module, arguments, call = OPERATIONS[name]
    arguments = tuple(x.clone().requires_grad_() for x in arguments)
    # The graph and its derivative are captured; only code generation is left out, for time.
    compiled = torch.compile(copy.deepcopy(module), backend="aot_eager", fullgraph=True)
    found, expected = call(compiled, *arguments), call(module, *arguments)
    torch.testing.assert_close(found, expected, atol=1e-14, rtol=0)
    gradients = torch.autograd.grad(found.sum(), arguments)
    others = torch.autograd.grad(expected.sum(), arguments)
    for gradient, other in zip(gradients, others, strict=True):
        torch.testing.assert_close(gradient, other, atol=1e-13, rtol=0)


def test_functions_can_be_compiled() -> None:
    x, y = random_function(2, 3, 4), random_function(1, 3, 4)

    def both(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return gaunt_product(x, y, 2) + poisson_bracket(x, y, 2)

    compiled = torch.compile(both, backend="aot_eager")
    torch.testing.assert_close(compiled(x, y), both(x, y), atol=1e-14, rtol=0)
