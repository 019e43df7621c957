"""Random functions on the sphere, turned functions, and every operation once, for the tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from gaunt_md.sphere import (
    CompleteTensorProduct,
    FeatureInteraction,
    GauntProduct,
    IrrepsTensorProduct,
    ManyBodyGauntProduct,
    PoissonBracket,
    RotatedConvolution,
    RotationMatrices,
    ZonalConvolution,
)

METHODS = ["grid", "fourier", "direct"]


def random_function(degree: int, *shape: int, seed: int = 0) -> Tensor:
    """Coefficients of shape (*shape[:-1], (degree + 1)^2, shape[-1])."""
    random = np.random.default_rng([seed, degree, *shape])
    return torch.from_numpy(random.normal(size=(*shape[:-1], (degree + 1) ** 2, shape[-1])))


def turned(coefficients: Tensor, orthogonal: np.ndarray) -> Tensor:
    """Coefficients of s ↦ f(Q⁻¹ s)."""
    degree = int(np.sqrt(coefficients.shape[-2])) - 1
    blocks = coefficients.split([2 * l + 1 for l in range(degree + 1)], dim=-2)
    matrices = RotationMatrices(degree)(torch.from_numpy(orthogonal))
    pairs = zip(matrices, blocks, strict=True)
    return torch.cat([matrix @ block for matrix, block in pairs], dim=-2)


def random_directions(count: int, seed: int = 0) -> Tensor:
    vectors = torch.from_numpy(np.random.default_rng(seed).normal(size=(count, 3)))
    return vectors / vectors.norm(dim=1, keepdim=True)


class Edges:
    """Five edges between three nodes, two of them along the axis where frames may be singular."""

    centres = torch.tensor([0, 0, 1, 2, 2])
    neighbours = torch.tensor([1, 2, 0, 0, 0])

    def __init__(self) -> None:
        self.directions = random_directions(5)
        self.directions[0] = torch.tensor([0.0, 0.0, 1.0])
        self.directions[1] = torch.tensor([0.0, 0.0, -1.0])


def operations() -> dict[str, tuple[nn.Module, tuple[Tensor, ...], Callable[..., Tensor]]]:
    """Every module of the library in float64, its differentiable arguments, and how to call it."""
    x, y, z = (random_function(l, 2, 2, seed=l) for l in (2, 1, 1))
    vector1, vector2 = random_function(1, 2, 2).flatten(-2), random_function(1, 2, 2).flatten(-2)
    edges = Edges()
    features, radial = random_function(1, 3, 2), torch.from_numpy(np.full((5, 3, 2), 0.3))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        plain = {
            **{f"product_{m}": (GauntProduct(2, 1, 2, m), (x, y)) for m in METHODS},
            "product_on_angles": (
                GauntProduct(4, 4, 4, "grid"),
                (random_function(4, 1, 1), random_function(4, 1, 1, seed=1)),
            ),
            "interaction": (FeatureInteraction(2, 1, 2, 2), (x, y)),
            "weighted_interaction": (FeatureInteraction(2, 1, 2, 2, mix_channels=False), (x, y)),
            "bracket": (PoissonBracket(2, 1, 2), (x, y)),
            "complete": (CompleteTensorProduct(2, 1, 2, 2), (x, y)),
            "irreps": (
                IrrepsTensorProduct("2x0e + 2x1o", "2x0e + 2x1o", "2x0e + 2x1o + 2x1e"),
                (vector1, vector2),
            ),
        }
        found = {
            name: (module.double(), arguments, lambda module, *tensors: module(*tensors))
            for name, (module, arguments) in plain.items()
        }
        for method in METHODS:
            found[f"many_body_{method}"] = (
                ManyBodyGauntProduct([2, 1, 1], 2, method).double(),
                (x, y, z),
                lambda module, *tensors: module(list(tensors)),
            )
        for convolution in (ZonalConvolution, RotatedConvolution):
            found[convolution.__name__] = (
                convolution(1, 2, 2).double(),
                (features, radial, edges.directions),
                lambda module, *tensors: module(*tensors, edges.centres, edges.neighbours),
            )
    return found
