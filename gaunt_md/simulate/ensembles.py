"""Statistical ensembles: what molecular dynamics keeps constant.

Without ASE and numpy, so that the command line can tell of them at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from ase import Atoms


class Ensemble(StrEnum):
    """What is kept constant, and by which method."""

    NVE = "nve"
    LANGEVIN = "nvt-langevin"
    BUSSI = "nvt-bussi"
    NOSE_HOOVER = "nvt-nose-hoover"
    NPT = "npt"
    NPT_CELL = "npt-cell"

    @property
    def has_temperature(self) -> bool:
        """Whether a thermostat acts."""
        return self is not Ensemble.NVE

    @property
    def has_pressure(self) -> bool:
        """Whether a barostat acts."""
        return self in (Ensemble.NPT, Ensemble.NPT_CELL)


@dataclass(frozen=True)
class Conditions:
    """What molecular dynamics is to keep constant, or change steadily.

    Attributes
    ----------
    ensemble : Ensemble
        ``npt`` changes the volume and keeps the shape of the cell, ``npt-cell`` changes both.
    timestep : float
        In fs.
    temperature : float, optional
        In K; of the thermostat.
    final_temperature : float, optional
        In K, reached linearly over ``ramp_steps`` and kept from then on.
    ramp_steps : int, optional
        Number of steps.
    pressure : float
        In GPa; of the barostat.
    thermostat_time, barostat_time : float
        Times in fs in which temperature and pressure are led back.

    Raises
    ------
    InputError
        If values are missing, senseless or contradict each other.
    """

    ensemble: Ensemble
    timestep: float
    temperature: float | None = None
    final_temperature: float | None = None
    ramp_steps: int | None = None
    pressure: float = 0.0
    thermostat_time: float = 100.0
    barostat_time: float = 1000.0

    def __post_init__(self) -> None:
        name = self.ensemble.value
        for what in ("timestep", "thermostat_time", "barostat_time"):
            if not 0.0 < getattr(self, what) < math.inf:
                raise InputError(f"{what} is {getattr(self, what)} fs; it must be positive")
        if self.ensemble.has_temperature and self.temperature is None:
            raise InputError(f"the ensemble {name} needs a temperature (--temperature), K")
        for what in ("temperature", "final_temperature"):
            value = getattr(self, what)
            if value is not None and not 0.0 < value < math.inf:
                raise InputError(f"{what} is {value} K; it must be positive")
        if not self.ensemble.has_temperature and self.final_temperature is not None:
            raise InputError(
                f"the ensemble {name} has no thermostat that could lead to a final temperature of "
                f"{self.final_temperature} K; choose {Ensemble.BUSSI.value}"
            )
        if self.final_temperature is not None and not (self.ramp_steps and self.ramp_steps > 0):
            raise InputError(f"ramp_steps is {self.ramp_steps}; a ramp needs one step or more")
        if not math.isfinite(self.pressure):
            raise InputError(f"pressure is {self.pressure} GPa; it must be finite")
        if not self.ensemble.has_pressure and self.pressure != 0.0:
            raise InputError(
                f"the ensemble {name} has no barostat that could keep {self.pressure} GPa; choose "
                f"{Ensemble.NPT.value} or {Ensemble.NPT_CELL.value}"
            )

    def temperature_at(self, step: int) -> float | None:
        """Return the temperature in K that the thermostat keeps at a step."""
        if self.temperature is None or self.final_temperature is None or not self.ramp_steps:
            return self.temperature
        part = min(step / self.ramp_steps, 1.0)
        return self.temperature + part * (self.final_temperature - self.temperature)


def suitable_timestep(atoms: Atoms) -> float:
    """Return a time step in fs that the vibrations of the lightest atom allow.

    0.5 fs with hydrogen, 1 fs with atoms below 20 u, 2 fs otherwise: a twentieth of the period of
    the fastest vibrations of such atoms, or less.
    """
    lightest = float(atoms.get_masses().min())
    return 0.5 if lightest < 5.0 else 1.0 if lightest < 20.0 else 2.0
