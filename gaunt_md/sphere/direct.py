"""Products of functions by the sparse table of Gaunt coefficients: the definition itself.

(x · y)_{l3 m3} = Σ G(l1 m1, l2 m2, l3 m3) x_{l1 m1} y_{l2 m2} over the entries that are not zero,
O(L^5) of them. The coefficients are exact, which makes this the reference for the other methods.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from .coefficients import with_zeros
from .gaunt import gaunt_coefficients


class DirectProduct(nn.Module):
    """Product of functions of the given degrees, up to ``degree_out``, one factor after another.

    Parameters
    ----------
    degrees : sequence of int
        Degrees of the factors.
    degree_out : int
    """

    def __init__(self, degrees: Sequence[int], degree_out: int) -> None:
        super().__init__()
        pairs: list[nn.Module] = []
        degree = degrees[0]
        for index, following in enumerate(degrees[1:], start=2):
            # Higher degrees than this could not come back to degree_out.
            useful = degree_out + sum(degrees[index:])
            pairs.append(_PairProduct(degree, following, min(degree + following, useful)))
            degree = min(degree + following, useful)
        self.pairs = nn.ModuleList(pairs)
        self.coefficients_out = (degree_out + 1) ** 2

    def forward(self, factors: list[Tensor]) -> Tensor:
        """Map coefficients (..., (L_i + 1)^2, channels) to (..., (degree_out + 1)^2, channels)."""
        product = factors[0]
        for index, pair in enumerate(self.pairs):
            product = pair(product, factors[index + 1])
        return with_zeros(product, self.coefficients_out)


class _PairProduct(nn.Module):
    values: Tensor
    first: Tensor
    second: Tensor
    result: Tensor

    def __init__(self, degree1: int, degree2: int, degree_out: int) -> None:
        super().__init__()
        table = gaunt_coefficients(degree1, degree2, degree_out)
        first, second, result = np.nonzero(table)
        self.coefficients_out = (degree_out + 1) ** 2
        values = torch.from_numpy(table[first, second, result]).unsqueeze(-1)
        self.register_buffer("values", values, persistent=False)
        self.register_buffer("first", torch.from_numpy(first), persistent=False)
        self.register_buffer("second", torch.from_numpy(second), persistent=False)
        self.register_buffer("result", torch.from_numpy(result), persistent=False)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        terms = x.index_select(-2, self.first) * y.index_select(-2, self.second)
        terms = self.values.to(terms.dtype) * terms
        shape = list(terms.shape)
        shape[-2] = self.coefficients_out
        return torch.zeros(shape, dtype=terms.dtype, device=terms.device).index_add(
            -2, self.result, terms
        )
