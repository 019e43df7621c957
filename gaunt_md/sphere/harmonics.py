"""Real spherical harmonics and Legendre polynomials, by recurrences that are stable at any degree.

Both functions are polynomials of their arguments, so they can be differentiated any number of
times, at the poles too, and both are accepted by ``torch.jit.script``.
"""

import math

import torch
from torch import Tensor


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

    Notes
    -----
    Y_lm = Q_l|m|(z) · Re (x + iy)^m for m ≥ 0 and Q_l|m|(z) · Im (x + iy)^|m| for m < 0, where Q
    is the normalised associated Legendre function without its factor sin^m θ. The recurrence in l
    is the fully normalised one of Holmes and Featherstone, J. Geodesy 76, 279 (2002).
    """
    x, y, z = directions[..., 0], directions[..., 1], directions[..., 2]
    cosines: list[Tensor] = [torch.ones_like(x)]  # Re (x + iy)^m
    sines: list[Tensor] = [torch.zeros_like(x)]  # Im (x + iy)^m
    for m in range(1, degree + 1):
        cosines.append(x * cosines[m - 1] - y * sines[m - 1])
        sines.append(x * sines[m - 1] + y * cosines[m - 1])

    harmonics = [torch.zeros_like(x) for _ in range((degree + 1) * (degree + 1))]
    sectoral = 1.0 / math.sqrt(4.0 * math.pi)  # Q_mm, a constant
    for m in range(degree + 1):
        if m == 1:
            sectoral *= math.sqrt(3.0)
        elif m > 1:
            sectoral *= math.sqrt((2 * m + 1) / (2 * m))
        before = torch.zeros_like(z)
        polynomial = sectoral * torch.ones_like(z)
        for l in range(m, degree + 1):
            if l > m:
                rising = math.sqrt((4.0 * l * l - 1) / (l * l - m * m))
                falling = math.sqrt(((l - 1.0) ** 2 - m * m) / (4.0 * (l - 1) ** 2 - 1))
                following = rising * (z * polynomial - falling * before)
                before = polynomial
                polynomial = following
            harmonics[l * l + l + m] = polynomial * cosines[m]
            if m > 0:
                harmonics[l * l + l - m] = polynomial * sines[m]
    return torch.stack(harmonics, -1)
