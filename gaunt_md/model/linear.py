"""Linear maps between channels that commute with rotations."""

import math

import torch
from torch import Tensor, nn


class DegreeLinear(nn.Module):
    """Mix channels with one matrix for each degree.

    Maps (atoms, (degree + 1)^2, channels_in) to (atoms, (degree + 1)^2, channels_out) and keeps
    unit variance at initialisation.
    """

    def __init__(self, channels_in: int, channels_out: int, degree: int) -> None:
        super().__init__()
        self.degree = degree
        self.coefficients_of_degree = [2 * l + 1 for l in range(degree + 1)]
        self.weight = nn.Parameter(
            torch.randn(degree + 1, channels_in, channels_out) / math.sqrt(channels_in)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the mixed coefficients."""
        blocks = x.split(self.coefficients_of_degree, dim=1)
        mixed = [torch.matmul(block, weight) for block, weight in zip(blocks, self.weight.unbind())]
        return torch.cat(mixed, dim=1)
