"""Real spherical harmonics and Legendre polynomials, by recurrences that are stable at any degree.

Both are polynomials of their arguments, so they can be differentiated any number of times, at the
poles too, and both are accepted by ``torch.jit.script``. In angles harmonics are products,
Y_lm(θ, φ) = Y_l|m|(θ, 0) · (cos mφ or sin |m|φ): the two factors are there for arrays.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import InputError
from ..kernels import reference
from .checks import check_integers, check_numbers, shapes_of

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


def spherical_harmonics(degree: int, directions: Tensor) -> Tensor:
    """Return the real orthonormal spherical harmonics of unit vectors.

    Parameters
    ----------
    degree : int
        Highest degree L.
    directions : Tensor, shape (..., 3)
        Unit vectors (x, y, z); they are not normalised here.

    Returns
    -------
    Tensor, shape (..., (degree + 1)^2)
        Y_lm in the order m = -l..l, with ∫ Y_lm Y_l'm' = δ_ll' δ_mm'; Y_1 is proportional to
        (y, z, x).

    Raises
    ------
    InputError
        If the degree is no integer from zero on, or the directions are no vectors of float32 or
        float64.

    Notes
    -----
    Y_lm = Q_l|m|(z) · Re (x + iy)^m for m ≥ 0 and Q_l|m|(z) · Im (x + iy)^|m| for m < 0, where Q
    is the normalised associated Legendre function without its factor sin^m θ. The recurrence in l
    is the fully normalised one of Holmes and Featherstone, J. Geodesy 76, 279 (2002).
    """
    if not torch.jit.is_scripting():
        check_integers(0, degree=degree)
    check_numbers([directions])
    if directions.dim() == 0 or directions.shape[-1] != 3:
        raise InputError(f"directions of shape {shapes_of([directions])}: expected (..., 3)")
    return reference.spherical_harmonics(degree, directions)


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
