"""Thermal expansion in the quasi-harmonic approximation: phonons at several volumes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from phonopy.qha import output
from phonopy.qha.qha import QHAResult, run_qha

from ..errors import InputError
from ..files import written_beside
from ..progress import Progress, silent
from ..units import EV_PER_CUBIC_ANGSTROM_TO_GPA
from .equation_of_state import relax_at_volumes
from .phonon_statistics import MESH
from .phonons import Phonons, compute_phonons

_FILES = {
    "thermal_expansion.dat": output.write_thermal_expansion,
    "volume-temperature.dat": output.write_volume_temperature,
    "gibbs-temperature.dat": output.write_gibbs_temperature,
    "entropy-temperature.dat": output.write_entropy_temperature,
    "bulk_modulus-temperature.dat": output.write_bulk_modulus_temperature,
    "gruneisen-temperature.dat": output.write_gruneisen_temperature,
}
"""The files of `phonopy-qha`, and what writes them."""


@dataclass(frozen=True)
class ThermalExpansion:
    """A crystal at the volume of lowest free energy, as a function of temperature.

    Attributes
    ----------
    temperatures : ndarray, shape (temperatures,), float64
        In K.
    equilibrium_volumes : ndarray, shape (temperatures,), float64
        In Å^3 per primitive cell.
    expansion : ndarray, shape (temperatures,), float64
        Volumetric coefficient of thermal expansion in 1/K; of a cubic crystal, three times the
        linear one.
    bulk_moduli : ndarray, shape (temperatures,), float64
        Isothermal, in GPa.
    heat_capacities : ndarray, shape (temperatures,), float64
        At constant pressure, in eV/K per primitive cell.
    phonons : tuple of Phonons
        Of each volume.
    volumes, energies : ndarray, shape (volumes,), float64
        Å^3 and eV per primitive cell, without vibrations.
    phonopy : QHAResult
        What phonopy says of all temperatures, also of those left out.
    """

    temperatures: np.ndarray
    equilibrium_volumes: np.ndarray
    expansion: np.ndarray
    bulk_moduli: np.ndarray
    heat_capacities: np.ndarray
    phonons: tuple[Phonons, ...]
    volumes: np.ndarray
    energies: np.ndarray
    phonopy: QHAResult

    def expansion_at(self, temperature: float) -> float:
        """Return the volumetric coefficient in 1/K at a temperature in K, interpolated."""
        if not self.temperatures[0] <= temperature <= self.temperatures[-1]:
            raise InputError(
                f"temperature {temperature} K is outside of what was computed, "
                f"{self.temperatures[0]:g} to {self.temperatures[-1]:g} K"
            )
        return float(np.interp(temperature, self.temperatures, self.expansion))

    def summary(self) -> dict[str, Any]:
        """Return the results for programs, the units in the names."""
        return {
            "temperatures_K": self.temperatures.tolist(),
            "volumes_A3_per_primitive_cell": self.equilibrium_volumes.tolist(),
            "volumetric_expansion_per_K": self.expansion.tolist(),
            "bulk_moduli_GPa": self.bulk_moduli.tolist(),
            "heat_capacities_constant_pressure_eV_per_K": self.heat_capacities.tolist(),
        }

    def write(self, folder: Path) -> None:
        """Write the files of `phonopy-qha` into a folder, and what it needs to repeat them.

        `phonopy-qha --eos birch_murnaghan e-v.dat thermal_properties-*.yaml` there gives the same
        numbers.
        """
        for name, write in _FILES.items():
            with written_beside(folder / name) as beside:
                write(self.phonopy, beside)
        with written_beside(folder / "e-v.dat") as beside:
            columns = np.column_stack([self.volumes, self.energies])
            np.savetxt(beside, columns, fmt="%22.12f", header="volume, Å^3; energy, eV")
        for index, phonons in enumerate(self.phonons):
            properties = phonons.thermal_properties(self.phonopy.temperatures)
            properties.write(folder / f"thermal_properties-{index}.yaml")


def compute_thermal_expansion(
    atoms: Atoms,
    calculator: BaseCalculator,
    *,
    highest_temperature: float = 1000.0,
    temperature_step: float = 10.0,
    strain: float = 0.02,
    points: int = 7,
    supercell_width: float = 10.0,
    displacement: float = 0.02,
    snapshots: int | None = None,
    pressure: float = 0.0,
    born: Path | None = None,
    progress: Progress = silent,
) -> ThermalExpansion:
    """Compute the thermal expansion of a relaxed crystal.

    All lengths are scaled alike, from ``1 - strain/2`` to ``1 + strain``; the atoms relax in each
    cell. Free energies are fitted by the equation of state of Birch and Murnaghan; that of Vinet,
    phonopy's default, agrees, but is singular where the bulk modulus has a derivative of one.
    Temperatures at which the volume would leave the range computed are left out.

    Parameters
    ----------
    atoms, calculator, supercell_width, displacement, snapshots, born, progress
        As for `compute_phonons`.
    highest_temperature, temperature_step : float
        In K.
    strain : float
        Largest change of the lengths, without unit.
    points : int
        Number of volumes, at least 5.
    pressure : float
        In GPa.

    Raises
    ------
    InputError
        If an option is out of range, atoms do not relax, the crystal is unstable at one of the
        volumes, or the volume at 0 K is not among those computed.
    """
    if points < 5:
        raise InputError(f"points is {points}; thermal expansion needs at least 5 volumes")
    if not 0.0 < temperature_step < highest_temperature:
        raise InputError(
            f"temperature_step is {temperature_step} K and highest_temperature "
            f"{highest_temperature} K; the step must be positive and the smaller one"
        )
    if not 0.0 < strain < 0.2:
        raise InputError(f"strain is {strain}; it must be between 0 and 0.2, as 0.02")
    lengths = np.linspace(1.0 - strain / 2.0, 1.0 + strain, points)
    relaxations = relax_at_volumes(atoms, calculator, lengths**3, progress=progress)
    found = []
    for index, (length, relaxation) in enumerate(zip(lengths, relaxations, strict=True)):
        progress("Phonons at several volumes", index, points)
        phonons = compute_phonons(
            relaxation.atoms,
            calculator,
            supercell_width=supercell_width,
            displacement=displacement,
            snapshots=snapshots,
            born=born,
        )
        if phonons.imaginary_modes:
            raise InputError(
                f"with lengths of {length:.4f} times its own the crystal is unstable "
                f"({phonons.imaginary_modes[0]}), and has no free energy. Use a smaller strain."
            )
        found.append(phonons)
    progress("Phonons at several volumes", points, points)
    cells = len(found[0].phonopy.primitive) / len(found[0].phonopy.unitcell)
    energies = cells * np.array([relaxation.energy for relaxation in relaxations])
    # Finite differences by temperature take one more point.
    temperatures = np.arange(0.0, highest_temperature + 1.5 * temperature_step, temperature_step)
    with warnings.catch_warnings():
        # Lattice parameters that cannot be fitted or are extrapolated; they are not asked for.
        warnings.filterwarnings("ignore", message="Lattice parameter")
        result = run_qha(
            [phonons.phonopy for phonons in found],
            temperatures,
            internal_energies=energies,
            eos="birch_murnaghan",
            mesh=MESH,
            pressure=pressure,
            exclude_gamma_acoustic=True,
        )
    return _within_range(result, tuple(found), energies)


def _within_range(
    result: QHAResult, phonons: tuple[Phonons, ...], energies: np.ndarray
) -> ThermalExpansion:
    """Keep the temperatures up to the first at which the volume is extrapolated."""
    volumes = result.equilibrium_volumes
    outside = (volumes < result.volumes.min()) | (volumes > result.volumes.max())
    kept = slice(int(outside.argmax()) if outside.any() else None)
    if outside[0]:
        raise InputError(
            f"the volume at 0 K, {volumes[0]:.2f} Å^3, is not among those computed, "
            f"{result.volumes.min():.2f} to {result.volumes.max():.2f} Å^3. Relax the crystal "
            "first, at the same pressure, or use a larger strain."
        )
    return ThermalExpansion(
        temperatures=result.temperatures[kept],
        equilibrium_volumes=volumes[kept],
        expansion=result.thermal_expansion[kept],
        bulk_moduli=EV_PER_CUBIC_ANGSTROM_TO_GPA * result.bulk_moduli[kept],
        heat_capacities=result.heat_capacity_P.heat_capacities[kept],
        phonons=phonons,
        volumes=result.volumes,
        energies=energies,
        phonopy=result,
    )
