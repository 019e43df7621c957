"""Convolution: the neighbours' features times a filter that depends on the edge, summed.

The filter of an edge is the function on the sphere with coefficients R_l(r_ij) Y_lm(r̂_ij), and the
message of a neighbour is the Gaunt tensor product of its feature h_j with that filter. The product
is bilinear, so it can be taken after the sum instead of once per edge:
A_i = G : Σ_j h_j ⊗ (R Y)_ij with the Gaunt coefficients G. The sum over the neighbours of one atom
is then a plain matrix product of Y with R h, in which no coupling occurs.
"""

import math

import torch
from torch import Tensor, nn

from .. import kernels  # noqa: F401  (torch.ops.gaunt)
from ..sphere import degrees_of_coefficients, gaunt_coefficients, product_variances
from .radial import RadialFunctions
from .splines import tabulate


class NeighbourSum(nn.Module):
    """Sum over neighbours of the Gaunt product of feature and filter, however R is given."""

    coupling: Tensor

    def radial_functions(self, distances: Tensor) -> tuple[Tensor, Tensor | None, float]:
        """Return the arguments radial, table and step of the operator."""
        raise NotImplementedError

    def forward(
        self,
        features: Tensor,
        distances: Tensor,
        harmonics: Tensor,
        first: Tensor,
        neighbours: Tensor,
    ) -> Tensor:
        """Return the sums over neighbours.

        Parameters
        ----------
        features : Tensor, shape (atoms, (degree_in + 1)^2, channels)
        distances : Tensor, shape (edges,), Å
        harmonics : Tensor, shape (edges, (filter_degree + 1)^2)
            Y_lm of the directions from centre to neighbour.
        first : Tensor, shape (centres + 1,), int64
            The edges of centre i are first[i] ... first[i + 1] - 1.
        neighbours : Tensor, shape (edges,), int64

        Returns
        -------
        Tensor, shape (centres, (degree_out + 1)^2, channels)
        """
        radial, table, step = self.radial_functions(distances)
        return torch.ops.gaunt.convolution(
            features, radial, harmonics, first, neighbours, self.coupling, table, step
        )


class Convolution(NeighbourSum):
    """The sum with radial functions that are evaluated for every edge.

    Parameters
    ----------
    radial : RadialFunctions
        Of as many degrees as the filter has.
    degree_in, degree_out : int
        Degrees of the neighbours' features and of the result.
    average_neighbours : float
        The sum is divided by its square root.
    """

    def __init__(
        self, radial: RadialFunctions, degree_in: int, degree_out: int, average_neighbours: float
    ) -> None:
        super().__init__()
        self.radial = radial
        self.features = (degree_in + 1) ** 2
        gaunt = torch.from_numpy(gaunt_coefficients(degree_out, radial.degree, degree_in))
        variances = torch.from_numpy(product_variances([degree_in, radial.degree], degree_out))
        # Times √4π, so that radial functions of unit size give coefficients R_l Y_lm of unit size.
        normalisation = torch.rsqrt(variances * average_neighbours) * math.sqrt(4 * math.pi)
        coupling = normalisation[degrees_of_coefficients(degree_out)].unsqueeze(-1) * (
            gaunt.flatten(start_dim=1)
        )
        self.register_buffer("coupling", coupling, persistent=False)

    def radial_functions(self, distances: Tensor) -> tuple[Tensor, Tensor | None, float]:
        """Return R_l of each edge, and no table."""
        return self.radial(distances), None, 0.0


class TabulatedConvolution(NeighbourSum):
    """The same with radial functions from a table of quintic splines, for use after training.

    Parameters
    ----------
    convolution : Convolution
    shortest : float
        As for `tabulate`.

    Attributes
    ----------
    error : float
        Largest deviation of the splines in units of the largest value of the radial functions.
    """

    table: Tensor

    def __init__(self, convolution: Convolution, shortest: float) -> None:
        super().__init__()
        radial = convolution.radial
        splines = tabulate(radial.exact(), radial.cutoff, shortest)
        self.step = splines.step
        self.error = splines.error
        self.features = convolution.features
        self.register_buffer("coupling", convolution.coupling)
        self.register_buffer("table", splines.table.to(convolution.coupling.dtype))

    def radial_functions(self, distances: Tensor) -> tuple[Tensor, Tensor | None, float]:
        """Return the distances, and the table for them."""
        return distances, self.table, self.step
