"""The complete tensor product has every path, each with the weight it was given."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from sphere_functions import random_function, turned

from gaunt_md.sphere import (
    CompleteTensorProduct,
    bracket_constant,
    degrees_of_coefficients,
    gaunt_constant,
    gaunt_product,
    poisson_bracket,
)


def test_all_paths_are_there() -> None:
    degrees = CompleteTensorProduct(4, 4, 4, 1).degrees
    assert len(degrees) == len(set(degrees)) == 65
    assert sum((l1 + l2 + l3) % 2 for l1, l2, l3 in degrees) == 23


def test_it_is_the_sum_of_products_and_brackets_of_single_degrees() -> None:
    torch.manual_seed(0)
    module = CompleteTensorProduct(2, 3, 3, 4).double()
    x, y = random_function(2, 5, 4), random_function(3, 5, 4, seed=1)
    expected = torch.zeros(5, 16, 4, dtype=torch.float64)
    fan_in = np.bincount([l3 for _, _, l3 in module.degrees])
    for (l1, l2, l3), weight in zip(module.degrees, module.product.weight, strict=True):
        odd = (l1 + l2 + l3) % 2
        operation, constant = (
            (poisson_bracket, bracket_constant) if odd else (gaunt_product, gaunt_constant)
        )
        x1 = x * (degrees_of_coefficients(2) == l1).unsqueeze(-1)
        y2 = y * (degrees_of_coefficients(3) == l2).unsqueeze(-1)
        z = operation(x1, y2, 3) * (degrees_of_coefficients(3) == l3).unsqueeze(-1)
        scale = np.sqrt((2 * l3 + 1) / fan_in[l3]) / constant(l1, l2, l3)
        expected += scale * weight * z
    torch.testing.assert_close(module(x, y), expected, atol=1e-12, rtol=0)


def test_it_turns_with_its_arguments() -> None:
    rotation = Rotation.random(random_state=5).as_matrix()
    module = CompleteTensorProduct(3, 2, 4, 2).double()
    x, y = random_function(3, 4, 2), random_function(2, 4, 2, seed=1)
    torch.testing.assert_close(
        module(turned(x, rotation), turned(y, rotation)),
        turned(module(x, y), rotation),
        atol=1e-12,
        rtol=0,
    )


def test_outputs_have_unit_variance() -> None:
    torch.manual_seed(0)
    module = CompleteTensorProduct(2, 2, 2, 256).double()
    variances = module(random_function(2, 300, 256), random_function(2, 300, 256, seed=1))
    assert variances.square().mean((0, 2)).tolist() == pytest.approx([1] * 9, abs=0.15)
