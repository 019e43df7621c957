"""Make ``torch.ops.gaunt`` known: the compiled operators, or their twins in plain torch."""

from __future__ import annotations

import warnings

import torch

from ..errors import BuildError
from . import reference
from .build import ensure_built

PLAIN_TORCH = "plain torch"
"""Stands in for the name of an instruction set where nothing is compiled."""

_TWINS = {
    "convolution(Tensor features, Tensor radial, Tensor harmonics, Tensor first, "
    "Tensor neighbours, Tensor coupling, Tensor? table, float step) -> Tensor": (
        reference.convolution
    ),
    "grid_product(Tensor[] factors, Tensor evaluation, Tensor projection, Tensor? waves=None)"
    " -> Tensor": reference.grid_product,
    "many_body(Tensor x, Tensor mix, Tensor weights, Tensor evaluation, Tensor projection)"
    " -> Tensor": reference.many_body,
    "degree_linear(Tensor x, Tensor weight) -> Tensor": reference.degree_linear,
    "degree_weights(Tensor x, Tensor weight) -> Tensor": reference.degree_weights,
    "harmonics(Tensor vectors, int degree) -> Tensor": reference.harmonics,
    "instruction_set() -> str": lambda: PLAIN_TORCH,
}

_library: torch.library.Library | None = None


def load_operators() -> None:
    """Load the compiled operators, building them if that was never tried; else register twins.

    Nothing happens if they are there, as in a program in which LAMMPS has loaded them.
    """
    if hasattr(torch.ops.gaunt, "convolution"):
        return
    try:
        torch.ops.load_library(str(ensure_built()))
    except (BuildError, OSError) as error:
        warnings.warn(
            f"gaunt-md runs in plain torch, several times slower: its kernels cannot be used: "
            f"{error}",
            RuntimeWarning,
            stacklevel=2,
        )
        register_twins()


def register_twins() -> None:
    """Register the operators in plain torch."""
    global _library
    _library = torch.library.Library("gaunt", "DEF")
    for schema, function in _TWINS.items():
        _library.define(schema)
        # Differentiated as what they are made of.
        _library.impl(schema.partition("(")[0], function, "CompositeImplicitAutograd")
