"""Relaxation of positions and cell, of many structures at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from ase.constraints import FixSymmetry
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS, LBFGS
from ase.optimize.optimize import Optimizer

from ..batch import evaluate_many
from ..errors import InputError
from ..progress import Progress, silent
from ..units import EV_PER_CUBIC_ANGSTROM_TO_GPA
from .symmetry import space_group

SYMMETRY_TOLERANCE = 0.01
"""Distance in Å within which symmetry that is to be kept is found in the start."""

# BFGS diagonalises a matrix of three rows an atom in every step, LBFGS needs a few more steps.
_LARGE = 300


@dataclass(frozen=True)
class Relaxation:
    """A structure before and after its relaxation.

    Attributes
    ----------
    start, atoms : Atoms
        Before (its symmetry exact, if it was kept) and after, each with its energy (eV), forces
        (eV/Å) and, if it has a volume, stress (eV/Å^3, ASE's sign and order).
    pressure : float
        Pressure in GPa at which the cell has relaxed.
    steps : int
        Steps of the optimiser.
    converged : bool
        Whether the tolerance was reached.
    """

    start: Atoms
    atoms: Atoms
    pressure: float
    steps: int
    converged: bool

    @property
    def energy(self) -> float:
        """Potential energy of the relaxed structure in eV."""
        return float(self.atoms.get_potential_energy())

    @property
    def largest_force(self) -> float:
        """Length of the largest force that is left, in eV/Å."""
        return largest_force(self.atoms)

    @property
    def stress(self) -> np.ndarray:
        """Stress that is left in eV/Å^3, ASE's sign and order (xx yy zz yz xz xy), shape (6,)."""
        return self.atoms.get_stress()

    def summary(self) -> dict[str, Any]:
        """Return what changed, for people and programs, the units in the names.

        Stresses are the largest component of what is left beyond the pressure asked for; values
        that a structure does not have, as the volume of a molecule, are None.
        """
        return {
            "formula": self.atoms.get_chemical_formula(),
            "atoms": len(self.atoms),
            "converged": self.converged,
            "steps": self.steps,
            "pressure_GPa": self.pressure,
            **{
                f"{quantity}_{when}{unit}": value
                for when, atoms in (("before", self.start), ("after", self.atoms))
                for quantity, unit, value in _facts(atoms, self.pressure)
            },
        }


def _facts(atoms: Atoms, pressure: float) -> list[tuple[str, str, Any]]:
    solid = atoms.cell.rank == 3
    return [
        ("energy", "_eV_per_atom", atoms.get_potential_energy() / len(atoms)),
        ("volume", "_A3_per_atom", float(atoms.get_volume()) / len(atoms) if solid else None),
        ("space_group", "", space_group(atoms) if atoms.pbc.all() else None),
        ("largest_force", "_eV_per_A", largest_force(atoms)),
        ("largest_stress", "_GPa", largest_stress(atoms, pressure) if solid else None),
    ]


def largest_force(atoms: Atoms) -> float:
    """Return the length of the largest force in eV/Å, 0 of no atoms."""
    forces = atoms.get_forces()
    return float(np.linalg.norm(forces, axis=1).max(initial=0.0))


def largest_stress(atoms: Atoms, pressure: float = 0.0) -> float:
    """Return the largest component of the stress, beyond a pressure, in GPa."""
    stress = EV_PER_CUBIC_ANGSTROM_TO_GPA * atoms.get_stress()
    return float(np.abs(stress + pressure * np.array([1, 1, 1, 0, 0, 0])).max())


def relax(
    atoms: Atoms,
    calculator: BaseCalculator,
    *,
    cell: bool = True,
    keep_symmetry: bool = False,
    pressure: float = 0.0,
    force_tolerance: float = 1e-4,
    max_steps: int = 500,
    progress: Progress = silent,
) -> Relaxation:
    """Relax one structure; arguments and errors as for `relax_many`."""
    (relaxation,) = relax_many(
        [atoms],
        calculator,
        cell=cell,
        keep_symmetry=keep_symmetry,
        pressure=pressure,
        force_tolerance=force_tolerance,
        max_steps=max_steps,
        progress=progress,
    )
    return relaxation


def relax_many(
    structures: Sequence[Atoms],
    calculator: BaseCalculator,
    *,
    cell: bool = True,
    keep_symmetry: bool = False,
    pressure: float = 0.0,
    force_tolerance: float = 1e-4,
    max_steps: int = 500,
    progress: Progress = silent,
) -> list[Relaxation]:
    """Relax positions and, unless ``cell`` is false, the cell of each structure.

    Every structure has an optimiser of its own (BFGS; in `ase.filters.FrechetCellFilter` if the
    cell relaxes); they take their steps together, so that the calculator is asked for all
    structures at once (`gaunt_md.batch`).

    Parameters
    ----------
    structures : sequence of Atoms
        The structures to start from; they are left as they are. Their constraints hold.
    calculator : BaseCalculator
        Any ASE calculator with forces and, for the cell, stress.
    cell : bool
        Whether the cells relax too.
    keep_symmetry : bool
        Keep the space group that each structure has within 0.01 Å (`ase.constraints.FixSymmetry`).
        It is made exact first.
    pressure : float
        Pressure in GPa at which the cells relax.
    force_tolerance : float
        Largest force allowed at the end in eV/Å; for the cell, largest virial per atom in eV.
    max_steps : int
        Steps after which the optimiser gives up.
    progress : callable
        Told how many structures are relaxed.

    Raises
    ------
    InputError
        If a cell is to relax and has less than three vectors; if there is a pressure and the cell
        is kept; if symmetry is to be kept of a structure that is not periodic; if a number makes
        no sense.
    """
    if not np.isfinite(pressure):
        raise InputError(f"pressure is {pressure} GPa; it must be finite")
    if pressure and not cell:
        raise InputError(
            f"a pressure of {pressure} GPa has no effect on a fixed cell; leave it out"
        )
    if not force_tolerance > 0.0:
        raise InputError(
            f"force_tolerance is {force_tolerance} eV/Å; it must be positive, as 0.0001"
        )
    if max_steps < 0:
        raise InputError(f"max_steps is {max_steps}; it must be 0 or more")
    runs = []
    for index, atoms in enumerate(structures):
        try:
            runs.append(_Run(atoms, cell, keep_symmetry, pressure, force_tolerance))
        except InputError as error:
            if len(structures) == 1:
                raise
            raise InputError(f"structure {index}: {error}") from error
    moving = runs
    for step in range(max_steps + 1):
        evaluated = evaluate_many(calculator, [run.atoms for run in moving])
        for run, result in zip(moving, evaluated, strict=True):
            run.take(result)
        moving = [run for run in moving if not run.converged]
        progress(f"Relaxing, step {step}", len(runs) - len(moving), len(runs))
        if not moving or step == max_steps:
            break
        for run in moving:
            run.step()
    return [run.result(pressure) for run in runs]


def relax_crystal(
    atoms: Atoms,
    calculator: BaseCalculator,
    *,
    pressure: float = 0.0,
    force_tolerance: float = 1e-5,
    max_steps: int | None = None,
    progress: Progress = silent,
) -> Relaxation:
    """Relax a crystal as its phonons and elastic constants want it: tightly, its symmetry kept.

    Parameters
    ----------
    atoms, calculator, pressure, force_tolerance, progress
        As for `relax_many`.
    max_steps : int, optional
        Steps after which it is an error not to be there; 0 takes the crystal as it is.

    Raises
    ------
    InputError
        If the structure is no crystal, or does not relax.
    """
    space_group(atoms)  # refuses what is no crystal
    if max_steps == 0:
        (evaluated,) = evaluate_many(calculator, [atoms])
        return Relaxation(evaluated, evaluated, pressure, steps=0, converged=False)
    found = relax(
        atoms,
        calculator,
        keep_symmetry=True,
        pressure=pressure,
        force_tolerance=force_tolerance,
        max_steps=max_steps or 500,
        progress=progress,
    )
    if not found.converged:
        raise InputError(
            f"the crystal has not relaxed within {found.steps} steps; the largest force left is "
            f"{found.largest_force:.2g} eV/Å. Start from a better structure, or take "
            "it as it is with max_steps=0 (--no-relax)."
        )
    return found


class _Run:
    """One structure on its way."""

    def __init__(
        self, atoms: Atoms, cell: bool, keep_symmetry: bool, pressure: float, tolerance: float
    ) -> None:
        if cell and atoms.cell.rank < 3:
            raise InputError(
                f"the cell {atoms.cell.tolist()} has no volume and cannot relax; relax the "
                "positions alone with cell=False (--fixed-cell)"
            )
        self.atoms = atoms.copy()
        self._start: Atoms | None = None
        self._steps = 0
        if keep_symmetry:
            space_group(atoms, SYMMETRY_TOLERANCE)  # says in words why there is none
            symmetry = FixSymmetry(self.atoms, symprec=SYMMETRY_TOLERANCE)
            self.atoms.set_constraint([*self.atoms.constraints, symmetry])
        degrees_of_freedom: Any = self.atoms
        if cell:
            degrees_of_freedom = FrechetCellFilter(
                self.atoms, scalar_pressure=pressure / EV_PER_CUBIC_ANGSTROM_TO_GPA
            )
        method: Any = BFGS if len(atoms) < _LARGE else LBFGS
        self._optimiser: Optimizer = method(degrees_of_freedom, logfile=None)
        self._tolerance = tolerance

    def take(self, evaluated: Atoms) -> None:
        """Take over what the calculator says of the present positions."""
        self.atoms.calc = evaluated.calc
        if self._start is None:
            self._start = evaluated

    @property
    def converged(self) -> bool:
        optimisable = self._optimiser.optimizable
        return bool(optimisable.converged(optimisable.get_gradient(), self._tolerance))

    def step(self) -> None:
        self._optimiser.step()
        self._steps += 1

    def result(self, pressure: float) -> Relaxation:
        converged = self.converged  # asked while the symmetry is still kept
        assert self._start is not None
        for atoms in (self._start, self.atoms):
            constraints = [c for c in atoms.constraints if not isinstance(c, FixSymmetry)]
            atoms.set_constraint(constraints)
        return Relaxation(self._start, self.atoms, pressure, self._steps, converged)
