"""The command `gaunt-md`: its verbs and what happens to errors.

Every verb lives in a file of its own name. Those files import torch, ASE and the like inside
their functions, so that help and completion answer at once.
"""

from __future__ import annotations

import os
import sys
import warnings
from typing import Annotated, Any

import typer

from .. import __version__
from ..errors import GauntError
from . import (
    analyse,
    bench,
    config,
    demo,
    elastic,
    evaluate,
    export,
    info,
    lammps,
    md,
    phonons,
    relax,
    train,
)
from .plain import Verbs

app = Verbs(
    name="gaunt-md",
    help="Gaunt tensor product interatomic potentials that run in ASE and LAMMPS.",
    epilog="`gaunt-md VERB --help` explains a verb and gives an example. After `gaunt-md "
    "--install-completion` and in a new shell, the tabulator key completes verbs, options and "
    "the names of potentials.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"gaunt-md {__version__}")
        raise typer.Exit()


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and stop.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Run first: the options that stand before a verb."""


for verb in (
    demo.demo,
    train.train,
    evaluate.evaluate,
    export.export,
    config.config,
    info.info,
    relax.relax,
    md.md,
    analyse.analyse,
    phonons.phonons,
    elastic.elastic,
):
    app.command()(verb)
app.add_typer(lammps.app, name="lammps")
app.add_typer(bench.app, name="bench")


def _one_line(message: Warning | str, *_: Any, **__: Any) -> str:
    return f"warning: {message}\n"


def _in_words(error: GauntError | OSError) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"'{error.filename}': {error.strerror}"
    return str(error)


def main() -> None:
    """Run the command line; an expected error becomes one line on stderr and exit status 1."""
    # Read when torch is imported: threads that wait spinning slow each other down twentyfold where
    # other programs run.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Where in the code a warning was given is not for users of the command line.
    warnings.formatwarning = _one_line
    try:
        app()
    except (GauntError, OSError) as error:
        print(f"error: {_in_words(error)}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
