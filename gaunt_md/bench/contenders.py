"""What `gaunt-md bench product` compares: the library's operations and those of other packages.

Every function returns cases that take the same inputs to the same outputs, up to weights. A degree
is the highest l, so that degree 2 means 9 coefficients. Other packages take part if installed.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..sphere import (
    DegreeWeights,
    FeatureInteraction,
    IrrepsTensorProduct,
    ManyBodyGauntProduct,
    RotatedConvolution,
    ZonalConvolution,
    channels_first,
    spherical_harmonics,
    to_e3nn_axes,
)
from . import peers
from .peers import natural_irreps
from .timing import Case

EDGES_PER_NODE = 20
OURS = "gaunt-md "
MACE = "MACE SymmetricContraction"

# Beyond these degrees a contender takes minutes, to set up or to run, or more memory than a
# workstation has. Wigner symbols of e3nn end at l = 11.
LAST_DEGREE_OF_DIRECT = 6
LAST_DEGREE_OF_E3NN = 8
LAST_DEGREE_OF_CUEQUIVARIANCE = 6
LAST_DEGREE_OF_CONVOLUTIONS = 10  # of either of the two
LAST_DEGREE_OF_SUCCESSIVE_PRODUCTS = 4
LAST_DEGREE_OF_MACE = 6
LAST_FACTORS_OF_MACE = 5  # each makes its tables nine times as large at degree 2, and more


def interaction(degree: int, batch: int, channels: int) -> dict[str, Case]:
    """Two features of the same node, all even paths, channel by channel."""
    x, y = (random((batch, (degree + 1) ** 2, channels)) for _ in range(2))
    cases = {}
    for method in methods_at(degree):
        module = FeatureInteraction(
            degree, degree, degree, channels, mix_channels=False, method=method
        )
        cases[f"{OURS}{method}"] = case(module, x, y)
    irreps = " + ".join(natural_irreps(degree, channels))
    x_flat, y_flat = (leaf(channels_first(tensor, irreps)) for tensor in (x, y))
    if degree <= LAST_DEGREE_OF_DIRECT:
        complete = IrrepsTensorProduct(irreps, irreps, irreps)
        cases[f"{OURS}a weight for each path"] = case(complete, x_flat, y_flat)
    if peers.installed("e3nn"):
        if degree <= LAST_DEGREE_OF_E3NN:
            product = peers.e3nn_product(irreps, irreps, irreps)
            cases["e3nn TensorProduct"] = case(product, x_flat, y_flat)
        inputs = (leaf(to_e3nn_axes(tensor).mT) for tensor in (x, y))
        on_grid = peers.E3nnGridProduct(degree, channels)
        cases["e3nn ToS2Grid, FromS2Grid"] = case(on_grid, *inputs)
    if has_cuequivariance() and degree <= LAST_DEGREE_OF_CUEQUIVARIANCE:
        cases["cuequivariance"] = case(peers.CuequivarianceInteraction(degree, channels), x, y)
    return cases


def convolution(degree: int, batch: int, channels: int) -> dict[str, Case]:
    """Sum over the neighbours of ``batch`` nodes of feature times filter."""
    edges = batch * EDGES_PER_NODE
    centres = torch.arange(batch).repeat_interleave(EDGES_PER_NODE)
    neighbours = torch.randint(batch, (edges,))
    directions = nn.functional.normalize(torch.randn(edges, 3), dim=-1)
    features = random((batch, (degree + 1) ** 2, channels))
    radial = random((edges, degree + 1, channels))
    cases = {}
    for name, kind in (("zonal", ZonalConvolution), ("rotated (eSCN)", RotatedConvolution)):
        module = kind(degree, degree, degree)
        cases[f"{OURS}{name}"] = case(
            module, features, radial, fixed=(directions, centres, neighbours)
        )
    # In the axes of the others, whose radial functions belong to paths, not to degrees.
    harmonics = to_e3nn_axes(spherical_harmonics(degree, directions).unsqueeze(-1)).squeeze(-1)
    weights = random((edges, len(list(peers.even_paths(degree))) * channels))

    def summed(messages: Tensor) -> Tensor:
        sums = messages.new_zeros(batch, messages.shape[1])
        return sums.index_add(0, centres, messages)

    if peers.installed("e3nn") and degree <= LAST_DEGREE_OF_CONVOLUTIONS:
        irreps, filters = (" + ".join(natural_irreps(degree, count)) for count in (channels, 1))
        product = peers.e3nn_product(irreps, filters, irreps, weights_for_each_edge=True)
        flat = leaf(channels_first(to_e3nn_axes(features), irreps))
        cases["e3nn TensorProduct"] = Case(
            lambda: summed(product(flat[neighbours], harmonics, weights)), [flat, weights]
        )
    if has_cuequivariance() and degree <= LAST_DEGREE_OF_CONVOLUTIONS:
        messages = peers.cuequivariance_product(degree, channels, zonal=True)
        rows = leaf(to_e3nn_axes(features).flatten(1))
        cases["cuequivariance"] = Case(
            lambda: summed(messages([weights, rows[neighbours], harmonics])[0]), [rows, weights]
        )
    return cases


def many_body(degree: int, factors: int, batch: int, channels: int) -> dict[str, Case]:
    """Products of several weighted copies of one feature."""
    x = random((batch, (degree + 1) ** 2, channels))
    cases = {}
    for method in ("grid", "fourier"):
        module = _ManyBody(degree, factors, channels, method)
        cases[f"{OURS}{method}"] = case(module, x)
    # e3nn multiplies two functions at a time. In between every degree is kept from which the
    # factors still to come can lead back to the result: up to 2 L for three factors, 3 L for five.
    if peers.installed("e3nn") and degree <= LAST_DEGREE_OF_SUCCESSIVE_PRODUCTS:
        successive = peers.SuccessiveProducts(degree, factors, channels)
        irreps = " + ".join(natural_irreps(degree, channels))
        cases["e3nn TensorProduct"] = case(successive, leaf(channels_first(x, irreps)))
    small = degree <= LAST_DEGREE_OF_MACE and factors <= LAST_FACTORS_OF_MACE
    if small and peers.installed("mace", "e3nn"):
        contraction = peers.mace_contraction(degree, factors, channels)
        species = torch.ones(batch, 1)
        cases[MACE] = case(contraction, leaf(to_e3nn_axes(x).mT), fixed=(species,))
    return cases


def methods_at(degree: int) -> list[str]:
    """Return the methods of the product of two functions that are measured at a degree."""
    return ["grid", "fourier"] + ["direct"] * (degree <= LAST_DEGREE_OF_DIRECT)


def has_cuequivariance() -> bool:
    """Tell whether cuequivariance is there with what it needs for torch."""
    return peers.installed("cuequivariance", "cuequivariance_torch")


class _ManyBody(nn.Module):
    def __init__(self, degree: int, factors: int, channels: int, method: str) -> None:
        super().__init__()
        self.weights = nn.ModuleList(DegreeWeights(channels, degree) for _ in range(factors))
        self.product = ManyBodyGauntProduct([degree] * factors, degree, method)

    def forward(self, x: Tensor) -> Tensor:
        return self.product([weights(x) for weights in self.weights])


def nodes_for(degree: int, nodes: int) -> int:
    """Return the number of nodes, fewer from degree 5 on, where a node takes much memory."""
    return max(8, round(nodes * min(1, (4 / max(degree, 1)) ** 3)))


def random(shape: Sequence[int]) -> Tensor:
    """Return normal numbers with respect to which one can differentiate."""
    return torch.randn(*shape, requires_grad=True)


def leaf(x: Tensor) -> Tensor:
    """Return the same numbers, dense, as a tensor to differentiate with respect to."""
    return x.detach().contiguous().requires_grad_()


def case(module: nn.Module, *inputs: Tensor, fixed: Sequence[Tensor] = ()) -> Case:
    """Differentiate with respect to the inputs and the module's weights."""
    weights = [parameter for parameter in module.parameters() if parameter.numel()]
    return Case(lambda: module(*inputs, *fixed), [*inputs, *weights])
