"""Linear maps whose parameters have unit size.

The usual factor 1/√(inputs) stands in the forward pass instead of in the initial values, so that
one learning rate means the same relative change for every parameter, whatever the width.
"""

import math

import torch
from torch import Tensor, nn


class Linear(nn.Module):
    """Map (..., size_in) to (..., size_out) without bias; keeps unit variance times ``gain``^2."""

    def __init__(self, size_in: int, size_out: int, gain: float = 1.0) -> None:
        super().__init__()
        self.scale = gain / math.sqrt(size_in)
        self.weight = nn.Parameter(torch.randn(size_in, size_out))

    def forward(self, x: Tensor) -> Tensor:
        """Return the mapped values."""
        return torch.matmul(x, self.scale * self.weight)


class DegreeLinear(nn.Module):
    """Mix channels with one matrix for each degree, which commutes with rotations.

    Maps (atoms, (degree + 1)^2, channels_in) to (atoms, (degree + 1)^2, channels_out).
    """

    def __init__(self, channels_in: int, channels_out: int, degree: int) -> None:
        super().__init__()
        self.degree = degree
        self.scale = 1.0 / math.sqrt(channels_in)
        self.coefficients_of_degree = [2 * l + 1 for l in range(degree + 1)]
        self.weight = nn.Parameter(torch.randn(degree + 1, channels_in, channels_out))

    def forward(self, x: Tensor) -> Tensor:
        """Return the mixed coefficients."""
        blocks = x.split(self.coefficients_of_degree, dim=1)
        weights = (self.scale * self.weight).unbind()
        mixed = [torch.matmul(block, weight) for block, weight in zip(blocks, weights)]
        return torch.cat(mixed, dim=1)
