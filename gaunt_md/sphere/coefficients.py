"""Coefficients of functions on the sphere: which there are, how many, and in which places."""

from __future__ import annotations

from math import isqrt

import torch
from torch import Tensor

from ..errors import InputError
from .checks import check_integers, check_tensors


def degrees_of_coefficients(degree: int) -> Tensor:
    """Return the degree l of each of the (degree + 1)^2 coefficients, as int64.

    Raises
    ------
    InputError
        If the degree is no integer from zero on.
    """
    check_integers(0, degree=degree)
    return torch.tensor([l for l in range(degree + 1) for _ in range(2 * l + 1)])


def places_by_order(degree: int, highest: int) -> Tensor:
    """Return the places of the coefficients (l, m) in an array [m = -highest..highest][l].

    Zero where there is no such coefficient, |m| > l.
    """
    m, l = torch.arange(-highest, highest + 1).unsqueeze(-1), torch.arange(degree + 1)
    return torch.where(m.abs() <= l, l * l + l + m, 0)


def places_by_degree(degree: int) -> Tensor:
    """Return where each coefficient (l, m) is in an array [m = -degree..degree][l], flattened."""
    l = degrees_of_coefficients(degree)
    m = torch.arange(len(l)) - l * l - l
    return (m + degree) * (degree + 1) + l


def with_zeros(x: Tensor, coefficients: int) -> Tensor:
    """Return a function with so many coefficients: missing ones are zero, others are left out."""
    missing = coefficients - x.shape[-2]
    # Padding by nothing would still copy.
    return torch.nn.functional.pad(x, [0, 0, 0, missing]) if missing != 0 else x


def degree_of(coefficients: Tensor) -> int:
    """Return the degree L of a function given by coefficients (..., (L + 1)^2, channels).

    Raises
    ------
    InputError
        If it is no tensor, or its second last dimension is not a square.
    """
    check_tensors([coefficients])
    count = coefficients.shape[-2] if coefficients.dim() >= 2 else 0
    if not _is_square(count):
        last = coefficients.shape[-1] if coefficients.dim() >= 2 else 0
        hint = "; x.mT brings channels that come first to the end" if _is_square(last) else ""
        if coefficients.dim() < 3:
            hint += "; x[..., None] adds a channel to functions that have none"
        raise InputError(
            f"coefficients of shape {tuple(coefficients.shape)} do not describe a function on the "
            f"sphere: expected (..., (L + 1)^2, channels) with an integer L{hint}"
        )
    return isqrt(count) - 1


def _is_square(count: int) -> bool:
    return count > 0 and isqrt(count) ** 2 == count
