"""Structures and potentials that verbs are given."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Structure = Annotated[
    Path,
    typer.Argument(help="File that ASE reads (extxyz, cif, POSCAR, ...); FILE@3 is its frame 3."),
]
PotentialName = Annotated[
    str, typer.Option("--potential", "-p", help="Potential file, or the name of a shipped one.")
]
NoRelax = Annotated[
    bool, typer.Option("--no-relax", help="Take the structure as it is; it should be relaxed.")
]


def stem(path: Path) -> str:
    """Return the name of a structure's file for the names of results: "quartz" of quartz.cif@0."""
    return Path(path.name.partition("@")[0]).stem
