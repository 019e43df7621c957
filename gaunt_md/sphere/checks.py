"""What every operation on the sphere refuses, with one sentence whatever the method.

The checks of tensors stand in forward passes: ``torch.jit.script`` and ``torch.compile`` take them,
and they look at shapes and dtypes only, never at numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import InputError


def check_integers(least: int, **values: object) -> None:
    """Raise InputError unless all named values are integers from ``least`` on."""
    for name, value in values.items():
        # Integers of all kinds have it, numpy's too; but truth values and tensors as well.
        is_integer = hasattr(value, "__index__") and not isinstance(value, bool | Tensor)
        if not is_integer or value < least:  # type: ignore[operator]
            raise InputError(f"{name}={value!r}: expected an integer, {least} or larger")


def check_numbers(tensors: list[Tensor]) -> None:
    """Raise InputError unless these are tensors of one dtype, float32 or float64, on one device."""
    if not torch.jit.is_scripting():
        check_tensors(tensors)
    for tensor in tensors:
        real = tensor.dtype == torch.float32 or tensor.dtype == torch.float64
        if not real or tensor.dtype != tensors[0].dtype:
            raise InputError(
                f"tensors and weights of dtype{dtypes_of(tensors)}: expected float32 or float64, "
                "the same for all; .float() and .double() convert tensors as well as modules"
            )
        if tensor.device != tensors[0].device:
            found = ", ".join([str(one.device) for one in tensors])
            raise InputError(
                f"tensors and weights on {found}: expected one device; .to(device) moves tensors "
                "as well as modules"
            )


def check_tensors(tensors: list[Tensor]) -> None:
    """Raise InputError unless these are torch tensors; for eager code."""
    for tensor in tensors:
        if not isinstance(tensor, Tensor):
            raise InputError(
                f"expected a torch tensor, found {type(tensor).__module__}."
                f"{type(tensor).__qualname__}: torch.as_tensor makes one"
            )


def check_functions(functions: list[Tensor], coefficients: list[int]) -> None:
    """Raise InputError unless functions have so many coefficients each, and broadcast.

    Parameters
    ----------
    functions : list of Tensor
        Expected: (..., coefficients, channels) with one dtype, leading dimensions and channels
        that broadcast, and at least one channel.
    coefficients : list of int
        Of each function.
    """
    check_numbers(functions)
    fit = len(functions) == len(coefficients)
    if fit:
        for function, count in zip(functions, coefficients):  # noqa: B905  (TorchScript)
            fit = fit and function.dim() >= 2 and function.shape[-2] == count
    if not fit:
        expected = ", ".join([f"(..., {count}, channels)" for count in coefficients])
        raise InputError(
            f"functions of shape {shapes_of(functions)}: expected {expected}, the degrees that "
            "the operation was made for"
        )
    alike = functions[0].shape[-1] > 0  # the usual case, at no cost
    for function in functions:
        alike = alike and function.shape == functions[0].shape
    if not alike:
        broadcast_shape(functions)


def broadcast_shape(functions: list[Tensor]) -> tuple[list[int], int]:
    """Return the leading dimensions and the channels that functions broadcast to.

    Raises
    ------
    InputError
        If they do not broadcast, or there are no channels.
    """
    shape: list[int] = []
    for function in functions:
        sizes = function.shape[:-2] + function.shape[-1:]
        missing = len(sizes) - len(shape)
        shape = [1] * missing + shape
        for index, size in enumerate(sizes, -missing if missing < 0 else 0):
            if size != 1:
                if shape[index] != 1 and shape[index] != size:
                    raise InputError(
                        f"functions of shape {shapes_of(functions)}: expected leading dimensions "
                        "and channels that are equal or 1"
                    )
                shape[index] = size
    if shape[-1] == 0:
        raise InputError(
            f"functions of shape {shapes_of(functions)}: expected one channel at least"
        )
    return shape[:-1], shape[-1]


def as_nodes(functions: list[Tensor]) -> tuple[list[Tensor], list[int]]:
    """Return functions (nodes, coefficients, channels) and the leading dimensions of the nodes.

    Raises
    ------
    InputError
        If the functions do not broadcast, or there are no channels.
    """
    leading, channels = broadcast_shape(functions)
    count = 1
    for size in leading:
        count *= size
    nodes: list[Tensor] = []
    for function in functions:
        coefficients = function.shape[-2]
        expanded = function.expand(leading + [coefficients, channels])  # noqa: RUF005  (TorchScript)
        nodes.append(expanded.reshape([count, coefficients, channels]))
    return nodes, leading


def check_channels(functions: list[Tensor], channels: int) -> None:
    """Raise InputError unless the functions have so many channels, or one that meets all."""
    for function in functions:
        if function.shape[-1] != channels and function.shape[-1] != 1:
            raise InputError(
                f"functions of shape {shapes_of(functions)}: expected {channels} channels, those "
                "of the weights, or 1"
            )


def check_weighted(x: Tensor, weight: Tensor, degree: int, channels: int) -> None:
    """Raise InputError unless weights for each degree and channel fit to a function."""
    check_numbers([x, weight])
    count = (degree + 1) * (degree + 1)
    if x.dim() < 2 or x.shape[-2] != count or x.shape[-1] != channels:
        raise InputError(
            f"function of shape {shapes_of([x])}: expected (..., {count}, {channels}), for which "
            "the weights were made"
        )


def shapes_of(tensors: list[Tensor]) -> str:
    """Return shapes for a message."""
    return ", ".join([f"{list(tensor.shape)}" for tensor in tensors])


def dtypes_of(tensors: list[Tensor]) -> str:
    """Return dtypes for a message, after a space; none in TorchScript, where they are numbers."""
    found = ""
    if not torch.jit.is_scripting():
        found = " " + ", ".join([str(tensor.dtype) for tensor in tensors])
    return found
