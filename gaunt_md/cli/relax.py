"""`gaunt-md relax`: structures at their lowest energy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..words import counted
from .options import Overwrite, PotentialName, Pressure, Structure
from .output import Output, claim_file, stem
from .settings import ConfigFile

NOT_CONVERGED = 2
"""Exit status if the tolerance was not reached; the structures are written nevertheless."""


def relax(
    structure: Structure,
    potential: PotentialName,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            show_default="STRUCTURE-relaxed.extxyz",
            help="File to write, in the format of its suffix.",
        ),
    ] = None,
    fixed_cell: Annotated[
        bool, typer.Option("--fixed-cell", help="Relax the positions alone.")
    ] = False,
    keep_symmetry: Annotated[
        bool, typer.Option("--keep-symmetry", help="Keep the space group, found within 0.01 Å.")
    ] = False,
    pressure: Pressure = 0.0,
    force_tolerance: Annotated[
        float, typer.Option(help="Largest force at the end, eV/Å; of the cell, eV per atom.")
    ] = 1e-4,
    max_steps: Annotated[int, typer.Option(help="Steps after which to give up.")] = 500,
    overwrite: Overwrite = False,
    config: ConfigFile = None,
    *,
    say: Output,
) -> None:
    """Relax positions and cell of every structure in a file, and tell what changed.

    Example: gaunt-md relax silicon.cif --potential si --keep-symmetry
    """
    output = output or Path(f"{stem(structure)}-relaxed.extxyz")
    claim_file(output, overwrite=overwrite)

    from ..calculator import GauntCalculator
    from ..simulate.relax import relax_many
    from ..simulate.structures import read_structures, require_format, write_structures

    starts = read_structures(structure)
    require_format(output, len(starts))

    with say.progress() as progress:
        relaxations = relax_many(
            starts,
            GauntCalculator(potential),
            cell=not fixed_cell,
            keep_symmetry=keep_symmetry,
            pressure=pressure,
            force_tolerance=force_tolerance,
            max_steps=max_steps,
            progress=progress,
        )
    write_structures(output, [relaxation.atoms for relaxation in relaxations])
    summaries = [relaxation.summary() for relaxation in relaxations]
    for index, summary in enumerate(summaries):
        name = str(structure) if len(summaries) == 1 else f"{structure}, structure {index}"
        say.table(f"{name}: {summary['formula']}", rows(summary), ("", "before", "after"))
    say.line(f"written: {output}")
    say.json({"output": str(output), "structures": summaries})
    lagging = sum(not summary["converged"] for summary in summaries)
    if lagging:
        say.warn(
            f"{lagging} of {len(summaries)} structures did not relax within {max_steps} steps; "
            "allow more with --max-steps, or start from what was written"
        )
        raise typer.Exit(NOT_CONVERGED)


def rows(summary: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return what changed in a relaxation, in words."""
    pressure = summary["pressure_GPa"]
    found = [
        (words, *(_in_words(summary[f"{key}_{when}{unit}"], form) for when in ("before", "after")))
        for words, key, unit, form in (
            ("energy, eV/atom", "energy", "_eV_per_atom", ".6f"),
            ("volume, Å^3/atom", "volume", "_A3_per_atom", ".4f"),
            ("space group", "space_group", "", ""),
            ("largest force, eV/Å", "largest_force", "_eV_per_A", ".2g"),
            (
                f"largest stress{f' beyond {pressure:g} GPa' * bool(pressure)}, GPa",
                *("largest_stress", "_GPa", ".2g"),
            ),
        )
    ]
    return [*found, ("steps", "", str(summary["steps"]))]


def tell_briefly(say: Output, summary: dict[str, Any]) -> None:
    """Print what has become of a crystal that a verb has relaxed first."""
    if summary["steps"]:
        before, after = (summary[f"volume_{when}_A3_per_atom"] for when in ("before", "after"))
        say.line(
            f"relaxed in {counted(summary['steps'], 'step')}, the volume from {before:.4f} to "
            f"{after:.4f} Å^3/atom"
        )


def _in_words(value: Any, form: str) -> str:
    return "none" if value is None else format(value, form)
