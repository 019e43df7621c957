"""`gaunt-md phonons`: the vibrations of a crystal."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InputError
from .options import NoRelax, Overwrite, PotentialName, Pressure, Structure, output_folder
from .output import Output, results_folder, stem
from .relax import tell_briefly
from .settings import ConfigFile

if TYPE_CHECKING:
    from ..simulate.phonons import Phonons
    from ..simulate.thermal_expansion import ThermalExpansion

_TEMPERATURES = 100
"""Steps from zero to the highest temperature."""


class Engine(StrEnum):
    """The program that computes the forces."""

    ASE = "ase"
    LAMMPS = "lammps"


@dataclass(frozen=True)
class SupercellOptions:
    """How the crystal is displaced: arguments of `gaunt_md.simulate.phonons.compute_phonons`."""

    supercell_width: Annotated[
        float,
        typer.Option(min=1.0, help="Smallest distance between the supercell's opposite faces, Å."),
    ] = 10.0
    displacement: Annotated[
        float, typer.Option(min=1e-3, help="Length of the displacements, Å.")
    ] = 0.02
    snapshots: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Displace all atoms at random in so many supercells, and fit by symfc: for large "
            "cells of low symmetry.",
        ),
    ] = None
    born: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Phonopy's file BORN with effective charges, for polar crystals.",
        ),
    ] = None


@dataclass(frozen=True)
class TemperatureOptions:
    """What is computed as a function of temperature."""

    thermal_expansion: Annotated[
        bool,
        typer.Option("--thermal-expansion", help="Repeat at 7 volumes: quasi-harmonic expansion."),
    ] = False
    strain: Annotated[
        float, typer.Option(help="Largest change of lengths for the expansion, no unit.")
    ] = 0.02
    highest_temperature: Annotated[
        float, typer.Option(min=1.0, help="Highest temperature of thermal properties, K.")
    ] = 1000.0

    def __post_init__(self) -> None:
        if not 0.0 < self.strain < 0.2:
            raise InputError(f"--strain is {self.strain}; it must be between 0 and 0.2, as 0.02")

    @property
    def temperature_step(self) -> float:
        """Distance of the temperatures in K."""
        return self.highest_temperature / _TEMPERATURES


def phonons(
    structure: Structure,
    potential: PotentialName,
    output: Annotated[Path | None, output_folder("STRUCTURE-phonons")] = None,
    *,
    supercells: SupercellOptions,
    engine: Annotated[
        Engine, typer.Option(help="Program that computes the forces of the supercells.")
    ] = Engine.ASE,
    thermal: TemperatureOptions,
    pressure: Pressure = 0.0,
    no_relax: NoRelax = False,
    overwrite: Overwrite = False,
    config: ConfigFile = None,
    say: Output,
) -> None:
    """Compute phonons: bands, density of states, thermal properties, imaginary modes.

    The structure is relaxed first, its symmetry kept. Forces are computed in double precision.

    Example: gaunt-md phonons silicon.cif --potential si --thermal-expansion
    """
    if thermal.thermal_expansion and engine is Engine.LAMMPS:
        raise InputError(
            "--thermal-expansion computes its forces in ASE; leave out --engine lammps"
        )
    output = output or Path(f"{stem(structure)}-phonons")

    from .. import potential_file
    from ..calculator import GauntCalculator
    from ..simulate.lammps_forces import compute_phonons_in_lammps
    from ..simulate.phonons import compute_phonons
    from ..simulate.relax import relax_crystal
    from ..simulate.structures import read_structure
    from ..simulate.thermal_expansion import compute_thermal_expansion

    start = read_structure(structure)
    calculator = GauntCalculator(potential, double_precision=True)
    with results_folder(output, overwrite=overwrite), say.progress() as progress:
        relaxation = relax_crystal(
            start,
            calculator,
            pressure=pressure,
            max_steps=0 if no_relax else None,
            progress=progress,
        )
        crystal = relaxation.atoms
        if engine is Engine.ASE:
            found = compute_phonons(crystal, calculator, **asdict(supercells), progress=progress)
        else:
            file, script = potential_file.find(potential), output / "lammps" / "forces.in"
            found = compute_phonons_in_lammps(
                crystal, file, script, **asdict(supercells), progress=progress
            )
        progress("Bands, density of states, thermal properties", 0, 1)
        _write(output, found, thermal, Path(potential).stem)
        expansion = None
        if thermal.thermal_expansion:
            expansion = compute_thermal_expansion(
                crystal,
                calculator,
                highest_temperature=thermal.highest_temperature,
                temperature_step=thermal.temperature_step,
                strain=thermal.strain,
                pressure=pressure,
                **asdict(supercells),
                progress=progress,
            )
            _write_expansion(output, expansion)
    results: dict[str, Any] = {
        "output": str(output),
        "relaxation": relaxation.summary(),
        "phonons": found.summary(),
        "thermal_properties_at_300_K": _at_room_temperature(found),
    }
    if expansion is not None:
        results["thermal_expansion"] = expansion.summary()
    tell_briefly(say, results["relaxation"])
    _print(say, results, expansion)
    _warn(say, found, expansion, thermal.highest_temperature)
    say.line(f"written: {output}")
    say.json(results)


def _at_room_temperature(found: Phonons) -> dict[str, float]:
    room = found.thermal_properties([300.0])
    return {
        "free_energy_kJ_per_mol": float(room.free_energies[0]),
        "entropy_J_per_K_mol": float(room.entropies[0]),
        "heat_capacity_J_per_K_mol": float(room.heat_capacities[0]),
        "zero_point_energy_kJ_per_mol": room.zero_point_energy,
        "share_of_modes_left_out": room.modes_left_out,
    }


def _write(folder: Path, found: Phonons, thermal: TemperatureOptions, name: str) -> None:
    import numpy as np

    from ..simulate.figures import band_figure, save, thermal_figure

    found.write(folder / "phonopy.yaml")
    found.write_force_constants(folder / "FORCE_CONSTANTS")
    found.path.write(folder / "band.yaml")
    found.density_of_states.write(folder / "total_dos.dat")
    temperatures = np.linspace(0.0, thermal.highest_temperature, _TEMPERATURES + 1)
    properties = found.thermal_properties(temperatures)
    properties.write(folder / "thermal_properties.yaml")
    save(band_figure(found, f"gaunt-md, {name}", density=True), folder / "bands.png")
    save(thermal_figure(properties), folder / "thermal-properties.png")


def _write_expansion(folder: Path, expansion: ThermalExpansion) -> None:
    from ..simulate.figures import expansion_figure, save

    (folder / "thermal-expansion").mkdir(exist_ok=True)
    expansion.write(folder / "thermal-expansion")
    save(expansion_figure(expansion), folder / "thermal-expansion.png")


def _print(say: Output, results: dict[str, Any], expansion: ThermalExpansion | None) -> None:
    summary = results["phonons"]
    room = results["thermal_properties_at_300_K"]
    points = [
        (f"frequencies at {point}, THz", " ".join(f"{frequency:.2f}" for frequency in values))
        for point, values in summary["frequencies_THz"].items()
        if len(values) <= 12
    ]
    rows = [
        (
            "supercell",
            " × ".join(map(str, summary["supercell"])) + f", {summary['supercell_atoms']} atoms",
        ),
        ("displaced supercells", str(summary["displaced_supercells"])),
        ("highest frequency, THz", f"{summary['highest_frequency_THz']:.2f}"),
        *points,
        ("heat capacity at 300 K, J/K/mol", f"{room['heat_capacity_J_per_K_mol']:.2f}"),
        ("zero-point energy, kJ/mol", f"{room['zero_point_energy_kJ_per_mol']:.2f}"),
    ]
    if expansion is not None and expansion.temperatures[-1] >= 300.0:
        rows += [
            ("volumetric expansion at 300 K, 1e-6/K", f"{1e6 * expansion.expansion_at(300.0):.2f}"),
        ]
    say.table(f"{summary['formula']}, {summary['space_group']}", rows)


def _warn(
    say: Output, found: Phonons, expansion: ThermalExpansion | None, highest_temperature: float
) -> None:
    """Say what the crystal and the numbers are not."""
    if found.imaginary_modes:
        say.warn("the crystal is unstable; imaginary modes:")
        for mode in found.imaginary_modes:
            say.warn(f"    {mode}")
        say.warn("they are left out of the thermal properties")
    if expansion is not None and expansion.temperatures[-1] < highest_temperature:
        say.warn(
            f"thermal expansion ends at {expansion.temperatures[-1]:g} K: beyond it, the volume "
            "leaves the range computed; a larger --strain goes on"
        )
