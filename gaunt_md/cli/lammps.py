"""`gaunt-md lammps`: build the LAMMPS plugin, find it, and check that it works."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import PotentialName
from .plain import Verbs

app = Verbs(help="Build, find and check the plugin for LAMMPS.", no_args_is_help=True)


@app.command()
def build(
    force: Annotated[bool, typer.Option("--force", help="Build even if it is there.")] = False,
) -> None:
    """Build the plugin for this torch, LAMMPS and compiler, and print its folder."""
    from .. import lammps

    typer.echo(lammps.build(force=force))


@app.command()
def path() -> None:
    """Print the folder of the plugin, as for LAMMPS_PLUGIN_PATH; exit status 1 if not built."""
    from .. import lammps

    folder = lammps.plugin_folder()
    typer.echo(folder)
    if not lammps.is_built(folder):
        typer.echo("not built yet: gaunt-md lammps build", err=True)
        raise typer.Exit(1)


@app.command()
def doctor(
    potential: PotentialName = "si",
) -> None:
    """Check LAMMPS, torch, MPI and the plugin, and run LAMMPS with a potential."""
    from ..lammps_doctor import doctor as examine

    fine = True
    for finding in examine(potential):
        mark = typer.style("ok  ", fg="green") if finding.fine else typer.style("FAIL", fg="red")
        typer.echo(f"{mark} {finding.subject:<16} {finding.found}")
        fine = fine and finding.fine
    if not fine:
        raise typer.Exit(1)
