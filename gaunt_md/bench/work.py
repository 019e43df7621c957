"""How much arithmetic and memory traffic the operations of a potential need.

Counted are the additions and multiplications, one each, of the way that our kernels take: for
gradients they make mixes, values on the grid and splines once more, instead of keeping them.
Traffic is what must be read or written once in any case, as if everything else stayed in the cache.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

from ..model import Potential
from ..model.convolution import TabulatedConvolution
from ..model.first_interaction import FirstInteraction, SpeciesSum
from ..model.interaction import Interaction
from ..model.many_body import ManyBodyProduct

_NUMBER = 4  # bytes of a float32
_INDEX = 8

Sums = TabulatedConvolution | SpeciesSum


@dataclass(frozen=True)
class Work:
    """Operations of arithmetic, and bytes that are read or written."""

    operations: float = 0.0
    bytes: float = 0.0

    def __add__(self, other: Work) -> Work:
        return Work(self.operations + other.operations, self.bytes + other.bytes)


def convolution_value(convolution: Sums, atoms: int, edges: int) -> Work:
    """Return the work of A_i = G : Σ_e h_j ⊗ (R Y)_e."""
    functions, channels = convolution.table.shape[2:]
    outputs, moments = convolution.coupling.shape
    features, degrees = convolution.features, _degrees(convolution)
    couplings = int(convolution.coupling.count_nonzero())
    spline = 6 * functions * channels  # value, slope and curvature at two nodes
    filtered = functions * features * channels / 2  # R h; a product without a sum
    summed = moments * channels
    of_edges = edges * (spline + filtered + summed)
    read = edges * (_NUMBER * (1 + degrees**2) + _INDEX) + atoms * features * channels * _NUMBER
    written = atoms * outputs * channels * _NUMBER
    return Work(2 * (of_edges + atoms * couplings * channels), read + written)


def convolution_gradient(convolution: Sums, atoms: int, edges: int, *, by_features: bool) -> Work:
    """Return the work of its gradient by distances and harmonics, and by features if wanted."""
    functions, channels = convolution.table.shape[2:]
    outputs, moments = convolution.coupling.shape
    features, degrees = convolution.features, _degrees(convolution)
    couplings = int(convolution.coupling.count_nonzero())
    splines = 12 * functions * channels  # and their slopes
    filtered = degrees * features * channels / 2
    of_harmonics = moments * channels
    of_filtered = moments * channels
    of_distances = (degrees * features + functions) * channels
    of_features = degrees * features * channels if by_features else 0
    of_edges = splines + filtered + of_harmonics + of_filtered + of_distances + of_features
    read = edges * (_NUMBER * (1 + degrees**2) + _INDEX) + atoms * _NUMBER * channels * (
        outputs + features
    )
    written = edges * _NUMBER * (1 + degrees**2) + (
        atoms * features * channels * _NUMBER if by_features else 0
    )
    return Work(2 * (edges * of_edges + atoms * couplings * channels), read + written)


def _degrees(convolution: Sums) -> int:
    return math.isqrt(convolution.coupling.shape[1] // convolution.features)


def product_value(product: ManyBodyProduct, atoms: int) -> Work:
    """Return the work of P [f_1 (w_1 + f_2 (w_2 + ...))] of given factors."""
    points, columns = product.evaluation.shape
    outputs, channels, factors = product.projection.shape[1], _channels(product), _factors(product)
    evaluated = factors * points * columns  # even and odd degrees serve s and -s
    # Multiplied at s and -s: a sum and a difference, a multiplication and an addition of weights.
    multiplied = 2 * points * factors
    projected = points * (outputs + 1)
    moved = atoms * channels * _NUMBER * (factors * columns + outputs)
    return Work(2 * atoms * channels * (evaluated + multiplied + projected), moved)


def product_gradient(product: ManyBodyProduct, atoms: int) -> Work:
    """Return the work of its gradient by the factors; their values are computed again."""
    points, columns = product.evaluation.shape
    outputs, channels, factors = product.projection.shape[1], _channels(product), _factors(product)
    evaluated = factors * points * columns
    multiplied = 2 * points * 2 * factors
    of_values = points * (outputs + 1)
    projected = factors * points * columns
    moved = atoms * channels * _NUMBER * (2 * factors * columns + outputs)
    operations = 2 * atoms * channels * (evaluated + multiplied + of_values + projected)
    return Work(operations, moved)


def linear(rows: int, degree: int, channels_in: int, channels_out: int) -> Work:
    """Return the work of one matrix for each degree; that of its gradient by inputs is the same."""
    coefficients = (degree + 1) ** 2
    matrices = (degree + 1) * channels_in * channels_out
    moved = rows * coefficients * (channels_in + channels_out) + matrices
    return Work(2 * rows * coefficients * channels_in * channels_out, _NUMBER * moved)


def work_of_operators(potential: Potential, atoms: int, edges: int) -> dict[tuple[str, bool], Work]:
    """Return the work of an evaluation by operator, and whether it is of the gradient.

    Parameters
    ----------
    potential : Potential
        Tabulated.
    atoms, edges : int
    """
    total: dict[tuple[str, bool], Work] = {}

    def add(operator: str, gradient: bool, work: Work) -> None:
        total[operator, gradient] = total.get((operator, gradient), Work()) + work

    for number, (interaction, degree_in, degree_out) in enumerate(_interactions(potential)):
        product, later = interaction.many_body, number > 0
        channels, factors = _channels(product), _factors(product)
        if isinstance(interaction, FirstInteraction):
            convolution: Sums = interaction.sums
        else:
            convolution = cast(TabulatedConvolution, interaction.convolution)
        add("convolution", False, convolution_value(convolution, atoms, edges))
        gradient = convolution_gradient(convolution, atoms, edges, by_features=later)
        add("convolution", True, gradient)
        channels_in = product.mix.matrices().shape[1]
        mixes = linear(atoms, potential.filter_degree, channels_in, factors * channels)
        add("many_body", False, mixes + product_value(product, atoms))
        # The mixes are made once more on the way back.
        add("many_body", True, mixes + mixes + product_gradient(product, atoms))
        for of_degree, has_gradient in _linear_maps(interaction, degree_in, degree_out, later):
            add("degree_linear", False, linear(atoms, of_degree, channels, channels))
            if has_gradient:
                add("degree_linear", True, linear(atoms, of_degree, channels, channels))
    return total


def _linear_maps(
    interaction: Interaction | FirstInteraction, degree_in: int, degree_out: int, later: bool
) -> list[tuple[int, bool]]:
    """Return the degree of each map of features, and whether a gradient goes through it."""
    of_update = [(degree_out, True)]
    if isinstance(interaction, FirstInteraction):
        return of_update
    return [(degree_in, later), *of_update, (min(degree_in, degree_out), later)]


def _interactions(
    potential: Potential,
) -> Iterator[tuple[Interaction | FirstInteraction, int, int]]:
    """Yield each interaction with the degrees of the features before and after it."""
    options = potential.hyperparameters
    degrees = [0, *[options["hidden_degree"]] * (potential.layers - 1), 0]
    for interaction, (before, after) in zip(potential.interactions, pairwise(degrees), strict=True):
        yield cast(Interaction | FirstInteraction, interaction), before, after


def _channels(product: ManyBodyProduct) -> int:
    return int(product.weight.shape[2])


def _factors(product: ManyBodyProduct) -> int:
    return int(product.weight.shape[1])
