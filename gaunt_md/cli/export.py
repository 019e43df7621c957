"""`gaunt-md export`: from a checkpoint to a potential file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    checkpoint: Annotated[
        Path, typer.Argument(help="A file of the folder checkpoints/ that a training writes.")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="NAME.pt", help="The potential file; its card is NAME.md."
        ),
    ],
    test: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Labelled structures; the errors on them are written into the file. May be "
            "repeated.",
        ),
    ] = None,
) -> None:
    """Write the potential of a checkpoint as a file for ASE and LAMMPS, and its card.

    Example: gaunt-md export my_data/checkpoints/best.ckpt -o mine.pt
    """
    from ..errors import InputError
    from .train import require_lightning

    require_lightning()
    if output.suffix != ".pt":
        raise InputError(f"'{output}' is no name of a potential file; it has to end in .pt")
    for path in (output, output.with_suffix(".md")):
        if path.exists():
            raise InputError(f"'{path}' exists; delete it or choose another --output")
    from ..training.run import export as run

    run(checkpoint, output, test or ())
    typer.echo(output)
