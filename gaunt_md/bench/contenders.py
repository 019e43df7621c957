"""What `gaunt-md bench product` compares: the library's operations and those of other packages.

Every function returns cases that take the same inputs to the same outputs, up to weights. A degree
is the highest l, so that degree 2 means 9 coefficients. Other packages take part if installed.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from ..sphere import (
    FeatureInteraction,
    IrrepsTensorProduct,
    ManyBodyGauntProduct,
    RotatedConvolution,
    ZonalConvolution,
    spherical_harmonics,
)
from ..sphere.linear import DegreeWeights
from .timing import Case

EDGES_PER_NODE = 20
OURS = "gaunt-md "

# Beyond these degrees a contender takes minutes, or more memory than a workstation has.
LAST_DEGREE_OF_DIRECT = 6
LAST_DEGREE_OF_E3NN = 8
LAST_DEGREE_OF_MACE = 6


def interaction(degree: int, batch: int, channels: int) -> dict[str, Case]:
    """Two features of the same node, all even paths, channel by channel."""
    x, y = (random((batch, (degree + 1) ** 2, channels)) for _ in range(2))
    cases = {}
    for method in ("grid", "fourier", "direct"):
        if method == "direct" and degree > LAST_DEGREE_OF_DIRECT:
            continue
        module = FeatureInteraction(
            degree, degree, degree, channels, mix_channels=False, method=method
        )
        cases[f"{OURS}{method}"] = case(module, x, y)
    irreps = " + ".join(natural_irreps(degree, channels))
    x_flat, y_flat = (tensor.detach().flatten(-2).requires_grad_() for tensor in (x, y))
    if degree <= LAST_DEGREE_OF_DIRECT:
        complete = IrrepsTensorProduct(irreps, irreps, irreps)
        cases[f"{OURS}a weight for each path"] = case(complete, x_flat, y_flat)
    if find_spec("e3nn") and degree <= LAST_DEGREE_OF_E3NN:
        cases["e3nn TensorProduct"] = case(e3nn_product(irreps, irreps, irreps), x_flat, y_flat)
        grid_product = getattr(_e3nn().experimental, "GauntTensorProductS2Grid", None)
        if grid_product is not None:
            module = grid_product(
                irreps,
                irreps,
                res_beta=(3 * degree) // 2 + 1,
                res_alpha=3 * degree + 1,
                filter_ir_out=[entry.split("x")[1] for entry in irreps.split(" + ")],
            )
            cases["e3nn GauntTensorProductS2Grid"] = case(module, x_flat, y_flat)
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
    for name, kind in (("zonal", ZonalConvolution), ("rotated", RotatedConvolution)):
        module = kind(degree, degree, degree)
        cases[f"{OURS}{name}"] = case(
            module, features, radial, fixed=(directions, centres, neighbours)
        )
    if find_spec("e3nn"):
        irreps = " + ".join(natural_irreps(degree, channels))
        filters = " + ".join(natural_irreps(degree, 1))
        product = e3nn_product(irreps, filters, irreps, weights_for_each_edge=True)
        harmonics = spherical_harmonics(degree, directions)
        flat = features.detach().flatten(-2).requires_grad_()
        weights = random((edges, product.weight_numel))

        def sum_of_messages() -> Tensor:
            messages = product(flat[neighbours], harmonics, weights)
            return torch.zeros_like(flat).index_add(0, centres, messages)

        cases["e3nn TensorProduct"] = Case(sum_of_messages, [flat, weights])
    return cases


def many_body(degree: int, factors: int, batch: int, channels: int) -> dict[str, Case]:
    """Products of several weighted copies of one feature."""
    x = random((batch, (degree + 1) ** 2, channels))
    cases = {}
    for method in ("grid", "fourier"):
        module = _ManyBody(degree, factors, channels, method)
        cases[f"{OURS}{method}"] = case(module, x)
    irreps = natural_irreps(degree, channels)
    if find_spec("e3nn"):
        successive = _SuccessiveProducts(" + ".join(irreps), factors)
        cases["e3nn TensorProduct"] = case(successive, x.detach().flatten(-2).requires_grad_())
    if find_spec("mace") and degree <= LAST_DEGREE_OF_MACE:
        contraction = _mace_contraction(irreps, factors)
        species = torch.ones(batch, 1)
        cases["MACE SymmetricContraction"] = case(
            contraction, x.detach().mT.contiguous().requires_grad_(), fixed=(species,)
        )
    return cases


class _ManyBody(nn.Module):
    def __init__(self, degree: int, factors: int, channels: int, method: str) -> None:
        super().__init__()
        self.weights = nn.ModuleList(DegreeWeights(channels, degree) for _ in range(factors))
        self.product = ManyBodyGauntProduct([degree] * factors, degree, method)

    def forward(self, x: Tensor) -> Tensor:
        return self.product([weights(x) for weights in self.weights])


class _SuccessiveProducts(nn.Module):
    def __init__(self, irreps: str, factors: int) -> None:
        super().__init__()
        self.products = nn.ModuleList(
            e3nn_product(irreps, irreps, irreps) for _ in range(factors - 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        result = x
        for product in self.products:
            result = product(result, x)
        return result


def natural_irreps(degree: int, channels: int) -> list[str]:
    """Return ["64x0e", "64x1o", "64x2e", ...]."""
    return [f"{channels}x{l}{'eo'[l % 2]}" for l in range(degree + 1)]


def e3nn_product(
    irreps1: str, irreps2: str, irreps_out: str, *, weights_for_each_edge: bool = False
) -> Any:
    """Return e3nn's product with all paths and a weight for each of them and channel."""
    o3 = _e3nn()
    first, second, out = map(o3.Irreps, (irreps1, irreps2, irreps_out))
    mode = "uvu" if weights_for_each_edge else "uuu"
    instructions = [
        (i, j, k, mode, True)
        for i, (_, ir1) in enumerate(first)
        for j, (_, ir2) in enumerate(second)
        for k, (_, ir3) in enumerate(out)
        if ir3 in ir1 * ir2
    ]
    return o3.TensorProduct(
        first,
        second,
        out,
        instructions,
        shared_weights=not weights_for_each_edge,
        internal_weights=not weights_for_each_edge,
    )


def _e3nn() -> Any:
    with warnings.catch_warnings(action="ignore"):  # e3nn uses torch.jit.script on import
        from e3nn import o3
        from e3nn.o3 import experimental  # noqa: F401
    return o3


def _mace_contraction(irreps: list[str], factors: int) -> nn.Module:
    o3 = _e3nn()
    from mace.modules.symmetric_contraction import SymmetricContraction

    features = o3.Irreps(" + ".join(irreps))
    contraction: nn.Module = SymmetricContraction(features, features, factors, num_elements=1)
    return contraction


def random(shape: Sequence[int]) -> Tensor:
    """Return normal numbers with respect to which one can differentiate."""
    return torch.randn(*shape, requires_grad=True)


def case(module: nn.Module, *inputs: Tensor, fixed: Sequence[Tensor] = ()) -> Case:
    """Differentiate with respect to the inputs and the module's weights."""
    weights = [parameter for parameter in module.parameters() if parameter.numel()]
    return Case(lambda: module(*inputs, *fixed), [*inputs, *weights])
