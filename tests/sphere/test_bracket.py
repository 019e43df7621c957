"""The Poisson bracket: the odd paths, all of them and no other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from sphere_functions import random_function, turned

from gaunt_md.sphere import (
    bracket_constant,
    gaunt_constant,
    gaunt_product,
    poisson_bracket,
    real_wigner_3j,
)

PATHS = [
    (l1, l2, l3)
    for l1 in range(5)
    for l2 in range(5)
    for l3 in range(abs(l1 - l2), min(l1 + l2, 4) + 1)
]


def unit_functions(l1: int, l2: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Every pair of harmonics of two degrees, as broadcasting batches."""
    x = torch.eye((l1 + 1) ** 2, dtype=torch.float64)[l1 * l1 :, None, :, None]
    y = torch.eye((l2 + 1) ** 2, dtype=torch.float64)[None, l2 * l2 :, :, None]
    return x, y


@pytest.mark.parametrize("path", PATHS)
def test_product_and_bracket_are_multiples_of_the_wigner_coupling(path: tuple[int, ...]) -> None:
    """Path by path: G = κ W for even sums of degrees, the bracket = λ W for odd ones."""
    l1, l2, l3 = path
    coupling = real_wigner_3j(l1, l2, l3)
    for operation, constant in (
        (gaunt_product, gaunt_constant),
        (poisson_bracket, bracket_constant),
    ):
        found = operation(*unit_functions(l1, l2), l3)[..., l3 * l3 :, 0]
        np.testing.assert_allclose(found, constant(l1, l2, l3) * coupling, atol=1e-13)


def test_every_path_belongs_to_one_of_the_two() -> None:
    for l1, l2, l3 in PATHS:
        constants = gaunt_constant(l1, l2, l3), bracket_constant(l1, l2, l3)
        present = [constant > 0.01 for constant in constants]
        assert present == ([True, False] if (l1 + l2 + l3) % 2 == 0 else [False, True])


def test_bracket_of_coordinates_is_the_third_coordinate() -> None:
    """{x, y} = z on the unit sphere, as for the components of an angular momentum."""
    y, z, x = (torch.eye(4, dtype=torch.float64)[1 + k].unsqueeze(-1) for k in range(3))
    unit = np.sqrt(4 * np.pi / 3)  # x = unit Y_1,1
    for first, second, third in ((x, y, z), (y, z, x), (z, x, y)):
        found = poisson_bracket(unit * first, unit * second, 2)[:4]
        torch.testing.assert_close(found, unit * third, atol=1e-14, rtol=0)


def test_bracket_is_antisymmetric_and_a_derivation() -> None:
    f, g, h = (random_function(l, 3, 2, seed=l) for l in (2, 3, 1))
    assert poisson_bracket(f, f, 3).abs().max() < 1e-13
    torch.testing.assert_close(
        poisson_bracket(f, g, 4), -poisson_bracket(g, f, 4), atol=1e-12, rtol=0
    )
    whole = poisson_bracket(f, gaunt_product(g, h, 4), 5)
    parts = gaunt_product(poisson_bracket(f, g, 4), h, 5)
    parts = parts + gaunt_product(g, poisson_bracket(f, h, 2), 5)
    torch.testing.assert_close(whole, parts, atol=1e-11, rtol=0)


@pytest.mark.parametrize("sign", [1, -1])
def test_bracket_turns_with_its_arguments_and_is_a_pseudoscalar(sign: int) -> None:
    orthogonal = sign * Rotation.random(random_state=3).as_matrix()
    f, g = random_function(3, 4, 2), random_function(2, 4, 2, seed=1)
    turned_after = turned(poisson_bracket(f, g, 4), orthogonal)
    turned_before = poisson_bracket(turned(f, orthogonal), turned(g, orthogonal), 4)
    torch.testing.assert_close(sign * turned_before, turned_after, atol=1e-12, rtol=0)


def test_functions_without_slope() -> None:
    assert poisson_bracket(random_function(0, 2), random_function(0, 2), 0).abs().max() == 0
    assert poisson_bracket(random_function(2, 2), random_function(0, 2), 3).abs().max() < 1e-14
