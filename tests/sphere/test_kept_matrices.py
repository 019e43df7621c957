"""Functions keep their matrices between calls; who called first must not matter."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from gaunt_md.sphere import gaunt_product, poisson_bracket, to_e3nn_axes


def in_other_axes(x: torch.Tensor, _: torch.Tensor, __: int) -> torch.Tensor:
    return to_e3nn_axes(x)


@pytest.mark.parametrize("product", [gaunt_product, poisson_bracket, in_other_axes])
def test_a_first_call_in_inference_mode_does_not_spoil_later_ones(
    product: Callable[..., torch.Tensor],
) -> None:
    x = torch.randn(2, 16, 1, requires_grad=True)
    y = torch.randn(2, 9, 1)
    with torch.inference_mode():
        expected = product(x, y, 4)
    found = product(x, y, 4)
    found.sum().backward()
    assert x.grad is not None
    assert (found == expected).all()
