"""Linear map between channels of scalars."""

import math

import torch
from torch import Tensor, nn


class Linear(nn.Module):
    """Map (..., size_in) to (..., size_out) without bias; keeps unit variance times ``gain``^2.

    The parameters have unit size, see `gaunt_md.sphere.linear`.
    """

    def __init__(self, size_in: int, size_out: int, gain: float = 1.0) -> None:
        super().__init__()
        self.scale = gain / math.sqrt(size_in)
        self.folded = False  # see `fold`
        self.weight = nn.Parameter(torch.randn(size_in, size_out))

    def forward(self, x: Tensor) -> Tensor:
        """Return the mapped values."""
        return torch.matmul(x, self.matrix())

    def matrix(self) -> Tensor:
        """Return what multiplies: the weights times their constant."""
        return self.weight if self.folded else self.scale * self.weight

    @torch.jit.unused
    def fold(self) -> None:
        """Multiply the weights by their constant for good, once they need no more training.

        A folded module's state_dict is for folded modules only.
        """
        self.weight.data = self.matrix().detach()
        self.folded = True
