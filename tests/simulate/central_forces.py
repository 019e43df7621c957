"""A crystal whose properties are known in closed form: fcc, springs between nearest neighbours."""

from __future__ import annotations

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.lj import LennardJones

EPSILON = 0.4
SIGMA = 2.3
DISTANCE = 2.0 ** (1.0 / 6.0) * SIGMA
LATTICE_CONSTANT = np.sqrt(2.0) * DISTANCE
STIFFNESS = 72.0 * EPSILON / DISTANCE**2
"""Second derivative of the pair energy at its minimum, eV/Å^2."""


def calculator() -> LennardJones:
    """Return Lennard-Jones forces that end between the first and the second shell."""
    return LennardJones(sigma=SIGMA, epsilon=EPSILON, rc=1.2 * DISTANCE)


def crystal(cubic: bool = False) -> Atoms:
    """Return the crystal at its minimum, where the springs are without tension."""
    return bulk("Cu", "fcc", a=LATTICE_CONSTANT, cubic=cubic)


def frequency(stiffness: float) -> float:
    """Return the frequency in THz of copper atoms on a spring of so many eV/Å^2."""
    mass = crystal().get_masses()[0]
    return float(np.sqrt(stiffness / mass) * units.second * 1e-12 / (2.0 * np.pi))
