"""The first interaction of a potential for use: there neighbours differ by their species alone.

A radial function is a combination R_lc = Σ_k φ_k W_klc of few hidden ones, and the feature of a
neighbour of species s is a number h_sc. So the sum over the neighbours need be taken for the hidden
functions only, M_lm,sk = Σ_{j of s} φ_k(r_ij) Y_lm, since

    Σ_j h_jc R_lc Y_lm = Σ_sk M_lm,sk h_sc W_klc,

and the matrices h W go into those that mix the channels for the many-body product.
"""

import copy

import torch
from torch import Tensor, nn

from .. import kernels  # noqa: F401  (torch.ops.gaunt)
from ..sphere import DegreeLinear
from .convolution import Convolution
from .interaction import Interaction
from .splines import TOLERANCE, tabulate

# Combinations of the hidden functions may be much smaller than these.
_TOLERANCE = 0.1 * TOLERANCE


class SpeciesSum(nn.Module):
    """Sums over the neighbours of each species of hidden radial functions times harmonics.

    Parameters
    ----------
    convolution : Convolution
        The one whose radial functions are made of the hidden ones.
    species : int
    shortest : float
        As for `tabulate`.

    Attributes
    ----------
    error : float
        Largest deviation of the splines in units of the largest value of the hidden functions.
    """

    coupling: Tensor
    indicators: Tensor
    table: Tensor

    def __init__(self, convolution: Convolution, species: int, shortest: float) -> None:
        super().__init__()
        radial, dtype = convolution.radial, convolution.coupling.dtype
        exact = radial.exact()
        splines = tabulate(
            lambda r: exact.hidden(r).unsqueeze(-2), radial.cutoff, shortest, _TOLERANCE
        )
        self.step = splines.step
        self.error = splines.error
        self.features = species
        self.register_buffer("table", splines.table.to(dtype))
        # The feature of an atom of species s is one in the s-th place and zero elsewhere.
        one = torch.eye(species, dtype=dtype).unsqueeze(-1)
        self.register_buffer("indicators", one.repeat(1, 1, splines.table.shape[-1]))
        moments = (radial.degree + 1) ** 2 * species
        self.register_buffer("coupling", torch.eye(moments, dtype=dtype))

    def forward(
        self,
        species: Tensor,
        distances: Tensor,
        harmonics: Tensor,
        first: Tensor,
        neighbours: Tensor,
    ) -> Tensor:
        """Return M, shape (centres, (filter_degree + 1)^2, species * hidden functions).

        Arguments as for `NeighbourSum`, with the species of the atoms in place of their features.
        """
        sums: Tensor = torch.ops.gaunt.convolution(
            self.indicators[species],
            distances,
            harmonics,
            first,
            neighbours,
            self.coupling,
            self.table,
            self.step,
        )
        return sums.view(sums.shape[0], harmonics.shape[1], -1)


class FirstInteraction(nn.Module):
    """What `Interaction` computes of the first features, with less work, to rounding.

    Parameters
    ----------
    interaction : Interaction
        It is not changed.
    embedding : Tensor, shape (species, 1, channels)
        The features of each species.
    shortest : float
        As for `tabulate`.
    """

    before: Tensor

    def __init__(self, interaction: Interaction, embedding: Tensor, shortest: float) -> None:
        super().__init__()
        convolution = interaction.convolution
        assert isinstance(convolution, Convolution)
        self.sums = SpeciesSum(convolution, len(embedding), shortest)
        embedded = interaction.mix_in(embedding).squeeze(1)
        combinations = torch.einsum("klc,sc->lskc", convolution.radial.combinations(), embedded)
        # A neighbour's scalar times the filter: the couplings are one number for each degree.
        of_degrees = torch.stack(
            [convolution.coupling[l * l, l * l] for l in range(combinations.shape[0])]
        )
        matrices = of_degrees.view(-1, 1, 1) * combinations.flatten(1, 2)
        self.many_body = copy.deepcopy(interaction.many_body)
        self.many_body.mix = DegreeLinear.of(matrices @ interaction.many_body.mix.matrices())
        residual = interaction.residual
        outputs = interaction.mix_out.matrices()
        self.mix_out = DegreeLinear.of(residual.gains(len(outputs)).view(-1, 1, 1) * outputs)
        self.register_buffer("before", interaction.alone(embedding, torch.arange(len(embedding))))

    @torch.jit.unused
    def spline_error(self) -> float:
        """Return the relative error of the splines."""
        return self.sums.error

    def forward(
        self,
        features: Tensor,
        species: Tensor,
        distances: Tensor,
        harmonics: Tensor,
        first: Tensor,
        neighbours: Tensor,
    ) -> Tensor:
        """Return the updated features; arguments as for `Interaction`, features are not read."""
        rows = species[: first.shape[0] - 1]
        sums = self.sums(species, distances, harmonics, first, neighbours)
        update: Tensor = self.mix_out(self.many_body(sums, rows)) + self.before[rows]
        return update

    def alone(self, features: Tensor, species: Tensor) -> Tensor:
        """Return the updated features of atoms without neighbours, likewise."""
        return self.before[species]
