"""The options that name the labels in data files, the same for every verb that reads them."""

from __future__ import annotations

from typing import Annotated

import typer

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
