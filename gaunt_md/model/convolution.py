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

from ..sphere import degrees_of_coefficients, gaunt_coefficients, product_variances


class Convolution(nn.Module):
    """Sum over neighbours of the Gaunt product of feature and filter.

    Parameters
    ----------
    degree_in, filter_degree, degree_out : int
        Degrees of the neighbours' features, of the filter and of the result.
    average_neighbours : float
        The sum is divided by its square root.
    """

    coupling: Tensor

    def __init__(
        self, degree_in: int, filter_degree: int, degree_out: int, average_neighbours: float
    ) -> None:
        super().__init__()
        self.coefficients_of_degree = [2 * l + 1 for l in range(filter_degree + 1)]
        gaunt = torch.from_numpy(gaunt_coefficients(degree_out, filter_degree, degree_in))
        variances = torch.from_numpy(product_variances([degree_in, filter_degree], degree_out))
        # Times √4π, so that radial functions of unit size give coefficients R_l Y_lm of unit size.
        normalisation = torch.rsqrt(variances * average_neighbours) * math.sqrt(4 * math.pi)
        coupling = normalisation[degrees_of_coefficients(degree_out)].unsqueeze(-1) * (
            gaunt.flatten(start_dim=1)
        )
        self.register_buffer("coupling", coupling, persistent=False)

    def forward(
        self, features: Tensor, radial: Tensor, harmonics: Tensor, neighbours: Tensor
    ) -> Tensor:
        """Return the sums over neighbours.

        Parameters
        ----------
        features : Tensor, shape (atoms, (degree_in + 1)^2, channels)
        radial : Tensor, shape (centres, places, filter_degree + 1, channels)
            R_l of each edge of each centre; zero at empty places.
        harmonics : Tensor, shape (centres, places, (filter_degree + 1)^2)
            Y_lm of the directions from centre to neighbour.
        neighbours : Tensor, shape (centres, places), int64

        Returns
        -------
        Tensor, shape (centres, (degree_out + 1)^2, channels)
        """
        n_centres, places = neighbours.shape
        n_coefficients, channels = features.shape[1], features.shape[2]
        # Indexing with a table would be differentiated by atomic additions in no certain order.
        of_neighbours = features.index_select(0, neighbours.flatten()).view(
            n_centres, places, n_coefficients, channels
        )
        moments = []
        for radial_l, harmonics_l in zip(
            radial.unbind(2), harmonics.split(self.coefficients_of_degree, dim=2)
        ):
            weighted = radial_l.unsqueeze(2) * of_neighbours
            moments.append(
                torch.bmm(
                    harmonics_l.transpose(1, 2),
                    weighted.view(n_centres, places, n_coefficients * channels),
                )
            )
        moment = torch.cat(moments, dim=1).view(
            n_centres, harmonics.shape[2] * n_coefficients, channels
        )
        return torch.matmul(self.coupling, moment)
