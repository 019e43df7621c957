"""Feature interaction: weights per degree, channel by channel or between channels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sphere_functions import random_function

from gaunt_md.sphere import (
    CompleteTensorProduct,
    FeatureInteraction,
    degrees_of_coefficients,
    gaunt_product,
    product_variances,
)


@pytest.mark.parametrize("mix_channels", [True, False])
@pytest.mark.parametrize("degree_out", [2, 5])
def test_outputs_have_unit_variance(mix_channels: bool, degree_out: int) -> None:
    torch.manual_seed(1)
    module = FeatureInteraction(2, 1, degree_out, 64, mix_channels=mix_channels).double()
    z = module(random_function(2, 500, 64), random_function(1, 500, 64, seed=1))
    variances = z.square().mean((0, 2))
    assert variances[:9].tolist() == pytest.approx([1] * 9, abs=0.25)
    assert (variances[16:] == 0).all()  # degree 3 is the highest that can occur


def test_a_path_has_the_product_of_three_weights() -> None:
    module = FeatureInteraction(2, 2, 2, 3, mix_channels=False).double()
    for layer in (module.weights1, module.weights2, module.weights_out):
        torch.nn.init.normal_(layer.weight)
    x, y = random_function(2, 4, 3), random_function(2, 4, 3, seed=1)
    degrees = degrees_of_coefficients(2)
    w1, w2, w3 = (
        layer.weight[degrees] for layer in (module.weights1, module.weights2, module.weights_out)
    )
    balance = (2 * degrees + 1).double().rsqrt().unsqueeze(-1)
    variances = torch.from_numpy(product_variances([2, 2], 2, balanced=True))
    scale = variances.rsqrt()[degrees].unsqueeze(-1)
    expected = w3 * scale * gaunt_product(w1 * balance * x, w2 * balance * y, 2)
    torch.testing.assert_close(module(x, y), expected, atol=1e-13, rtol=0)


def test_inner_channels_give_every_path_a_weight_of_its_own() -> None:
    """Inner channel (path, c) multiplies the degrees of one path."""
    channels, all_paths = 2, CompleteTensorProduct(2, 2, 2, 1).degrees
    paths = [path for path in all_paths if sum(path) % 2 == 0]
    module = FeatureInteraction(2, 2, 2, channels, inner_channels=channels * len(paths)).double()
    weights = torch.from_numpy(np.random.default_rng(0).normal(size=(len(paths), channels)))
    layers = (module.weights1, module.weights2, module.weights_out)
    for layer in layers:
        layer.fold()  # the weights are the matrices
        layer.weight.data.zero_()
    for path, (number, c) in enumerate(np.ndindex(len(paths), channels)):
        l1, l2, l3 = paths[number]
        module.weights1.weight.data[l1, c, path] = 1
        module.weights2.weight.data[l2, c, path] = 1
        module.weights_out.weight.data[l3, path, c] = weights[number, c]

    def part(x: torch.Tensor, l: int) -> torch.Tensor:
        return x * (degrees_of_coefficients(2) == l).unsqueeze(-1)

    x, y = random_function(2, 4, channels), random_function(2, 4, channels, seed=1)
    expected = sum(
        weight * part(gaunt_product(part(x, l1), part(y, l2), 2), l3)
        for weight, (l1, l2, l3) in zip(weights, paths, strict=True)
    )
    torch.testing.assert_close(module(x, y), expected, atol=1e-12, rtol=0)
