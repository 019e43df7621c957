"""Arguments and options that several verbs take, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def _potentials(incomplete: str) -> list[str]:
    """Return shipped potentials and files that a word may become; if none, shells offer files."""
    from glob import escape, glob

    from ..resources import resource_folder

    shipped = sorted(path.stem for path in resource_folder("potentials").glob("*.pt"))
    return [
        *(name for name in shipped if name.startswith(incomplete)),
        *sorted(glob(f"{escape(incomplete)}*.pt")),
    ]


_POTENTIAL: dict[str, Any] = {
    "help": "Potential file, or the name of a shipped one.",
    "autocompletion": _potentials,
}

# What is worked on.
Structure = Annotated[
    Path,
    typer.Argument(help="File that ASE reads (extxyz, cif, POSCAR, ...); FILE@3 is its frame 3."),
]
PotentialArgument = Annotated[str, typer.Argument(**_POTENTIAL)]
OptionalPotential = Annotated[str | None, typer.Argument(**_POTENTIAL)]
PotentialName = Annotated[str, typer.Option("--potential", "-p", **_POTENTIAL)]
SiliconPotential = Annotated[
    str,
    typer.Option(
        "--potential",
        "-p",
        help="Potential file, or the name of a shipped one, that knows silicon.",
        autocompletion=_potentials,
    ),
]

# How crystals are prepared.
NoRelax = Annotated[
    bool, typer.Option("--no-relax", help="Take the structure as it is; it should be relaxed.")
]
Pressure = Annotated[float, typer.Option(help="Pressure on the cell, GPa.")]

# What labelled structures call their labels.
_SEARCH = "looks for the usual ones"
EnergyKey = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Name of the total energies, eV.", show_default=_SEARCH),
]
ForcesKey = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Name of the forces, eV/Å.", show_default=_SEARCH),
]
StressKey = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Name of the stress, eV/Å^3, tension positive.", show_default=_SEARCH
    ),
]

# What is measured with.
PotentialShape = Annotated[
    str,
    typer.Option(
        metavar="CHANNELS,HIDDEN_DEGREE,LAYERS",
        help="Size of the potential (filter degree 3, three factors, 5 Å).",
    ),
]
Peers = Annotated[
    list[str] | None,
    typer.Option(
        "--peer",
        metavar="NAME=PYTHON",
        help="Another package, and the interpreter of the environment it is installed in; may be "
        "repeated. Peers: mace.",
    ),
]
Turns = Annotated[int, typer.Option(min=1, help="Turns of each contender.")]

# What is written and said.
OutputFolder = Annotated[
    Path, typer.Option("--output", "-o", help="Folder for everything written.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace results that are there.")]


def output_folder(default: str) -> Any:
    """Return the option of a folder that is called ``default``, in words, if none is given."""
    return typer.Option(
        "--output", "-o", show_default=default, help="Folder for everything written."
    )
