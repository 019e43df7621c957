"""An untrained MACE of the size that is compared; for the scripts beside this file.

Only what mace-torch brings is imported, since these scripts run in its environment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ase.data
import numpy as np
import torch
from e3nn import o3
from mace import modules

# The unit of the readouts, eV: so small that atoms of an untrained model fly on at their velocity.
ENERGY_SCALE = 1e-3


def untrained_mace(
    *,
    elements: Sequence[str],
    channels: int,
    hidden_degree: int,
    filter_degree: int,
    layers: int,
    correlation: int,
    cutoff: float,
    average_neighbours: float,
    energy_scale: float = ENERGY_SCALE,
    reference_energies: Sequence[float] | None = None,
) -> Any:
    """Return a ScaleShiftMACE in torch's default precision."""
    torch.manual_seed(0)
    hidden = " + ".join(f"{channels}x{l}{'eo'[l % 2]}" for l in range(hidden_degree + 1))
    interaction = modules.interaction_classes["RealAgnosticResidualInteractionBlock"]
    return modules.ScaleShiftMACE(
        r_max=cutoff,
        num_bessel=8,
        num_polynomial_cutoff=5,
        max_ell=filter_degree,
        interaction_cls=interaction,
        interaction_cls_first=interaction,
        num_interactions=layers,
        num_elements=len(elements),
        hidden_irreps=o3.Irreps(hidden),
        MLP_irreps=o3.Irreps("16x0e"),
        gate=torch.nn.functional.silu,
        atomic_energies=np.array(reference_energies or [0.0] * len(elements)),
        avg_num_neighbors=average_neighbours,
        atomic_numbers=[ase.data.atomic_numbers[element] for element in elements],
        correlation=correlation,
        radial_MLP=[64, 64, 64],
        radial_type="bessel",
        atomic_inter_scale=energy_scale,
        atomic_inter_shift=0.0,
    )
