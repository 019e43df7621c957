"""Operators refuse arrays that do not belong together, beyond whose ends they would read."""

from __future__ import annotations

import pytest
import torch
from kernel_checks import compiled
from torch import Tensor

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


X, OTHER = torch.ones(5, 4, 2), torch.ones(4, 4, 2)
MATRIX, WAVES = torch.ones(7, 4), torch.ones(3, 3)
CONVOLUTION = ARGUMENTS["convolution"]


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("grid_product", [[], MATRIX, MATRIX], "products of 0 factors"),
        ("grid_product", [[X] * 17, MATRIX, MATRIX], "17 factors .* only those of 1 to 16"),
        ("grid_product", [[X[0]], MATRIX, MATRIX], r"a factor of shape \[4, 2\] where"),
        ("grid_product", [[X, OTHER], MATRIX, MATRIX], r"shape \[4, 4, 2\] beside one of shape"),
        ("grid_product", [[X], MATRIX[:, :1], MATRIX], "on a grid for 1 coefficients"),
        ("grid_product", [[X], MATRIX, MATRIX[:6]], r"projection of shape \[6, 4\]"),
        ("grid_product", [[X], MATRIX, MATRIX, WAVES[:, :1]], "waves of 1 orders .* at least 3"),
        ("grid_product_gradient", [OTHER, [X], MATRIX, MATRIX], "adjoint of shape"),
        ("degree_linear", [X, torch.ones(1, 2, 3)], "matrices of shape"),
        ("degree_linear", [X, torch.ones(2, 2)], "matrices of shape"),
        ("degree_linear_weights", [X, OTHER], "adjoint of shape"),
        ("degree_weights", [X, torch.ones(2, 1)], "weights of shape"),
        ("degree_weights", [X, torch.ones(2, 2, 2)], "weights of shape"),
        ("degree_weights_gradient", [OTHER, X, torch.ones(2, 2)], "adjoint of shape"),
        ("convolution", [torch.ones(4, 1, 2), *CONVOLUTION[1:]], "neighbours from 0 to 4 where"),
        (
            "convolution",
            [*CONVOLUTION[:3], torch.tensor([0, 4, 3]), *CONVOLUTION[4:]],
            "end before they begin",
        ),
        (
            "convolution",
            [CONVOLUTION[0], torch.ones(3, 3, 2), *CONVOLUTION[2:]],
            r"radial functions of shape \[3, 3, 2\] where \[3, 2, 2\]",
        ),
    ],
)
def test_what_is_wrong_is_said(name: str, arguments: list[object], said: str) -> None:
    with pytest.raises(RuntimeError, match=f"gaunt: .*{said}"):
        getattr(compiled, name)(*arguments)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_numbers_of_another_precision_are_refused(name: str) -> None:
    operator, arguments = getattr(compiled, name), ARGUMENTS[name]
    with pytest.raises(RuntimeError, match="gaunt: dtype Half is neither float32 nor float64"):
        operator(arguments[0].half(), *arguments[1:])
