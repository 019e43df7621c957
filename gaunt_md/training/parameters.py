"""Potentials made again from parameters that were kept in a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from ..model import Potential


def potential_with(
    hyperparameters: dict[str, Any], parameters: Mapping[str, Tensor], source: str
) -> Potential:
    """Return a potential with these parameters, by their names.

    What else a file may hold can be made again.

    Raises
    ------
    InputError
        If a parameter is missing or has another shape; names ``source``.
    """
    with torch.random.fork_rng(devices=[]):  # its first, random parameters do not matter
        potential = Potential(**hyperparameters)
    with torch.no_grad():
        for name, parameter in potential.named_parameters():
            if name not in parameters or parameters[name].shape != parameter.shape:
                raise InputError(
                    f"'{source}' does not hold the parameter {name} of this version's potentials; "
                    "use the version of gaunt-md that wrote it"
                )
            parameter.copy_(parameters[name])
    return potential


def averaged_potential(checkpoint: dict[str, Any], source: str) -> Potential:
    """Return the potential of a checkpoint that is validated and kept."""
    prefix = "averaged."
    parameters = {
        name.removeprefix(prefix): value
        for name, value in checkpoint["state_dict"].items()
        if name.startswith(prefix)
    }
    return potential_with(checkpoint["gaunt_md"]["record"]["hyperparameters"], parameters, source)
