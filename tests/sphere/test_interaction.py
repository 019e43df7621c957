"""Feature interaction: weights per degree, channel by channel or between channels."""

from __future__ import annotations

import pytest
import torch
from sphere_functions import random_function

from gaunt_md.sphere import (
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
