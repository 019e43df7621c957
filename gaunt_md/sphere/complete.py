"""The complete tensor product: every Clebsch-Gordan path, each with a weight of its own.

The Gaunt product sums all paths (l1, l2, l3) of even l1 + l2 + l3, each with a fixed weight, κ of
:func:`gaunt_constant`, times learned ones that factorise, and has no odd paths: that is what its
speed is paid with (arXiv:2506.13523). Here nothing is left out:
for each pair of degrees the (2 l1 + 1)(2 l2 + 1) products of coefficients go through one orthogonal
matrix to the degrees |l1 - l2| ... l1 + l2, even and odd paths at the same cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .checks import (
    broadcast_shape,
    check_channels,
    check_functions,
    check_integers,
    check_numbers,
)
from .wigner import real_wigner_3j


@dataclass(frozen=True)
class Block:
    """The coefficients start, ..., start + 2 l of a feature, which belong to one degree."""

    l: int
    start: int

    @property
    def stop(self) -> int:
        """The first coefficient after the block."""
        return self.start + 2 * self.l + 1


@dataclass(frozen=True)
class Path:
    """One coupling of a block of each input to a block of the output."""

    first: Block
    second: Block
    out: Block


class PathProduct(nn.Module):
    """Sum of the given paths, each with a weight for each channel.

    z_out = Σ_paths √((2 l3 + 1)/n) w W(l1, l2, l3) x_first y_second, where W is the real Wigner 3j
    symbol and n the number of paths to the same output: the normalisation of
    ``e3nn.o3.TensorProduct``. Inputs and weights of unit variance give outputs of unit variance.

    Parameters
    ----------
    paths : sequence of Path
        In the order of the weights.
    coefficients : (int, int, int)
        How many the inputs and the result have; those of no path are zero in the result.
    channels : int

    Attributes
    ----------
    weight : Parameter, shape (paths, channels)
    """

    def __init__(
        self, paths: Sequence[Path], coefficients: tuple[int, int, int], channels: int
    ) -> None:
        super().__init__()
        check_integers(1, channels=channels)
        self.coefficients_in = list(coefficients[:2])
        self.coefficients_out = coefficients[2]
        self.channels = channels
        self.weight = nn.Parameter(torch.randn(len(paths), channels))
        fan_in = {path.out: 0 for path in paths}
        for path in paths:
            fan_in[path.out] += 1
        numbered = sorted(
            enumerate(paths), key=lambda item: (item[1].first.start, item[1].second.start)
        )
        self.pairs = nn.ModuleList(
            _Pair(list(group), fan_in)
            for _, group in groupby(numbered, key=lambda item: (item[1].first, item[1].second))
        )

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Map (..., coefficients, channels) of both inputs to (..., coefficients_out, channels)."""
        check_functions([x, y], self.coefficients_in)
        check_channels([x, y], self.channels)
        check_numbers([x, self.weight])
        shape = broadcast_shape([x, y])[0] + [self.coefficients_out, self.channels]
        z = torch.zeros(shape, dtype=x.dtype, device=x.device)
        for pair in self.pairs:
            z = pair(x, y, self.weight, z)
        return z


class _Pair(nn.Module):
    """All paths from one pair of blocks."""

    coupling: Tensor
    weight_of_row: Tensor
    place_of_row: Tensor

    def __init__(self, numbered: list[tuple[int, Path]], fan_in: dict[Block, int]) -> None:
        super().__init__()
        first, second = numbered[0][1].first, numbered[0][1].second
        self.start1, self.stop1 = first.start, first.stop
        self.start2, self.stop2 = second.start, second.stop
        rows: list[NDArray[np.float64]] = []
        weight_of_row: list[int] = []
        place_of_row: list[int] = []
        for number, path in numbered:
            out = path.out
            coupling = real_wigner_3j(first.l, second.l, out.l).reshape(-1, 2 * out.l + 1).T
            rows.append(np.sqrt((2 * out.l + 1) / fan_in[out]) * coupling)
            weight_of_row += [number] * (2 * out.l + 1)
            place_of_row += range(out.start, out.stop)
        matrix = torch.from_numpy(np.concatenate(rows))
        self.register_buffer("coupling", matrix, persistent=False)
        self.register_buffer("weight_of_row", torch.tensor(weight_of_row), persistent=False)
        self.register_buffer("place_of_row", torch.tensor(place_of_row), persistent=False)

    def forward(self, x: Tensor, y: Tensor, weight: Tensor, z: Tensor) -> Tensor:
        x = x[..., self.start1 : self.stop1, :].unsqueeze(-2)
        y = y[..., self.start2 : self.stop2, :].unsqueeze(-3)
        coupled = torch.matmul(self.coupling.to(x.dtype), (x * y).flatten(-3, -2))
        return z.index_add(-2, self.place_of_row, coupled * weight[self.weight_of_row])


class CompleteTensorProduct(nn.Module):
    """Every coupling (l1, l2, l3) of two functions on the sphere, with a weight for each channel.

    z_{l3} = Σ_{l1 l2} √((2 l3 + 1)/n) w_{l1 l2 l3} W(l1, l2, l3) x_{l1} y_{l2}. The paths of even
    l1 + l2 + l3 are those of the Gaunt product, the odd ones those of the Poisson bracket; their
    sum commutes with rotations. Under inversion the odd ones change sign relative to the even ones,
    so that features with a parity need :class:`IrrepsTensorProduct`.

    Parameters
    ----------
    degree1, degree2, degree_out : int
    channels : int

    Attributes
    ----------
    degrees : list of (l1, l2, l3)
        The paths, in the order of the weights.
    product.weight : Parameter, shape (paths, channels)

    Raises
    ------
    InputError
        If a degree is negative or no integer, or there are no channels; in the forward pass, if
        inputs have other coefficients, channels or dtypes than the module, or do not broadcast.
    """

    def __init__(self, degree1: int, degree2: int, degree_out: int, channels: int) -> None:
        super().__init__()
        check_integers(0, degree1=degree1, degree2=degree2, degree_out=degree_out)
        self.degrees = [
            (l1, l2, l3)
            for l1 in range(degree1 + 1)
            for l2 in range(degree2 + 1)
            for l3 in range(abs(l1 - l2), min(l1 + l2, degree_out) + 1)
        ]
        paths = [Path(*(Block(l, l * l) for l in degrees)) for degrees in self.degrees]
        counts = (degree1 + 1) ** 2, (degree2 + 1) ** 2, (degree_out + 1) ** 2
        self.product = PathProduct(paths, counts, channels)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Map (..., (degree1 + 1)^2, channels) and the like to (..., (degree_out + 1)^2, ...)."""
        return self.product(x, y)
