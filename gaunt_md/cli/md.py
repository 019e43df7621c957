"""`gaunt-md md`: molecular dynamics."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InputError
from ..simulate.ensembles import Conditions, Ensemble, suitable_timestep
from .options import Overwrite, PotentialName, Structure, output_folder
from .output import Output, results_folder, stem
from .settings import ConfigFile

if TYPE_CHECKING:
    from ..simulate.recording import Recording


class Format(StrEnum):
    """Formats of trajectories."""

    EXTXYZ = "extxyz"
    TRAJ = "traj"
    HDF5 = "h5"
    XTC = "xtc"
    DCD = "dcd"


@dataclass(frozen=True)
class ConditionOptions:
    """What `gaunt_md.simulate.ensembles.Conditions` are made of."""

    ensemble: Annotated[
        Ensemble,
        typer.Option(
            help="What is kept constant; npt-cell also lets the shape of the cell change."
        ),
    ] = Ensemble.BUSSI
    temperature: Annotated[
        float | None,
        typer.Option(
            help="Temperature, K, of the thermostat and of the velocities drawn at the start. From "
            "a relaxed structure, half of it becomes potential energy.",
            show_default="velocities of the file, for nve only",
        ),
    ] = None
    final_temperature: Annotated[
        float | None,
        typer.Option(
            help="Temperature at the end, K, reached linearly over --steps.",
            show_default="constant",
        ),
    ] = None
    pressure: Annotated[float, typer.Option(help="Pressure, GPa, for npt and npt-cell.")] = 0.0
    timestep: Annotated[
        float | None,
        typer.Option(
            help="Time step, fs.",
            show_default="by the lightest atom: 0.5 with H, 1 below 20 u, else 2",
        ),
    ] = None
    thermostat_time: Annotated[float, typer.Option(help="Time of the thermostat, fs.")] = 100.0
    barostat_time: Annotated[float, typer.Option(help="Time of the barostat, fs.")] = 1000.0


def md(
    structure: Structure,
    potential: PotentialName,
    steps: Annotated[int, typer.Option(min=1, help="Number of steps, in total if resumed.")] = 1000,
    *,
    asked: ConditionOptions,
    interval: Annotated[int, typer.Option(min=1, help="Steps between frames.")] = 10,
    trajectory_format: Annotated[
        Format,
        typer.Option(
            "--format",
            help="Format of the trajectory: extxyz and traj keep all, h5 is for mdtraj; xtc and "
            "dcd keep positions only, rounded.",
        ),
    ] = Format.EXTXYZ,
    output: Annotated[Path | None, output_folder("STRUCTURE-md")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of velocities and thermostat.")] = 1,
    keep_velocities: Annotated[
        bool, typer.Option("--keep-velocities", help="Start with the velocities of the file.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in the folder, exactly.")
    ] = False,
    overwrite: Overwrite = False,
    config: ConfigFile = None,
    say: Output,
) -> None:
    """Run molecular dynamics.

    Writes trajectory, thermodynamics.csv, final.extxyz, a figure, and restart.json, with which the
    same command and --resume goes on as if it had never stopped. Ctrl-C stops after a step.

    Example: gaunt-md md silicon.cif -p si --ensemble npt --temperature 300 --steps 20000
    """
    output = output or Path(f"{stem(structure)}-md")

    from ..calculator import GauntCalculator
    from ..interruption import Interruption
    from ..simulate.dynamics import Dynamics
    from ..simulate.figures import save, thermodynamics_figure
    from ..simulate.recording import RESTART, record
    from ..simulate.restart import read_restart
    from ..simulate.structures import read_structure
    from ..simulate.velocities import with_velocities

    if (output / RESTART).exists() and not (resume or overwrite):
        raise InputError(
            f"'{output}' holds a run, which --resume goes on with; for another one choose another "
            "--output, or --overwrite"
        )
    start = read_structure(structure)
    calculator = GauntCalculator(potential)
    if asked.timestep is None:
        asked = replace(asked, timestep=suitable_timestep(start))
    conditions = Conditions(**asdict(asked), ramp_steps=steps)
    options: dict[str, Any] = {
        "potential": f"{potential} ({calculator.parameters['sha256'][:12]})",
        "structure": start.get_chemical_formula(),
        **asdict(asked),
        "interval": interval,
        "format": trajectory_format,
        "seed": seed,
        "keep_velocities": keep_velocities,
    }
    if resume:
        dynamics = Dynamics.resume(read_restart(output / RESTART, options), calculator)
    else:
        drawn_at = None if keep_velocities else conditions.temperature
        moving = with_velocities(start, drawn_at, seed)
        dynamics = Dynamics(moving, calculator, conditions, seed=seed)
    with (
        results_folder(output, overwrite=overwrite or resume),
        say.progress() as progress,
        Interruption() as interruption,
    ):
        begun = f", from step {dynamics.step}" if resume else ""
        say.line(
            f"{options['structure']}, {conditions.ensemble}, time step {conditions.timestep:g} fs, "
            f"{steps} steps, {steps * conditions.timestep / 1000:g} ps{begun}"
        )
        run = record(
            dynamics,
            output,
            steps=steps,
            interval=interval,
            suffix=f".{trajectory_format}",
            options=options,
            stop=interruption.reason,
            progress=progress,
        )
        save(thermodynamics_figure(run.thermodynamics), output / "thermodynamics.png")
    results = {"output": str(output), **_summary(run, conditions.timestep), "options": options}
    _print(say, results)
    say.json(results)
    if run.stopped is not None:
        say.warn(f"{run.stopped}: the same command with --resume goes on at step {run.steps}")
        raise typer.Exit(128 + (interruption.signal or 0))


def _summary(run: Recording, timestep: float) -> dict[str, Any]:
    return {
        "steps": run.steps,
        "time_ps": run.steps * timestep / 1000.0,
        "stopped": run.stopped,
        "seconds": run.seconds,
        "ns_per_day": run.ns_per_day if run.ns_per_day == run.ns_per_day else None,
        **run.thermodynamics.summary(skip=0.2),
    }


def _print(say: Output, results: dict[str, Any]) -> None:
    rows = [("steps", f"{results['steps']}, {results['time_ps']:g} ps")]
    drift = "drift_of_conserved_energy_meV_per_atom_ps"
    for words, value, error, form in (
        ("temperature, K", "mean_temperature_K", "error_of_mean_temperature_K", ".1f"),
        ("pressure, GPa", "mean_pressure_GPa", "error_of_mean_pressure_GPa", ".3f"),
        ("volume, Å^3", "mean_volume_A3", "error_of_mean_volume_A3", ".2f"),
        (
            "drift of the conserved energy, meV/atom/ps",
            drift,
            "error_of_drift_meV_per_atom_ps",
            ".2g",
        ),
    ):
        if results[value] is not None:
            rows.append((words, _with_error(results[value], results[error], form)))
    if results["ns_per_day"] is not None:
        rows.append(("speed, ns/day", f"{results['ns_per_day']:.3g}"))
    say.table("Means of the last 80 % of the run", rows)
    say.line(f"written: {results['output']}")


def _with_error(value: float, error: float | None, form: str) -> str:
    """Return a number and its error in words; what a run keeps constant has none."""
    if error is None or error < 1e-9 * abs(value):
        return f"{value:{form}}"
    return f"{value:{form}} ± {error:{form}}"
