"""`gaunt-md phonons`: the vibrations of a crystal."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import (
    AsJson,
    ForceTolerance,
    NoRelax,
    Overwrite,
    PotentialName,
    Pressure,
    Quiet,
    Structure,
    Verbose,
    output_folder,
)
from .output import Output, results_folder, stem
from .settings import ConfigFile

if TYPE_CHECKING:
    from ..simulate.phonons import Phonons
    from ..simulate.thermal_expansion import ThermalExpansion


class Engine(StrEnum):
    """The program that computes the forces."""

    ASE = "ase"
    LAMMPS = "lammps"


def phonons(
    structure: Structure,
    potential: PotentialName,
    output: Annotated[Path | None, output_folder("STRUCTURE-phonons")] = None,
    supercell_width: Annotated[
        float, typer.Option(help="Smallest distance between the supercell's opposite faces, Å.")
    ] = 10.0,
    displacement: Annotated[float, typer.Option(help="Length of the displacements, Å.")] = 0.02,
    snapshots: Annotated[
        int | None,
        typer.Option(
            help="Displace all atoms at random in so many supercells, and fit by symfc: for large "
            "cells of low symmetry."
        ),
    ] = None,
    born: Annotated[
        Path | None,
        typer.Option(help="Phonopy's file BORN with effective charges, for polar crystals."),
    ] = None,
    engine: Annotated[
        Engine, typer.Option(help="Program that computes the forces of the supercells.")
    ] = Engine.ASE,
    thermal_expansion: Annotated[
        bool,
        typer.Option("--thermal-expansion", help="Repeat at 7 volumes: quasi-harmonic expansion."),
    ] = False,
    strain: Annotated[
        float, typer.Option(help="Largest change of lengths for the expansion, no unit.")
    ] = 0.02,
    highest_temperature: Annotated[
        float, typer.Option(help="Highest temperature of thermal properties, K.")
    ] = 1000.0,
    temperature_step: Annotated[float, typer.Option(help="Step of the temperatures, K.")] = 10.0,
    pressure: Pressure = 0.0,
    no_relax: NoRelax = False,
    force_tolerance: ForceTolerance = 1e-5,
    overwrite: Overwrite = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Compute phonons: bands, density of states, thermal properties, imaginary modes.

    The structure is relaxed first, its symmetry kept. Forces are computed in double precision.

    Example: gaunt-md phonons silicon.cif --potential si --thermal-expansion
    """
    say = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    output = output or Path(f"{stem(structure)}-phonons")

    import numpy as np

    from .. import potential_file
    from ..calculator import GauntCalculator
    from ..errors import InputError
    from ..simulate.lammps_forces import compute_phonons_in_lammps
    from ..simulate.phonons import compute_phonons
    from ..simulate.relax import relax_crystal
    from ..simulate.structures import read_structure
    from ..simulate.thermal_expansion import compute_thermal_expansion

    start = read_structure(structure)
    if thermal_expansion and engine == Engine.LAMMPS:
        raise InputError(
            "--thermal-expansion computes its forces in ASE; leave out --engine lammps"
        )
    if not 0.0 < temperature_step < highest_temperature:
        raise InputError(
            f"--temperature-step is {temperature_step} K and --highest-temperature "
            f"{highest_temperature} K; the step must be positive and the smaller one"
        )
    calculator = GauntCalculator(potential, double_precision=True)
    with results_folder(output, overwrite=overwrite), say.progress() as progress:
        relaxation = relax_crystal(
            start,
            calculator,
            pressure=pressure,
            force_tolerance=force_tolerance,
            max_steps=0 if no_relax else None,
            progress=progress,
        )
        crystal = relaxation.atoms
        compute: Callable[..., Phonons] = partial(compute_phonons, calculator=calculator)
        if engine == Engine.LAMMPS:
            compute = partial(
                compute_phonons_in_lammps,
                potential=potential_file.find(potential),
                path=output / "lammps" / "forces.in",
            )
        found = compute(
            crystal,
            supercell_width=supercell_width,
            displacement=displacement,
            snapshots=snapshots,
            born=born,
            progress=progress,
        )
        progress("Bands, density of states, thermal properties", 0, 1)
        temperatures = np.arange(0.0, highest_temperature + temperature_step / 2, temperature_step)
        _write(output, found, temperatures, Path(potential).stem)
        expansion = None
        if thermal_expansion:
            expansion = compute_thermal_expansion(
                crystal,
                calculator,
                highest_temperature=highest_temperature,
                temperature_step=temperature_step,
                strain=strain,
                supercell_width=supercell_width,
                displacement=displacement,
                pressure=pressure,
                born=born,
                progress=progress,
            )
            _write_expansion(output, expansion)
    results = {
        "output": str(output),
        "relaxation": relaxation.summary(),
        "phonons": found.summary(),
        "thermal_properties_at_300_K": _at_room_temperature(found),
    }
    if expansion is not None:
        results["thermal_expansion"] = expansion.summary()
    _print(say, results, found, expansion, highest_temperature)
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


def _write(folder: Path, found: Phonons, temperatures: Any, name: str) -> None:
    from ..simulate.figures import band_figure, save, thermal_figure

    found.write(folder / "phonopy.yaml")
    found.write_force_constants(folder / "FORCE_CONSTANTS")
    found.path.write(folder / "band.yaml")
    found.density_of_states.write(folder / "total_dos.dat")
    thermal = found.thermal_properties(temperatures)
    thermal.write(folder / "thermal_properties.yaml")
    save(band_figure(found, f"gaunt-md, {name}", density=True), folder / "bands.png")
    save(thermal_figure(thermal), folder / "thermal-properties.png")


def _write_expansion(folder: Path, expansion: ThermalExpansion) -> None:
    from ..simulate.figures import expansion_figure, save

    (folder / "thermal-expansion").mkdir(exist_ok=True)
    expansion.write(folder / "thermal-expansion")
    save(expansion_figure(expansion), folder / "thermal-expansion.png")


def _print(
    say: Output,
    results: dict[str, Any],
    found: Phonons,
    expansion: ThermalExpansion | None,
    highest_temperature: float,
) -> None:
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
    say.line(f"written: {results['output']}")
