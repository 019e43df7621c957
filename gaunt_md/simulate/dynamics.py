"""Molecular dynamics in ASE."""

from __future__ import annotations

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import BaseCalculator
from ase.calculators.singlepoint import SinglePointCalculator
from ase.md.verlet import VelocityVerlet

from .trajectory import Trajectory


def thermalised(atoms: Atoms, temperature: float, seed: int) -> Atoms:
    """Return a copy with Maxwell-Boltzmann velocities and a centre of mass at rest.

    Parameters
    ----------
    atoms : Atoms
        The structure, left as it is.
    temperature : float
        Temperature of the distribution in K.
    seed : int
        Seed of the random numbers: the same seed gives the same velocities.
    """
    masses = atoms.get_masses()[:, None]
    spread = np.sqrt(units.kB * temperature / masses)
    velocities = spread * np.random.default_rng(seed).standard_normal((len(atoms), 3))
    moving = atoms.copy()
    moving.set_velocities(velocities - (masses * velocities).sum(axis=0) / masses.sum())
    return moving


def run_nve(
    atoms: Atoms, calculator: BaseCalculator, *, timestep: float, steps: int, interval: int = 1
) -> Trajectory:
    """Run velocity Verlet dynamics at constant energy from the velocities of ``atoms``.

    Parameters
    ----------
    atoms : Atoms
        Positions and velocities to start from; left as they are.
    calculator : BaseCalculator
        Any ASE calculator with forces.
    timestep : float
        Time step in fs.
    steps : int
        Number of steps.
    interval : int
        Steps between the frames that are kept; the start is always kept.
    """
    moving = atoms.copy()
    moving.calc = calculator
    dynamics = VelocityVerlet(moving, timestep * units.fs)
    times, frames = [], []
    for _ in dynamics.irun(steps):
        if dynamics.nsteps % interval == 0:
            times.append(dynamics.nsteps * timestep)
            frames.append(_snapshot(moving))
    return Trajectory(np.array(times), tuple(frames))


def _snapshot(atoms: Atoms) -> Atoms:
    frame = atoms.copy()
    frame.calc = SinglePointCalculator(
        frame, energy=atoms.get_potential_energy(), forces=atoms.get_forces()
    )
    return frame
