"""Coefficients of functions on the sphere: which degree each belongs to, and how many there are."""

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


def degree_of(coefficients: Tensor) -> int:
    """Return the degree L of a function given by coefficients (..., (L + 1)^2, channels).

    Raises
    ------
    InputError
        If it is no tensor, or its second last dimension is not a square.
    """
    check_tensors([coefficients])
    count = coefficients.shape[-2] if coefficients.dim() >= 2 else 0
    degree = isqrt(count) - 1
    if degree < 0 or (degree + 1) ** 2 != count:
        raise InputError(
            f"coefficients of shape {tuple(coefficients.shape)} do not describe a function on the "
            "sphere: expected (..., (L + 1)^2, channels) with an integer L"
        )
    return degree
