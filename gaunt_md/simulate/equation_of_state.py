"""Energy against volume, and the equation of state of Birch and Murnaghan through it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from ase.eos import EquationOfState as Fit
from ase.eos import birchmurnaghan

from ..calculator import in_double_precision
from ..errors import InputError
from ..files import written_beside
from ..progress import Progress, silent
from ..units import EV_PER_CUBIC_ANGSTROM_TO_GPA
from .relax import Relaxation, relax_many

FORCE_TOLERANCE = 1e-5
"""Largest force in eV/Å left in the cells of fixed volume."""


@dataclass(frozen=True)
class EquationOfState:
    """Birch and Murnaghan's equation of state, fitted to energies.

    Attributes
    ----------
    structures : tuple of Atoms
        The crystal at each volume, atoms relaxed, each with its energy.
    volumes, energies : ndarray, shape (volumes,), float64
        Å^3 and eV per cell.
    volume : float
        Volume of lowest energy in Å^3.
    energy : float
        Energy there in eV.
    bulk_modulus : float
        In GPa.
    bulk_modulus_derivative : float
        By pressure, without unit.
    error : float
        Largest distance in eV of an energy from the curve.
    """

    structures: tuple[Atoms, ...]
    volumes: np.ndarray
    energies: np.ndarray
    volume: float
    energy: float
    bulk_modulus: float
    bulk_modulus_derivative: float
    error: float

    def energies_at(self, volumes: np.ndarray) -> np.ndarray:
        """Return the curve: energies in eV at volumes in Å^3."""
        bulk_modulus = self.bulk_modulus / EV_PER_CUBIC_ANGSTROM_TO_GPA
        return birchmurnaghan(
            volumes, self.energy, bulk_modulus, self.bulk_modulus_derivative, self.volume
        )

    def summary(self) -> dict[str, Any]:
        """Return the results for programs, the units in the names."""
        atoms = len(self.structures[0])
        return {
            "volume_A3_per_atom": self.volume / atoms,
            "energy_eV_per_atom": self.energy / atoms,
            "bulk_modulus_GPa": self.bulk_modulus,
            "bulk_modulus_derivative": self.bulk_modulus_derivative,
            "error_eV_per_atom": self.error / atoms,
        }

    def write(self, path: Path) -> None:
        """Write two columns, volume in Å^3 and energy in eV, as `phonopy-qha -b` reads them."""
        columns = np.column_stack([self.volumes, self.energies])
        with written_beside(path) as beside:
            np.savetxt(beside, columns, fmt="%22.12f", header="volume, Å^3; energy, eV")


def compute_equation_of_state(
    atoms: Atoms,
    calculator: BaseCalculator,
    *,
    strain: float = 0.02,
    points: int = 9,
    max_steps: int = 500,
    progress: Progress = silent,
) -> EquationOfState:
    """Compute energies of a crystal at several volumes and fit the equation of state.

    All lengths are scaled alike, so for crystals that are not cubic it holds for a fixed shape of
    the cell.

    Parameters
    ----------
    atoms : Atoms
        Crystal near its volume of lowest energy, periodic in three directions.
    calculator : BaseCalculator
        Any ASE calculator with forces; a `GauntCalculator` is used in double precision.
    strain : float
        Largest change of the lengths, without unit: 0.02 is 6 % of the volume.
    points : int
        Number of volumes, at least 5.
    max_steps : int
        Steps after which a relaxation gives up.
    progress : callable
        Told how far the relaxations are.

    Raises
    ------
    InputError
        If the structure is no crystal, an option is out of range, atoms do not relax, or the
        energies have no minimum between the volumes.
    """
    if not 0.0 < strain < 0.2:
        raise InputError(f"strain is {strain}; it must be between 0 and 0.2, as 0.02")
    if points < 5:
        raise InputError(f"points is {points}; the equation of state has 4 parameters: at least 5")
    relaxations = relax_at_volumes(
        atoms,
        calculator,
        np.linspace(1.0 - strain, 1.0 + strain, points) ** 3,
        max_steps=max_steps,
        progress=progress,
    )
    structures = tuple(relaxation.atoms for relaxation in relaxations)
    return fit_equation_of_state(structures)


def relax_at_volumes(
    atoms: Atoms,
    calculator: BaseCalculator,
    scales: Sequence[float] | np.ndarray,
    *,
    max_steps: int = 500,
    progress: Progress = silent,
) -> list[Relaxation]:
    """Relax the atoms of a crystal at fixed cells whose volume is scaled.

    Parameters
    ----------
    atoms, calculator, max_steps, progress
        As for `compute_equation_of_state`.
    scales : sequence of float
        Volumes in units of the crystal's.

    Raises
    ------
    InputError
        If the structure is no crystal, or atoms do not relax.
    """
    if not atoms.pbc.all():
        raise InputError(
            f"a volume needs a crystal, periodic in three directions; pbc is {atoms.pbc.tolist()}"
        )
    calculator = in_double_precision(calculator)
    scaled = []
    for scale in scales:
        copy = atoms.copy()
        copy.set_cell(atoms.cell.array * scale ** (1.0 / 3.0), scale_atoms=True)
        scaled.append(copy)
    relaxations = relax_many(
        scaled,
        calculator,
        cell=False,
        force_tolerance=FORCE_TOLERANCE,
        max_steps=max_steps,
        progress=progress,
    )
    for scale, relaxation in zip(scales, relaxations, strict=True):
        if not relaxation.converged:
            raise InputError(
                f"at {scale:.3f} of the volume the atoms have not relaxed within {max_steps} "
                f"steps; the largest force left is {relaxation.largest_force:.2g} eV/Å. Relax the "
                "crystal first, or use volumes closer to its own."
            )
    return relaxations


def fit_equation_of_state(structures: Sequence[Atoms]) -> EquationOfState:
    """Fit the equation of state to structures that have energies; errors as above."""
    volumes = np.array([structure.get_volume() for structure in structures])
    energies = np.array([structure.get_potential_energy() for structure in structures])
    if not volumes.min() < volumes[energies.argmin()] < volumes.max():
        raise InputError(
            f"the energy has no minimum between the volumes {volumes.min():.2f} and "
            f"{volumes.max():.2f} Å^3. Relax the crystal first, or use a larger strain."
        )
    # From the lowest energy, since those of isolated atoms would drown the differences.
    lowest = energies.min()
    fit = Fit(volumes, energies - lowest, eos="birchmurnaghan")
    fit.fit(warn=False)
    energy, bulk_modulus, derivative, volume = fit.eos_parameters
    residuals = energies - lowest - birchmurnaghan(volumes, *fit.eos_parameters)
    return EquationOfState(
        structures=tuple(structures),
        volumes=volumes,
        energies=energies,
        volume=float(volume),
        energy=float(lowest + energy),
        bulk_modulus=float(EV_PER_CUBIC_ANGSTROM_TO_GPA * bulk_modulus),
        bulk_modulus_derivative=float(derivative),
        error=float(np.abs(residuals).max()),
    )
