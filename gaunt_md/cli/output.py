"""What verbs print and where they write: bars on terminals, results on stdout, nothing lost."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InputError
from ..progress import Progress, silent

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH_OF_A_FILE = 110


@dataclass(frozen=True)
class Output:
    """How a verb talks, and the options that decide it."""

    as_json: Annotated[
        bool, typer.Option("--json", help="Print the results as JSON, and nothing else.")
    ] = False
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print errors and warnings only.")
    ] = False
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", "-v", help="Say what is being done, also where there is no terminal."
        ),
    ] = False

    def __post_init__(self) -> None:
        if self.quiet and self.verbose:
            raise InputError("--quiet and --verbose contradict each other; leave one out")

    def table(
        self, title: str, rows: Sequence[tuple[str, ...]], header: tuple[str, ...] = ()
    ) -> None:
        """Print rows of words in columns; numbers stand on the right."""
        if self.quiet or self.as_json:
            return
        from rich.table import Table

        # A title of the table itself would be as narrow as the table.
        self.line(title)
        table = Table(show_header=bool(header))
        for index in range(len(rows[0])):
            table.add_column(header[index] if header else "", justify="right" if index else "left")
        for row in rows:
            table.add_row(*row)
        self._console().print(table, highlight=False, markup=False)

    def line(self, text: str) -> None:
        """Print a line."""
        if not (self.quiet or self.as_json):
            self._console().print(text, markup=False, highlight=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Print what the user should know on stderr, whatever is asked for."""
        self._console(stderr=True).print(
            f"warning: {text}", style="yellow", markup=False, highlight=False, soft_wrap=True
        )

    def json(self, results: Any) -> None:
        """Print the results, if JSON is asked for."""
        if self.as_json:
            typer.echo(json.dumps(results, indent=2, ensure_ascii=False))

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Give what shows how far the work is: a bar on a terminal, lines if verbose."""
        console = self._console(stderr=True)
        if self.verbose:
            yield lambda what, done, total: console.print(
                f"{what}: {done} of {total}", highlight=False, markup=False
            )
        elif self.quiet or not console.is_terminal:
            yield silent
        else:
            from rich.progress import Progress as Bars
            from rich.progress import TextColumn

            columns = (*Bars.get_default_columns(), TextColumn("remaining"))
            with Bars(*columns, console=console, transient=True) as bars:
                task = bars.add_task("", total=None)
                yield lambda what, done, total: bars.update(
                    task, description=what, completed=done, total=total
                )

    @staticmethod
    def _console(*, stderr: bool = False) -> Console:
        from rich.console import Console

        # A file is not 80 characters wide.
        stream = sys.stderr if stderr else sys.stdout
        return Console(stderr=stderr, width=None if stream.isatty() else _WIDTH_OF_A_FILE)


def claim_file(path: Path, *, overwrite: bool) -> None:
    """Make sure, before long work, that a result can be written and replaces nothing unasked.

    Raises
    ------
    InputError
        If there is no folder for it, or it is there.
    """
    from ..files import require_folder

    require_folder(path)
    if path.is_dir():
        raise InputError(f"'{path}' is a folder; choose a file with --output")
    if path.exists() and not overwrite:
        raise InputError(f"'{path}' is there; choose another --output, or --overwrite it")


@contextmanager
def results_folder(path: Path, *, overwrite: bool) -> Iterator[None]:
    """Make a folder for results, before long work; one that stays empty is not left behind.

    Raises
    ------
    InputError
        If it is a file, holds something that may not be replaced, or there is no folder to make it
        in.
    """
    from ..files import require_folder

    require_folder(path)
    if path.exists() and not path.is_dir():
        raise InputError(f"'{path}' is a file; choose a folder with --output")
    if path.is_dir() and any(path.iterdir()) and not overwrite:
        raise InputError(
            f"the folder '{path}' is not empty; choose another --output, or --overwrite"
        )
    made = not path.exists()
    path.mkdir(exist_ok=True)
    try:
        yield
    finally:
        if made and not any(path.iterdir()):
            path.rmdir()


def stem(path: Path) -> str:
    """Return the name of a structure's file for the names of results: "quartz" of quartz.cif@0."""
    return Path(path.name.partition("@")[0]).stem
