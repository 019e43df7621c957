"""Relaxation of positions and cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS

from ..errors import InputError


@dataclass(frozen=True)
class Relaxation:
    """A relaxed structure.

    Attributes
    ----------
    atoms : Atoms
        The relaxed structure, without calculator.
    energy : float
        Its potential energy in eV.
    largest_force : float
        Length of the largest force that is left, in eV/Å.
    stress : ndarray, shape (6,), float64
        Stress that is left in eV/Å^3, ASE's sign and order (xx yy zz yz xz xy); NaN if the
        cell was kept.
    steps : int
        Steps of the optimiser.
    converged : bool
        Whether the tolerance was reached.
    """

    atoms: Atoms
    energy: float
    largest_force: float
    stress: np.ndarray
    steps: int
    converged: bool


def relax(
    atoms: Atoms,
    calculator: BaseCalculator,
    *,
    cell: bool = True,
    force_tolerance: float = 1e-4,
    max_steps: int = 500,
) -> Relaxation:
    """Relax positions and, unless ``cell`` is false, the cell at zero pressure.

    Parameters
    ----------
    atoms : Atoms
        The structure to start from; it is left as it is.
    calculator : BaseCalculator
        Any ASE calculator with forces and, for the cell, stress.
    cell : bool
        Whether the cell relaxes too.
    force_tolerance : float
        Largest force allowed at the end in eV/Å; for the cell, largest virial per atom in eV.
    max_steps : int
        Steps after which the optimiser gives up.

    Raises
    ------
    InputError
        If the cell is to relax and has less than three vectors.
    """
    if cell and atoms.cell.rank < 3:
        raise InputError(
            f"the cell {atoms.cell.tolist()} has no volume and cannot relax; use cell=False to "
            "relax the positions alone"
        )
    moving = atoms.copy()
    moving.calc = calculator
    degrees_of_freedom: Any = FrechetCellFilter(moving) if cell else moving
    optimiser = BFGS(degrees_of_freedom, logfile=None)
    converged = bool(optimiser.run(fmax=force_tolerance, steps=max_steps))
    result = Relaxation(
        atoms=moving,
        energy=float(moving.get_potential_energy()),
        largest_force=float(np.linalg.norm(moving.get_forces(), axis=1).max()),
        stress=moving.get_stress() if cell else np.full(6, np.nan),
        steps=optimiser.nsteps,
        converged=converged,
    )
    moving.calc = None
    return result
