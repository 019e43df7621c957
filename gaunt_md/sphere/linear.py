"""Linear maps of functions on the sphere that commute with rotations.

Parameters have unit size: the usual factor 1/√channels stands in the forward pass instead of in
the initial values, so that one learning rate means the same relative change for every parameter,
whatever the width.
"""

import math

import torch
from torch import Tensor, nn

from .. import kernels  # noqa: F401  (torch.ops.gaunt)
from .coefficients import degrees_of_coefficients


class DegreeLinear(nn.Module):
    """Mix channels with one matrix for each degree.

    Maps (..., (degree + 1)^2, channels_in) to (..., (degree + 1)^2, channels_out) and keeps
    unit variance at initialisation.
    """

    def __init__(self, channels_in: int, channels_out: int, degree: int) -> None:
        super().__init__()
        self.degree = degree
        self.scale = 1.0 / math.sqrt(channels_in)
        self.weight = nn.Parameter(torch.randn(degree + 1, channels_in, channels_out))

    def forward(self, x: Tensor) -> Tensor:
        """Return the mixed coefficients."""
        nodes = x.reshape([-1, x.shape[-2], x.shape[-1]])
        mixed: Tensor = torch.ops.gaunt.degree_linear(nodes, self.scale * self.weight)
        return mixed.reshape(list(x.shape[:-1]) + [self.weight.shape[2]])  # noqa: RUF005


class DegreeWeights(nn.Module):
    """Multiply every degree of every channel by a weight, one at first.

    Maps (..., (degree + 1)^2, channels) to the same shape.
    """

    degrees: Tensor

    def __init__(self, channels: int, degree: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(degree + 1, channels))
        self.register_buffer("degrees", degrees_of_coefficients(degree), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the weighted coefficients."""
        return x * self.weight[self.degrees]
