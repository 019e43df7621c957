"""Velocities: drawn at random, and the temperature they mean."""

from __future__ import annotations

import numpy as np
from ase import Atoms, units

from ..errors import InputError
from ..words import counted


def thermalised(atoms: Atoms, temperature: float, seed: int) -> Atoms:
    """Return a copy with random velocities of just this temperature and a centre of mass at rest.

    They are drawn from Maxwell and Boltzmann's distribution, then scaled, as few atoms would
    otherwise be far from the temperature that was asked for.

    Parameters
    ----------
    atoms : Atoms
        The structure, left as it is. Atoms that its constraints hold stay at rest.
    temperature : float
        In K.
    seed : int
        Seed of the random numbers: the same seed gives the same velocities.

    Raises
    ------
    InputError
        If nothing can move.
    """
    masses = atoms.get_masses()[:, None]
    spread = np.sqrt(units.kB * temperature / masses)
    velocities = spread * np.random.default_rng(seed).standard_normal((len(atoms), 3))
    moving = atoms.copy()
    moving.set_velocities(velocities - (masses * velocities).sum(axis=0) / masses.sum())
    if temperature > 0:
        wanted = 0.5 * degrees_of_freedom(moving) * units.kB * temperature
        moving.set_momenta(moving.get_momenta() * np.sqrt(wanted / moving.get_kinetic_energy()))
    return moving


def without_drift(atoms: Atoms) -> Atoms:
    """Return a copy whose centre of mass is at rest, unless constraints hold some atoms."""
    resting = atoms.copy()
    if not atoms.constraints:
        masses = atoms.get_masses()
        velocities = atoms.get_velocities()
        resting.set_velocities(velocities - masses @ velocities / masses.sum())
    return resting


def with_velocities(atoms: Atoms, temperature: float | None, seed: int) -> Atoms:
    """Return a copy that moves: as drawn at a temperature in K or, without one, as ``atoms`` do.

    Its centre of mass is at rest, see `thermalised` and `without_drift`.

    Raises
    ------
    InputError
        If there is no temperature, and the atoms are at rest.
    """
    if temperature is not None:
        return thermalised(atoms, temperature, seed)
    if not atoms.get_kinetic_energy() > 0.0:
        raise InputError(
            "the structure has no velocities to start from; give a temperature (--temperature), K"
        )
    return without_drift(atoms)


def degrees_of_freedom(atoms: Atoms) -> int:
    """Return how many directions of motion share the kinetic energy.

    Without constraints, a centre of mass at rest takes three of the 3N.

    Raises
    ------
    InputError
        If nothing can move.
    """
    free = atoms.get_number_of_degrees_of_freedom()
    if not atoms.constraints:
        free -= 3
    if free < 1:
        raise InputError(
            f"{counted(len(atoms), 'atom')} of {atoms.get_chemical_formula() or 'nothing'} with "
            f"{counted(len(atoms.constraints), 'constraint')} have no motion with a temperature; "
            "dynamics needs two free atoms at least, as in atoms * (2, 2, 2)"
        )
    return free


def temperature(atoms: Atoms) -> float:
    """Return the temperature in K of atoms whose centre of mass is at rest."""
    return 2.0 * atoms.get_kinetic_energy() / (degrees_of_freedom(atoms) * units.kB)
