"""Real spherical harmonics and Legendre polynomials, by recurrences that are stable at any degree.

Both functions are polynomials of their arguments, so they can be differentiated any number of
times, at the poles too, and both are accepted by ``torch.jit.script``.
"""

import torch
from torch import Tensor

from ..kernels.reference import spherical_harmonics

__all__ = ["legendre_polynomials", "spherical_harmonics"]


def legendre_polynomials(degree: int, x: Tensor) -> Tensor:
    """Return the Legendre polynomials P_0(x) ... P_degree(x).

    Parameters
    ----------
    degree : int
        Highest degree.
    x : Tensor, shape (...)
        Cosines, in [-1, 1].

    Returns
    -------
    Tensor, shape (..., degree + 1)
        By Bonnet's recurrence (l + 1) P_{l+1} = (2 l + 1) x P_l - l P_{l-1}.
    """
    polynomials: list[Tensor] = [torch.ones_like(x)]
    if degree > 0:
        polynomials.append(x)
    for l in range(1, degree):
        polynomials.append(
            ((2 * l + 1) / (l + 1)) * x * polynomials[l] - (l / (l + 1)) * polynomials[l - 1]
        )
    return torch.stack(polynomials, -1)
