"""`gaunt-md export`: from a checkpoint to a potential file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    checkpoint: Annotated[Path, typer.Argument(help="A file of the folder checkpoints/.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The potential file, NAME.pt.")],
    test: Annotated[
        list[Path] | None,
        typer.Option(help="Data whose errors are written into the file; may be repeated."),
    ] = None,
) -> None:
    """Write the averaged potential of a checkpoint as a file for ASE and LAMMPS, and its card."""
    from .train import require_lightning

    require_lightning()
    from ..training.run import export as run

    run(checkpoint, output, test or ())
    typer.echo(output)
