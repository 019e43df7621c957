"""Integrators of ASE that sample the ensembles.

Velocity Verlet; Langevin as of Vanden-Eijnden and Ciccotti, Chem. Phys. Lett. 429, 310 (2006);
stochastic velocity rescaling of Bussi, Donadio and Parrinello, J. Chem. Phys. 126, 014101 (2007);
Nosé-Hoover chains and the barostat of Martyna, Tobias and Klein, J. Chem. Phys. 101, 4177 (1994).
ASE counts 3N degrees of freedom in the chains; here the three of the centre of mass, which rests,
are left out, or small cells would be too hot by N/(N - 1).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ase import Atoms, units
from ase.constraints import FixCom
from ase.md.bussi import Bussi
from ase.md.langevin import Langevin
from ase.md.md import MolecularDynamics
from ase.md.nose_hoover_chain import (
    MTKNPT,
    IsotropicMTKNPT,
    NoseHooverChainNVT,
    NoseHooverChainThermostat,
)
from ase.md.verlet import VelocityVerlet

from ..errors import InputError
from ..units import EV_PER_CUBIC_ANGSTROM_TO_GPA
from .ensembles import Conditions, Ensemble
from .velocities import degrees_of_freedom


def integrator(
    atoms: Atoms, conditions: Conditions, random: np.random.Generator
) -> MolecularDynamics:
    """Return ASE's integrator, which moves ``atoms``; its centre of mass must be at rest.

    Raises
    ------
    InputError
        If the structure cannot be in this ensemble.
    """
    free = degrees_of_freedom(atoms)
    timestep = conditions.timestep * units.fs
    thermostat_time = conditions.thermostat_time * units.fs
    temperature = conditions.temperature or 0.0
    if conditions.ensemble is Ensemble.NVE:
        return VelocityVerlet(atoms, timestep)
    if conditions.ensemble is Ensemble.LANGEVIN:
        if not atoms.constraints:
            atoms.set_constraint(FixCom())
        return Langevin(
            *(atoms, timestep),
            temperature_K=temperature,
            friction=1.0 / thermostat_time,
            fixcm=False,
            rng=random,
        )
    if not atoms.get_kinetic_energy() > 0.0:
        raise InputError("all atoms are at rest; give them velocities, see `thermalised`")
    if conditions.ensemble is Ensemble.BUSSI:
        bussi = Bussi(atoms, timestep, temperature, thermostat_time, rng=random)
        bussi.ndof = free
        _set_kinetic_energy(bussi, temperature)
        return bussi
    if conditions.ensemble is Ensemble.NOSE_HOOVER:
        chain = NoseHooverChainNVT(atoms, timestep, temperature, thermostat_time)
        chain._thermostat = _thermostat(chain, conditions, free)
        return chain
    return _with_barostat(atoms, conditions, free)


def _with_barostat(atoms: Atoms, conditions: Conditions, free: int) -> MolecularDynamics:
    if not atoms.pbc.all():
        raise InputError(
            f"a pressure needs a structure periodic in three directions, pbc is "
            f"{atoms.pbc.tolist()}; keep the volume, as with {Ensemble.BUSSI.value}"
        )
    if atoms.constraints:
        raise InputError(
            f"the barostat cannot keep constraints ({atoms.constraints[0]}); remove them, or keep "
            f"the volume, as with {Ensemble.BUSSI.value}"
        )
    method: Any = IsotropicMTKNPT if conditions.ensemble is Ensemble.NPT else MTKNPT
    dynamics = method(
        atoms,
        conditions.timestep * units.fs,
        temperature_K=conditions.temperature or 0.0,
        pressure_au=conditions.pressure / EV_PER_CUBIC_ANGSTROM_TO_GPA,
        tdamp=conditions.thermostat_time * units.fs,
        pdamp=conditions.barostat_time * units.fs,
    )
    dynamics._num_atoms_global = free / 3
    dynamics._thermostat = _thermostat(dynamics, conditions, free)
    return dynamics


def _thermostat(
    dynamics: MolecularDynamics, conditions: Conditions, free: int
) -> NoseHooverChainThermostat:
    atoms: Any = free / 3  # only its triple matters
    return NoseHooverChainThermostat(
        num_atoms_global=atoms,
        masses=dynamics.masses,
        temperature_K=conditions.temperature or 0.0,
        tdamp=conditions.thermostat_time * units.fs,
    )


def set_temperature(dynamics: MolecularDynamics, temperature: float) -> None:
    """Change the temperature in K that an integrator keeps; without a thermostat, nothing."""
    if isinstance(dynamics, Langevin):
        dynamics.set_temperature(temperature_K=temperature)
    elif isinstance(dynamics, Bussi):
        _set_kinetic_energy(dynamics, temperature)
    elif hasattr(dynamics, "_thermostat"):
        _scale_chains(dynamics, units.kB * temperature / dynamics._thermostat._kT)


def _set_kinetic_energy(bussi: Bussi, temperature: float) -> None:
    bussi.temp = units.kB * temperature
    bussi.target_kinetic_energy = 0.5 * bussi.temp * bussi.ndof


def _scale_chains(dynamics: Any, ratio: float) -> None:
    """Change energies and masses of thermostat and barostat alike, so that their pace stays."""
    for chain, names in (
        (dynamics._thermostat, ("_kT", "_Q", "_p_eta")),
        (getattr(dynamics, "_barostat", None), ("_kT", "_W", "_R", "_p_xi")),
        (dynamics, ("_kT", "_temperature_K", "_p_eps", "_p_g")),
    ):
        for name in names:
            if hasattr(chain, name):
                setattr(chain, name, ratio * getattr(chain, name))


def conserved_energy(dynamics: MolecularDynamics) -> float | None:
    """Return the energy in eV of atoms, thermostat and barostat; None for Langevin dynamics."""
    if isinstance(dynamics, Langevin):
        return None
    if hasattr(dynamics, "get_conserved_energy"):
        return float(dynamics.get_conserved_energy())
    return float(dynamics.atoms.get_total_energy() - getattr(dynamics, "transferred_energy", 0.0))


def integrator_state(dynamics: MolecularDynamics) -> dict[str, dict[str, Any]]:
    """Return every number that an integrator, its thermostat and its barostat hold."""
    return {
        name: {key: value for key, value in vars(part).items() if _is_number(value)}
        for name, part in _parts(dynamics).items()
    }


def restore_integrator(dynamics: MolecularDynamics, state: dict[str, dict[str, Any]]) -> None:
    """Give an integrator the numbers that `integrator_state` returned."""
    for name, part in _parts(dynamics).items():
        for key, value in state[name].items():
            setattr(part, key, value)


def _parts(dynamics: MolecularDynamics) -> dict[str, Any]:
    parts = {"integrator": dynamics}
    for name in ("thermostat", "barostat"):
        if hasattr(dynamics, f"_{name}"):
            parts[name] = getattr(dynamics, f"_{name}")
    return parts


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.ndarray)
