"""Both convolutions are sums of Gaunt products of features and filters, edge by edge."""

from __future__ import annotations

import pytest
import torch
from scipy.spatial.transform import Rotation
from sphere_functions import Edges, random_directions, random_function, turned
from torch import nn

from gaunt_md.sphere import (
    RotatedConvolution,
    RotationMatrices,
    ZonalConvolution,
    degrees_of_coefficients,
    gaunt_product,
    spherical_harmonics,
)

KINDS = [ZonalConvolution, RotatedConvolution]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("degrees", [(0, 0, 0), (1, 3, 3), (2, 2, 1), (0, 2, 3), (3, 4, 0)])
def test_it_is_the_sum_of_products_with_the_filters(
    kind: type[nn.Module], degrees: tuple[int, int, int]
) -> None:
    edges = Edges()
    degree_in, filter_degree, degree_out = degrees
    features = random_function(degree_in, 3, 2)
    radial = random_function(filter_degree, 5, 2)[:, : filter_degree + 1]
    harmonics = spherical_harmonics(filter_degree, edges.directions).unsqueeze(-1)
    filters = harmonics * radial[:, degrees_of_coefficients(filter_degree)]
    messages = gaunt_product(features[edges.neighbours], filters, degree_out, "direct")
    expected = torch.zeros(3, (degree_out + 1) ** 2, 2, dtype=torch.float64)
    expected.index_add_(0, edges.centres, messages)

    found = kind(*degrees)(features, radial, edges.directions, edges.centres, edges.neighbours)
    torch.testing.assert_close(found, expected, atol=1e-13, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_radial_functions_with_one_channel_are_those_of_all(kind: type[nn.Module]) -> None:
    edges, module = Edges(), kind(2, 3, 2)
    features, radial = random_function(2, 3, 4), random_function(1, 5, 1)
    one, for_each = (
        module(features, functions, edges.directions, edges.centres, edges.neighbours)
        for functions in (radial, radial.expand(5, 4, 4).contiguous())
    )
    torch.testing.assert_close(one, for_each, atol=1e-13, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_it_turns_with_features_and_edges(kind: type[nn.Module]) -> None:
    edges, module = Edges(), kind(2, 3, 2)
    features, radial = random_function(2, 3, 2), random_function(1, 5, 2)
    rotation = -Rotation.random(random_state=1).as_matrix()
    before = module(
        turned(features, rotation),
        radial,
        edges.directions @ torch.from_numpy(rotation).T,
        edges.centres,
        edges.neighbours,
    )
    after = module(features, radial, edges.directions, edges.centres, edges.neighbours)
    torch.testing.assert_close(before, turned(after, rotation), atol=1e-13, rtol=0)


@pytest.mark.parametrize("sign", [1, -1])
def test_rotation_matrices_turn_the_harmonics(sign: int) -> None:
    """D_l Y_l(s) = Y_l(Q s), for rotations and for maps that mirror."""
    maps = sign * torch.from_numpy(Rotation.random(6, random_state=0).as_matrix())
    s = random_directions(6)
    before = spherical_harmonics(8, s)
    after = spherical_harmonics(8, (maps @ s.unsqueeze(-1)).squeeze(-1))
    for l, matrix in enumerate(RotationMatrices(8)(maps)):
        block = slice(l * l, (l + 1) ** 2)
        found = (matrix @ before[:, block, None]).squeeze(-1)
        torch.testing.assert_close(found, after[:, block], atol=1e-13, rtol=0)
