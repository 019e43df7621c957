"""Temperature, energies, pressure and volume along molecular dynamics, as a table in CSV."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from ..errors import InputError
from ..files import GrowingFile, named_in_errors, write_whole
from ..units import EV_PER_CUBIC_ANGSTROM_TO_GPA, EV_TO_MEV, FS_TO_PS
from .dynamics import Dynamics
from .statistics import mean_and_error, slope_and_error
from .velocities import temperature

COLUMNS = (
    "step",
    "time_ps",
    "temperature_K",
    "potential_energy_eV",
    "kinetic_energy_eV",
    "total_energy_eV",
    "conserved_energy_eV",
    "pressure_GPa",
    "volume_A3",
)
"""Names of the columns; what a run does not have, as the pressure of a molecule, is nan."""


@dataclass(frozen=True)
class Thermodynamics:
    """A table of a run.

    Attributes
    ----------
    columns : dict of str to ndarray, shape (rows,), float64
        By the names in `COLUMNS`, which hold their units.
    atoms : int
        Number of atoms.
    """

    columns: dict[str, np.ndarray]
    atoms: int

    def summary(self, skip: float = 0.0) -> dict[str, Any]:
        """Return means with standard errors, leaving out a part of the start; None if unknown.

        Parameters
        ----------
        skip : float
            Part of the rows, from 0 to 1.
        """
        start = int(skip * len(self.columns["step"]))
        found: dict[str, Any] = {}
        for name in ("temperature_K", "pressure_GPa", "volume_A3"):
            mean, error = mean_and_error(self.columns[name][start:])
            found |= {f"mean_{name}": _known(mean), f"error_of_mean_{name}": _known(error)}
        slope, error = slope_and_error(
            self.columns["time_ps"][start:],
            EV_TO_MEV * self.columns["conserved_energy_eV"][start:] / self.atoms,
        )
        return found | {
            "drift_of_conserved_energy_meV_per_atom_ps": _known(slope),
            "error_of_drift_meV_per_atom_ps": _known(error),
        }


class ThermodynamicsFile:
    """A table that grows with a run.

    Parameters
    ----------
    path : Path
        The CSV file.
    atoms : int
        Number of atoms.
    keep : int
        Number of rows that stay of the file that is there; the others are dropped.
    """

    def __init__(self, path: Path, atoms: int, keep: int = 0) -> None:
        self._atoms = atoms
        self._rows = _read(path, keep) if keep else []
        text = "".join(f"{','.join(row)}\n" for row in (COLUMNS, *map(_words, self._rows)))
        write_whole(path, text.encode())
        self._path = path
        self._file = GrowingFile(path)

    def write(self, dynamics: Dynamics) -> None:
        """Add what a run has now."""
        row = _row(dynamics)
        self._rows.append(row)
        with named_in_errors(self._path):
            self._file.append(f"{','.join(_words(row))}\n")

    @property
    def table(self) -> Thermodynamics:
        """What has been written."""
        values = np.array(self._rows).reshape(-1, len(COLUMNS)).T
        return Thermodynamics(dict(zip(COLUMNS, values, strict=True)), self._atoms)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _row(dynamics: Dynamics) -> list[float]:
    frame = dynamics.frame
    energy, kinetic = frame.get_potential_energy(), frame.get_kinetic_energy()
    conserved = dynamics.conserved_energy
    pressure = volume = np.nan
    if "stress" in frame.calc.results:
        stress = frame.get_stress(include_ideal_gas=True, apply_constraint=False)
        pressure = -EV_PER_CUBIC_ANGSTROM_TO_GPA * stress[:3].mean()
    if frame.cell.rank == 3:
        volume = frame.get_volume()
    return [
        float(value)
        for value in (
            dynamics.step,
            FS_TO_PS * dynamics.time,
            temperature(frame),
            energy,
            kinetic,
            energy + kinetic,
            np.nan if conserved is None else conserved,
            pressure,
            volume,
        )
    ]


def _words(row: list[float]) -> list[str]:
    return [f"{row[0]:.0f}", *(f"{value:.10g}" for value in row[1:])]


def _read(path: Path, rows: int) -> list[list[float]]:
    with open(path, encoding="utf-8", newline="") as file:
        found = list(csv.reader(file))
    if len(found) <= rows or found[0] != list(COLUMNS):
        raise InputError(
            f"'{path}' has {len(found) - 1} rows, and {rows} were written before the restart file; "
            "it is not of this run, or damaged. Start another run with another --output."
        )
    return [[float(value) for value in row] for row in found[1 : rows + 1]]


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
