"""What follows from the frequencies of all phonons: density of states, thermal properties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from phonopy import Phonopy
from phonopy.phonon.dos import write_total_dos
from phonopy.phonon.thermal_properties import ThermalProperties as PhonopyThermalProperties

from ..errors import InputError
from ..files import written_beside

MESH = 100.0
"""Density of the mesh of wave vectors: that of the repetitions of a cell over this length in Å."""

_POINTS = 300  # of the density of states, from the lowest frequency to the highest
_FINER = 5  # points that each of them is the mean of


@dataclass(frozen=True)
class DensityOfStates:
    """Phonon density of states, by the tetrahedron method.

    Attributes
    ----------
    frequencies : ndarray, shape (points,), float64
        In THz; imaginary ones are negative.
    values : ndarray, shape (points,), float64
        States per THz and primitive cell; the integral is three times its number of atoms.
    """

    frequencies: np.ndarray
    values: np.ndarray

    def write(self, path: Path) -> None:
        """Write phonopy's total_dos.dat: two columns."""
        with written_beside(path) as beside:
            write_total_dos(
                self.frequencies,
                self.values,
                comment="frequency in THz, states per THz and primitive cell",
                filename=beside,
            )


@dataclass(frozen=True)
class ThermalProperties:
    """Harmonic thermal properties at constant volume, per mole of primitive cells.

    Attributes
    ----------
    temperatures : ndarray, shape (temperatures,), float64
        In K.
    free_energies : ndarray, shape (temperatures,), float64
        Helmholtz free energies of the vibrations, zero-point energy included, in kJ/mol.
    entropies, heat_capacities : ndarray, shape (temperatures,), float64
        In J/(K mol).
    zero_point_energy : float
        In kJ/mol.
    modes_left_out : float
        Share of the modes, from 0 to 1, that are imaginary and therefore left out.
    phonopy : ThermalProperties
        What phonopy says of it.
    """

    temperatures: np.ndarray
    free_energies: np.ndarray
    entropies: np.ndarray
    heat_capacities: np.ndarray
    zero_point_energy: float
    modes_left_out: float
    phonopy: PhonopyThermalProperties

    def write(self, path: Path) -> None:
        """Write phonopy's thermal_properties.yaml, which `phonopy-qha` and others read."""
        with written_beside(path) as beside:
            self.phonopy.write_yaml(beside)


def density_of_states(phonopy: Phonopy, mesh: float = MESH) -> DensityOfStates:
    """Compute the density of states of phonons whose force constants are known."""
    frequencies = phonopy.run_mesh(mesh).frequencies
    lowest, highest = min(frequencies.min(), 0.0), frequencies.max()
    step = (highest - lowest) / (_POINTS * _FINER)
    margin = _FINER * 10.5 * step
    total = phonopy.run_total_dos(
        freq_min=lowest - margin, freq_max=highest + margin, freq_pitch=step
    )
    # The method diverges at frequencies that whole tetrahedra share; means tame what a point that
    # meets one would show.
    columns = np.array([total.frequency_points, total.dos])
    columns = columns[:, : columns.shape[1] // _FINER * _FINER]
    return DensityOfStates(*columns.reshape(2, -1, _FINER).mean(axis=2))


def thermal_properties(
    phonopy: Phonopy, temperatures: Sequence[float] | np.ndarray, mesh: float = MESH
) -> ThermalProperties:
    """Compute the thermal properties of phonons whose force constants are known.

    The three acoustic modes at Γ, translations of the crystal, are left out.

    Parameters
    ----------
    phonopy : Phonopy
        With force constants.
    temperatures : sequence of float
        In K.
    mesh : float
        As `MESH`.

    Raises
    ------
    InputError
        If a temperature is negative.
    """
    temperatures = np.asarray(temperatures, dtype=float)
    if not (temperatures >= 0.0).all():
        raise InputError(f"temperature {temperatures.min()} K is below absolute zero")
    sampled = phonopy.run_mesh(mesh)
    found = phonopy.run_thermal_properties(temperatures=temperatures, exclude_gamma_acoustic=True)
    imaginary = (sampled.frequencies < 0.0).sum(axis=1)
    imaginary[np.linalg.norm(sampled.qpoints, axis=1) < 1e-8] = 0
    weights = sampled.weights / sampled.weights.sum()
    return ThermalProperties(
        temperatures=temperatures,
        free_energies=np.asarray(found.free_energy),
        entropies=np.asarray(found.entropy),
        heat_capacities=np.asarray(found.heat_capacity),
        zero_point_energy=float(found.zero_point_energy or 0.0),
        modes_left_out=float(weights @ imaginary) / sampled.frequencies.shape[1],
        phonopy=found,
    )
