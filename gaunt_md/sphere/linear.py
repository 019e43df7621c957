"""Linear maps of functions on the sphere that commute with rotations.

Parameters have unit size: the usual factor 1/√channels stands in the forward pass instead of in
the initial values, so that one learning rate means the same relative change for every parameter,
whatever the width. Constants that belong to a degree, the gains, multiply the weights, which are
few, and not the coefficients.
"""

import math

import torch
from torch import Tensor, nn

from .. import kernels  # noqa: F401  (torch.ops.gaunt)
from .checks import check_integers, check_weighted


class DegreeLinear(nn.Module):
    """Mix channels with one matrix for each degree.

    Maps (..., (degree + 1)^2, channels_in) to (..., (degree + 1)^2, channels_out) and keeps
    unit variance at initialisation, times the square of the gains.

    Parameters
    ----------
    channels_in, channels_out, degree : int
    gains : Tensor or None, shape (degree + 1,)
        Constants that the result is multiplied with.
    """

    gains: Tensor | None

    def __init__(
        self, channels_in: int, channels_out: int, degree: int, gains: Tensor | None = None
    ) -> None:
        super().__init__()
        check_integers(0, degree=degree)
        check_integers(1, channels_in=channels_in, channels_out=channels_out)
        self.degree = degree
        self.scale = 1.0 / math.sqrt(channels_in)
        self.folded = False  # see `fold`
        self.weight = nn.Parameter(torch.randn(degree + 1, channels_in, channels_out))
        constants = None if gains is None else gains.reshape(-1, 1, 1)
        self.register_buffer("gains", constants, persistent=False)

    @classmethod
    def of(cls, matrices: Tensor) -> "DegreeLinear":
        """Return a map for use with matrices (degree + 1, channels_in, channels_out), constant."""
        degree, channels_in, channels_out = matrices.shape[0] - 1, *matrices.shape[1:]
        linear = cls(channels_in, channels_out, degree)
        linear.weight.data = matrices.detach()
        linear.folded = True
        return linear.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the mixed coefficients."""
        # In potential files, where each operation costs small structures time, the operator alone
        # refuses, in fewer words.
        if not torch.jit.is_scripting():
            check_weighted(x, self.weight, self.degree, self.weight.shape[1])
        matrices = self.matrices()
        if x.dim() == 3:  # the usual case, in which a view would be one more thing to differentiate
            return torch.ops.gaunt.degree_linear(x, matrices)
        nodes = x.reshape([-1, x.shape[-2], x.shape[-1]])
        mixed: Tensor = torch.ops.gaunt.degree_linear(nodes, matrices)
        return mixed.reshape(list(x.shape[:-1]) + [matrices.shape[2]])  # noqa: RUF005

    def matrices(self) -> Tensor:
        """Return what multiplies: the weights times their constants, shaped like the weights."""
        if self.folded:
            return self.weight
        scaled, gains = self.scale * self.weight, self.gains
        return scaled if gains is None else scaled * gains.to(scaled.dtype)

    @torch.jit.unused
    def fold(self) -> None:
        """Multiply the weights by their constants for good, once they need no more training.

        A folded module's state_dict is for folded modules only.
        """
        self.weight.data = self.matrices().detach()
        self.folded = True


class DegreeWeights(nn.Module):
    """Multiply every degree of every channel by a weight, one at first.

    Maps (..., (degree + 1)^2, channels) to the same shape.

    Parameters
    ----------
    channels, degree : int
    gains : Tensor or None, shape (degree + 1,)
        Constants that the result is multiplied with.
    """

    gains: Tensor | None

    def __init__(self, channels: int, degree: int, gains: Tensor | None = None) -> None:
        super().__init__()
        check_integers(0, degree=degree)
        check_integers(1, channels=channels)
        self.degree = degree
        self.weight = nn.Parameter(torch.ones(degree + 1, channels))
        constants = None if gains is None else gains.unsqueeze(-1)
        self.register_buffer("gains", constants, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the weighted coefficients."""
        check_weighted(x, self.weight, self.degree, self.weight.shape[1])
        weight: Tensor = self.weight
        gains = self.gains
        if gains is not None:
            weight = weight * gains.to(weight.dtype)
        nodes = x.reshape([-1, x.shape[-2], x.shape[-1]])
        weighted: Tensor = torch.ops.gaunt.degree_weights(nodes, weight)
        return weighted.reshape(x.shape)
