"""A crystal whose properties are known in closed form: fcc, springs between nearest neighbours."""

from __future__ import annotations

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.lj import LennardJones
from ase.neighborlist import neighbor_list
from ase.stress import full_3x3_to_voigt_6_stress

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


class Springs(Calculator):
    """Springs between nearest neighbours of a crystal, whose bonds never break; fast.

    Parameters
    ----------
    atoms : Atoms
        The crystal in which all springs are without tension.
    stiffness : float
        In eV/Å^2.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012

    def __init__(self, atoms: Atoms, stiffness: float = 2.0) -> None:
        super().__init__()
        shortest = np.sort(neighbor_list("d", atoms, 6.0))[0]
        self._bonds = neighbor_list("ijS", atoms, 1.1 * shortest)
        self._length, self._stiffness = shortest, stiffness

    def calculate(self, atoms=None, properties=None, system_changes=all_changes) -> None:
        super().calculate(atoms, properties, system_changes)
        first, second, shifts = self._bonds
        vectors = self.atoms.positions[second] - self.atoms.positions[first]
        vectors += shifts @ self.atoms.cell.array
        lengths = np.sqrt((vectors**2).sum(axis=1))
        stretched = lengths - self._length
        pulls = (self._stiffness * stretched / lengths)[:, None] * vectors
        energy = 0.25 * self._stiffness * float(stretched @ stretched)
        forces = np.zeros_like(self.atoms.positions)
        np.add.at(forces, first, pulls)
        stress = 0.5 * vectors.T @ pulls / self.atoms.get_volume()
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "forces": forces,
            "stress": full_3x3_to_voigt_6_stress(stress),
        }
