"""One interaction: convolution with the neighbours, many-body product, residual."""

import math

import torch
from torch import Tensor, nn

from ..sphere import DegreeLinear
from .convolution import Convolution, TabulatedConvolution
from .edges import first_rows
from .many_body import ManyBodyProduct
from .radial import RadialFunctions


class Interaction(nn.Module):
    """Update of the atoms' features by their neighbours.

    Parameters
    ----------
    channels, species : int
    degree_in, degree_out : int
        Degrees of the features before and after; between convolution and many-body product the
        degree is ``filter_degree``.
    filter_degree, correlation : int
    cutoff : float
        In Å.
    radial_functions, radial_width : int
    average_neighbours : float
        Sums over neighbours are divided by its square root.
    """

    def __init__(
        self,
        channels: int,
        species: int,
        degree_in: int,
        degree_out: int,
        filter_degree: int,
        correlation: int,
        cutoff: float,
        radial_functions: int,
        radial_width: int,
        average_neighbours: float,
    ) -> None:
        super().__init__()
        self.mix_in = DegreeLinear(channels, channels, degree_in)
        radial = RadialFunctions(channels, filter_degree, cutoff, radial_functions, radial_width)
        self.convolution: nn.Module = Convolution(
            radial, degree_in, filter_degree, average_neighbours
        )
        self.many_body = ManyBodyProduct(channels, species, filter_degree, degree_out, correlation)
        self.mix_out = DegreeLinear(channels, channels, degree_out)
        self.residual = Residual(channels, species, degree_in, degree_out)
        self.coefficients_out = (degree_out + 1) ** 2

    def tabulate(self, shortest: float) -> None:
        """Freeze the radial functions into splines, exact beyond the shortest distance, in Å."""
        if isinstance(self.convolution, Convolution):
            self.convolution = TabulatedConvolution(self.convolution, shortest)

    @torch.jit.unused
    def spline_error(self) -> float:
        """Return the relative error of the splines; 0 where the radial functions are exact."""
        convolution = self.convolution
        return convolution.error if isinstance(convolution, TabulatedConvolution) else 0.0

    def forward(
        self,
        features: Tensor,
        species: Tensor,
        distances: Tensor,
        harmonics: Tensor,
        first: Tensor,
        neighbours: Tensor,
    ) -> Tensor:
        """Return the updated features of the first atoms, those whose edges are given.

        Parameters
        ----------
        features : Tensor, shape (atoms, (degree_in + 1)^2, channels)
        species : Tensor, shape (atoms,), int64
        distances : Tensor, shape (edges,), Å
        harmonics : Tensor, shape (edges, (filter_degree + 1)^2)
        first : Tensor, shape (rows + 1,), int64
            The edges of atom i are first[i] ... first[i + 1] - 1.
        neighbours : Tensor, shape (edges,), int64

        Returns
        -------
        Tensor, shape (rows, (degree_out + 1)^2, channels)
        """
        rows = first.shape[0] - 1
        species = first_rows(species, rows)
        sums = self.convolution(self.mix_in(features), distances, harmonics, first, neighbours)
        update = self.mix_out(self.many_body(sums, species))
        return self.residual(first_rows(features, rows), species, update)

    def alone(self, features: Tensor, species: Tensor) -> Tensor:
        """Return the updated features of atoms without neighbours, whose sums are zero."""
        nothing = features.new_zeros(features.shape[0], self.coefficients_out, features.shape[2])
        return self.residual(features, species, nothing)


class Residual(nn.Module):
    """Sum of an update and the features before it, mixed with weights for each species."""

    def __init__(self, channels: int, species: int, degree_in: int, degree_out: int) -> None:
        super().__init__()
        degree = min(degree_in, degree_out)
        self.kept = (degree + 1) ** 2
        self.mix = DegreeLinear(channels, channels, degree)
        self.weight = nn.Parameter(torch.ones(species, 1, channels))

    def forward(self, features: Tensor, species: Tensor, update: Tensor) -> Tensor:
        """Return (rows, (degree_out + 1)^2, channels)."""
        whole = self.kept == features.shape[1]
        before = self.mix(features if whole else features[:, : self.kept]) * self.weight[species]
        if self.kept == update.shape[1]:
            return _blended(update, before)
        blended = _blended(update[:, : self.kept], before)
        return torch.cat([blended, update[:, self.kept :]], dim=1)

    @torch.jit.unused
    def gains(self, degrees: int) -> Tensor:
        """Return what the degrees of an update are multiplied with, shape (degrees,)."""
        update = self.weight.new_ones(1, degrees**2, self.weight.shape[2])
        nothing = torch.zeros_like(update[:, : self.kept])
        blended: Tensor = self(nothing, torch.zeros(1, dtype=torch.long), update)
        return blended[0, torch.arange(degrees) ** 2, 0]


def _blended(update: Tensor, before: Tensor) -> Tensor:
    # The sum of two independent terms keeps unit variance, else products of later layers grow.
    return math.sqrt(0.5) * (update + before)
