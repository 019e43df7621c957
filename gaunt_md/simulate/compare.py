"""Whether two engines follow the same trajectory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from .trajectory import Trajectory

ENERGY_BOUND = 1e-6
"""Difference of potential energies at the start, eV per atom: rounding of a float32 network."""

FORCE_BOUND = 1e-5
"""Difference of force components at the start, eV/Å: rounding of a float32 network."""

POSITION_BOUND = 1e-4
"""Difference of coordinates at any time, Å: rounding, grown along the trajectory."""


@dataclass(frozen=True)
class Agreement:
    """How closely two trajectories from the same start agree.

    Attributes
    ----------
    energy : float
        Difference of the potential energies at the start in eV per atom.
    force : float
        Largest difference of a force component at the start in eV/Å.
    distances : ndarray, shape (frames,), float64
        Largest difference of a coordinate in each frame in Å.
    """

    energy: float
    force: float
    distances: np.ndarray

    @property
    def holds(self) -> bool:
        """Whether all differences stay within the bounds of this module."""
        return bool(
            self.energy <= ENERGY_BOUND
            and self.force <= FORCE_BOUND
            and self.distances.max() <= POSITION_BOUND
        )


def compare_trajectories(first: Trajectory, second: Trajectory) -> Agreement:
    """Compare two trajectories of the same atoms at the same times."""
    if not np.array_equal(first.times, second.times):
        raise InputError(
            f"the trajectories have {len(first.times)} and {len(second.times)} frames at "
            "different times. Run both with the same time step, steps and interval."
        )
    here, there = first.frames[0], second.frames[0]
    energy_difference = here.get_potential_energy() - there.get_potential_energy()
    return Agreement(
        energy=float(abs(energy_difference)) / len(here),
        force=float(np.abs(here.get_forces() - there.get_forces()).max()),
        distances=np.abs(first.positions - second.positions).max(axis=(1, 2)),
    )
