"""A trajectory, whichever engine made it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms

from .velocities import temperature

TIME = "time_fs"
"""Key of a frame's ``info`` with the time since the start in fs."""

STEP = "step"
"""Key of a frame's ``info`` with the number of steps since the start."""


@dataclass(frozen=True)
class Trajectory:
    """Structures along molecular dynamics.

    Attributes
    ----------
    times : ndarray, shape (frames,), float64
        Time since the start in fs.
    frames : tuple of Atoms
        Unwrapped positions and velocities, each frame with its energy and forces.
    """

    times: np.ndarray
    frames: tuple[Atoms, ...]

    @property
    def positions(self) -> np.ndarray:
        """Unwrapped positions in Å, shape (frames, atoms, 3)."""
        return np.array([frame.positions for frame in self.frames])

    @property
    def potential_energies(self) -> np.ndarray:
        """Potential energies in eV, shape (frames,)."""
        return np.array([frame.get_potential_energy() for frame in self.frames])

    @property
    def kinetic_energies(self) -> np.ndarray:
        """Kinetic energies in eV, shape (frames,)."""
        return np.array([frame.get_kinetic_energy() for frame in self.frames])

    @property
    def total_energies(self) -> np.ndarray:
        """Total energies in eV, shape (frames,)."""
        return self.potential_energies + self.kinetic_energies

    @property
    def temperatures(self) -> np.ndarray:
        """Temperatures in K, the centre of mass at rest, shape (frames,)."""
        return np.array([temperature(frame) for frame in self.frames])

    @property
    def energy_departure(self) -> float:
        """Largest departure of the total energy from its start, in eV per atom."""
        departures = np.abs(self.total_energies - self.total_energies[0])
        return float(departures.max()) / len(self.frames[0])
