"""One interaction: convolution with the neighbours, many-body product, residual."""

import math

import torch
from torch import Tensor, nn

from ..sphere import DegreeLinear
from .convolution import Convolution
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
        self.radial = RadialFunctions(
            channels, filter_degree, cutoff, radial_functions, radial_width
        )
        self.convolution = Convolution(degree_in, filter_degree, filter_degree, average_neighbours)
        self.many_body = ManyBodyProduct(channels, species, filter_degree, degree_out, correlation)
        self.mix_out = DegreeLinear(channels, channels, degree_out)
        self.residual = DegreeLinear(channels, channels, min(degree_in, degree_out))
        self.residual_weight = nn.Parameter(torch.ones(species, 1, channels))

    def forward(
        self,
        features: Tensor,
        species: Tensor,
        distances: Tensor,
        harmonics: Tensor,
        neighbours: Tensor,
    ) -> Tensor:
        """Return the updated features of the first atoms, one for each row of ``neighbours``.

        Parameters
        ----------
        features : Tensor, shape (atoms, (degree_in + 1)^2, channels)
        species : Tensor, shape (atoms,), int64
        distances : Tensor, shape (rows, places), Å
            Lengths of the edges of each atom; the cutoff at empty places.
        harmonics : Tensor, shape (rows, places, (filter_degree + 1)^2)
        neighbours : Tensor, shape (rows, places), int64

        Returns
        -------
        Tensor, shape (rows, (degree_out + 1)^2, channels)
        """
        rows = neighbours.shape[0]
        radial = self.radial(distances)
        sums = self.convolution(self.mix_in(features), radial, harmonics, neighbours)
        update = self.mix_out(self.many_body(sums, species[:rows]))
        kept = (self.residual.degree + 1) * (self.residual.degree + 1)
        residual = self.residual(features[:rows, :kept]) * self.residual_weight[species[:rows]]
        # The sum of two independent terms keeps unit variance, else products of later layers grow.
        blended = math.sqrt(0.5) * (update[:, :kept] + residual)
        return torch.cat([blended, update[:, kept:]], dim=1)
