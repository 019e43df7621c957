"""`gaunt-md analyse`: what a trajectory says of structure, diffusion and vibrations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .analyses import WORK, Analysis, AnalysisOptions
from .options import Overwrite, output_folder
from .output import Output, results_folder
from .settings import ConfigFile

if TYPE_CHECKING:
    from ..simulate.trajectory import Trajectory


_VIBRATING = 1.0
"""Root mean square displacement in Å, less than half a bond, below which nothing diffuses."""


@dataclass(frozen=True)
class ReadingOptions:
    """What files may not know: arguments of `simulate.trajectory_reading.read_trajectory`."""

    timestep: Annotated[
        float | None, typer.Option(help="Time step, fs, of the LAMMPS run that wrote a dump.")
    ] = None
    frame_time: Annotated[
        float | None,
        typer.Option(help="Time between frames, fs, where the file does not know it."),
    ] = None
    elements: Annotated[
        str, typer.Option(help="Elements of a dump's atom types 1, 2, ..., as 'Si O'.")
    ] = ""
    topology: Annotated[
        Path | None,
        typer.Option(
            help="File with the elements for xtc and dcd.", show_default="topology.pdb beside it"
        ),
    ] = None


def analyse(
    trajectory: Annotated[
        Path,
        typer.Argument(help="extxyz, traj, h5, xtc, dcd, a dump of LAMMPS, or what ASE reads."),
    ],
    only: Annotated[
        list[Analysis] | None,
        typer.Option(
            help="What to compute: radial, geometry, diffusion or vibrations; may be repeated.",
            show_default="all that is possible",
        ),
    ] = None,
    skip: Annotated[
        float, typer.Option(help="Time at the start to leave out, ps, for equilibration.")
    ] = 0.0,
    *,
    reading: ReadingOptions,
    options: AnalysisOptions,
    output: Annotated[Path | None, output_folder("TRAJECTORY-analysis")] = None,
    overwrite: Overwrite = False,
    config: ConfigFile = None,
    say: Output,
) -> None:
    """Compute radial distributions, bonds and angles, diffusion, and vibrational spectra.

    Writes a figure and CSV files of each. What a trajectory cannot tell is left out with a
    sentence; if it was asked for with --only, that is an error.

    Example: gaunt-md analyse silicon-md/trajectory.extxyz --skip 1 --only radial
    """
    output = output or Path(f"{trajectory.parent / trajectory.stem}-analysis")

    from ..errors import InputError
    from ..simulate.trajectory_reading import read_trajectory

    run = _without_start(read_trajectory(trajectory, **vars(reading)), skip)
    chosen = only or list(Analysis)
    results: dict[str, Any] = {
        "output": str(output),
        "frames": len(run.frames),
        "atoms": len(run.frames[0]),
        "time_ps": float(run.times[-1] - run.times[0]) / 1000.0,
        "left_out": {},
    }
    with results_folder(output, overwrite=overwrite), say.progress() as progress:
        for done, analysis in enumerate(chosen):
            progress(f"Analysing, {analysis.value}", done, len(chosen))
            try:
                results[analysis.value] = WORK[analysis](run, output, options)
            except InputError as error:
                if only:
                    raise
                results["left_out"][analysis.value] = str(error)
        progress("Analysing", len(chosen), len(chosen))
    if len(results["left_out"]) == len(chosen):
        raise InputError(f"nothing can be computed: {'; '.join(results['left_out'].values())}")
    say.table(
        f"{results['frames']} frames of {results['atoms']} atoms, {results['time_ps']:g} ps",
        [("frames", str(results["frames"])), *_rows(results)],
    )
    for name, reason in results["left_out"].items():
        say.line(f"left out: {name}: {reason}")
    _warn(say, results)
    say.line(f"written: {output}")
    say.json(results)


def _warn(say: Output, results: dict[str, Any]) -> None:
    """Say what results do not mean."""
    for name, one in results.get("diffusion", {}).items():
        if one["farthest_A"] < _VIBRATING:
            say.warn(
                f"{name} has moved by {one['farthest_A']:.2f} Å: so far it vibrates, and its "
                "coefficient does not tell of diffusion. Simulate longer, or hotter."
            )
    spectrum = results.get("vibrations", {})
    if spectrum.get("folded"):
        say.warn(
            f"frames are {spectrum['frame_interval_fs']:g} fs apart, which resolves frequencies up "
            f"to {spectrum['highest_resolved_THz']:.1f} THz; faster vibrations appear at wrong "
            "ones. Write frames more often."
        )


def _without_start(run: Trajectory, skip: float) -> Trajectory:
    from ..errors import InputError
    from ..simulate.trajectory import Trajectory

    if not run.frames:
        raise InputError("the trajectory holds no frames")
    kept = run.times >= run.times[0] + 1000.0 * skip
    if not kept.any() or skip < 0.0:
        raise InputError(
            f"--skip is {skip} ps, and the trajectory lasts "
            f"{(run.times[-1] - run.times[0]) / 1000.0:g} ps; leave out less"
        )
    frames = [frame for frame, keep in zip(run.frames, kept, strict=True) if keep]
    return Trajectory(run.times[kept], tuple(frames))


def _rows(results: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, one in results.get("radial", {}).items():
        yield f"g(r) {name}, highest at, Å", f"{one['highest_at_A']:.2f}"
        if one["coordination_number"] is not None:
            words = f"{one['coordination_number']:.2f} within {one['first_minimum_A']:.2f} Å"
            yield f"coordination number {name}", words
    geometry = results.get("geometry", {"bonds": {}, "angles": {}})
    for name, one in geometry["bonds"].items():
        yield f"bond {name}, Å", f"{one['mean_A']:.3f} ± {one['spread_A']:.3f}"
    for name, one in geometry["angles"].items():
        yield f"angle {name}, degrees", f"{one['mean_degrees']:.1f} ± {one['spread_degrees']:.1f}"
    for name, one in results.get("diffusion", {}).items():
        words = f"{one['coefficient_cm2_per_s']:.2e} ± {one['error_cm2_per_s']:.1e}"
        yield f"diffusion of {name}, cm^2/s", words
    if "vibrations" in results:
        yield "highest vibrational peak, THz", f"{results['vibrations']['highest_peak_THz']:.2f}"
