"""Convolution and many-body product are Gaunt products: checked against sphere.gaunt_product."""

from __future__ import annotations

import torch

from gaunt_md.model.convolution import Convolution
from gaunt_md.model.edges import rows_of_layers
from gaunt_md.model.many_body import ManyBodyProduct
from gaunt_md.model.radial import RadialFunctions
from gaunt_md.sphere import (
    degrees_of_coefficients,
    gaunt_product,
    product_variances,
    spherical_harmonics,
)


def test_convolution_is_the_sum_of_products_with_the_filters() -> None:
    """A_i = Σ_j h_j · F_ij with the filter F = Σ_l R_l Σ_m Y_lm(r̂) Y_lm, edge by edge."""
    torch.manual_seed(0)
    first, neighbours = torch.tensor([0, 3, 5]), torch.tensor([1, 2, 3, 0, 3])
    centres = torch.tensor([0, 0, 0, 1, 1])
    distances = torch.tensor([2.0, 2.5, 3.1, 4.0, 2.2], dtype=torch.float64)
    radial_functions = RadialFunctions(channels=5, degree=3, cutoff=5.0, basis_size=4, width=8)
    radial_functions.double()
    directions = torch.nn.functional.normalize(torch.randn(5, 3, dtype=torch.float64), dim=-1)
    harmonics = spherical_harmonics(3, directions)
    features = torch.randn(4, 4, 5, dtype=torch.float64)

    convolution = Convolution(radial_functions, 1, 3, average_neighbours=2.5)
    found = convolution(features, distances, harmonics, first, neighbours)

    radial = radial_functions(distances)
    filters = harmonics.unsqueeze(-1) * radial[:, degrees_of_coefficients(3)]
    messages = gaunt_product(features[neighbours], filters, 3)
    sums = torch.zeros(2, 16, 5, dtype=torch.float64).index_add(0, centres, messages)
    scale = (4 * torch.pi / (2.5 * torch.from_numpy(product_variances([1, 3], 3)))).sqrt()
    expected = sums * scale[degrees_of_coefficients(3)].unsqueeze(-1)
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)


def test_many_body_product_is_a_polynomial_of_gaunt_products() -> None:
    torch.manual_seed(0)
    module = ManyBodyProduct(channels=4, species=2, degree_in=2, degree_out=1, correlation=3)
    module = module.double()
    x = torch.randn(5, 9, 4, dtype=torch.float64)
    species = torch.tensor([0, 1, 1, 0, 1])

    unit = (4 * torch.pi) ** 0.5 / 3
    a, b, c = (unit * module.mix(x)).split(4, dim=2)
    w1, w2, w3 = module.weight[species].unsqueeze(2).unbind(1)
    pair = gaunt_product(a, b, 4)
    triple = gaunt_product(pair, c, 1)
    expected = w1 * a[:, :4] + w2 * pair[:, :4] + w3 * triple
    variances = sum(unit ** (2 * k) * product_variances([2] * k, 1) for k in (1, 2, 3))
    scale = torch.from_numpy(variances).rsqrt()[degrees_of_coefficients(1)].unsqueeze(-1)
    torch.testing.assert_close(module(x, species), expected * scale, atol=1e-12, rtol=0)


def test_rows_of_layers_follow_the_distance_from_the_owned_atoms() -> None:
    """A chain 0-1-2-3 of which only atom 0 is owned: each layer back needs one atom more."""
    centres = torch.tensor([0, 1, 1, 2, 2, 3])
    neighbours = torch.tensor([1, 0, 2, 1, 3, 2])
    assert rows_of_layers(centres, neighbours, owned=1, atoms=4, layers=3) == [3, 2, 1]
    assert rows_of_layers(centres, neighbours, owned=4, atoms=4, layers=2) == [4, 4]
