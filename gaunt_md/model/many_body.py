"""Many-body product: functions of one atom multiplied on a grid, all orders in one projection."""

import math

import torch
from torch import Tensor, nn

from .. import kernels  # noqa: F401  (torch.ops.gaunt)
from ..sphere import (
    DegreeLinear,
    degrees_of_coefficients,
    evaluation_matrix,
    hemisphere,
    product_variances,
    projection_matrix,
    quadrature,
)


class ManyBodyProduct(nn.Module):
    """Sum of the products of 1, 2, ... correlation differently mixed copies of a function.

    With the mixes f_1, f_2, ... of the input and weights w_k for each species, the result is
    f_1 (w_1 + f_2 (w_2 + f_3 (w_3 + ...))), evaluated on a grid that is exact for the highest
    product and projected to harmonics once.

    Parameters
    ----------
    channels, species : int
    degree_in, degree_out : int
        Degrees of the input and the result.
    correlation : int
        Largest number of factors; the body order is one higher.
    """

    evaluation: Tensor
    projection: Tensor

    def __init__(
        self, channels: int, species: int, degree_in: int, degree_out: int, correlation: int
    ) -> None:
        super().__init__()
        self.correlation = correlation
        grid = hemisphere(quadrature(correlation * degree_in + degree_out))
        self.mix = DegreeLinear(channels, correlation * channels, degree_in)
        self.weight = nn.Parameter(torch.randn(species, correlation, channels))
        # Values of unit variance on the grid, so that each order contributes alike.
        unit = math.sqrt(4 * math.pi) / (degree_in + 1)
        variances = sum(
            unit ** (2 * order) * product_variances([degree_in] * order, degree_out)
            for order in range(1, correlation + 1)
        )
        normalisation = torch.rsqrt(torch.from_numpy(variances))[
            degrees_of_coefficients(degree_out)
        ]
        evaluation = unit * torch.from_numpy(evaluation_matrix(degree_in, grid))
        projection = normalisation * torch.from_numpy(projection_matrix(degree_out, grid)).mT
        self.register_buffer("evaluation", evaluation, persistent=False)
        self.register_buffer("projection", projection, persistent=False)

    def forward(self, x: Tensor, species: Tensor) -> Tensor:
        """Map (atoms, (degree_in + 1)^2, channels) to (atoms, (degree_out + 1)^2, channels)."""
        return torch.ops.gaunt.many_body(
            x,
            self.mix.matrices(),
            self.weight[species],
            self.evaluation,
            self.projection,
        )
