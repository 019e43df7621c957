"""Real spherical harmonics and Legendre polynomials, by recurrences that are stable at any degree.

Both are polynomials of their arguments, so they can be differentiated any number of times, at the
poles too, and both are accepted by ``torch.jit.script``. In angles harmonics are products,
Y_lm(θ, φ) = Y_l|m|(θ, 0) · (cos mφ or sin |m|φ): the two factors are there for arrays.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..kernels.reference import spherical_harmonics

__all__ = ["legendre_polynomials", "meridian_harmonics", "spherical_harmonics", "waves"]


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


def meridian_harmonics(degree: int, theta: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Y_l|m|(θ, φ = 0), which Y_lm is without its wave; shape (angles, (degree + 1)^2)."""
    directions = np.stack([np.sin(theta), np.zeros_like(theta), np.cos(theta)], axis=1)
    harmonics = spherical_harmonics(degree, torch.from_numpy(directions)).numpy()
    l = np.repeat(np.arange(degree + 1), 2 * np.arange(degree + 1) + 1)
    m = np.arange((degree + 1) ** 2) - l * (l + 1)
    return np.ascontiguousarray(harmonics[:, l * (l + 1) + np.abs(m)])


def waves(degree: int, phi: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return cos mφ (m ≥ 0) and sin |m|φ (m < 0), shape (angles, 2 degree + 1)."""
    m = np.arange(-degree, degree + 1)
    phases = np.outer(phi, np.abs(m))
    return np.where(m >= 0, np.cos(phases), np.sin(phases))
