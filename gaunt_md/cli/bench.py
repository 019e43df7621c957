"""`gaunt-md bench`: measurements on this machine, side by side with what else is installed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .plain import Verbs

if TYPE_CHECKING:
    from ..bench.product import Row

app = Verbs(help="Measure on this machine, beside what else is installed.", no_args_is_help=True)


@app.callback()
def _bench() -> None:
    """Keep the name of the only verb on the command line."""


@app.command()
def product(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for results.")] = Path(
        "bench-product"
    ),
    panel: Annotated[
        list[str] | None,
        typer.Option(help="interaction, convolution, many_body or factors; all if not given."),
    ] = None,
    largest: Annotated[int, typer.Option(help="Largest degree or number of factors.")] = 14,
    channels: Annotated[int, typer.Option(min=1)] = 64,
    rounds: Annotated[int, typer.Option(min=1, help="Runs of each contender.")] = 7,
    threads: Annotated[int, typer.Option(min=1)] = 1,
    crossovers: Annotated[
        bool,
        typer.Option("--crossovers", help="Measure which method is fastest and keep the table."),
    ] = False,
) -> None:
    """Time Gaunt products: a table, product.json and product.png."""
    # The profiler, which counts memory, writes a line whenever it starts and stops.
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    import torch
    from rich.progress import track

    from ..bench import product as bench
    from ..errors import InputError, closest

    known = [one.name for one in bench.PANELS]
    for name in panel or []:
        if name not in known:
            raise InputError(
                f"unknown panel '{name}': choose among {', '.join(known)}.{closest(name, known)}"
            )
    torch.set_num_threads(threads)
    if crossovers:
        table = bench.measure_crossovers(channels, rounds, largest)
        bench.write_crossovers(table)
        for method, last in table:
            typer.echo(f"{method}: {'any higher degree' if last is None else f'to degree {last}'}")
        return

    from ..bench.figures import plot_products

    output.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    for row in track(bench.run(panel or known, channels, rounds, largest), "measuring"):
        rows.append(row)
        _print(row)
        # Kept as it grows: the last rows may take long.
        bench.write_result(rows, channels, output / "product.json")
    plot_products(rows, output / "product.png", bench.processor())
    typer.echo(f"written: {output / 'product.json'}, {output / 'product.png'}")


def _print(row: Row) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{row.panel}, {row.variable} {row.value}, {row.nodes} nodes")
    table.add_column("")
    # Relative to the first of the other packages; without any, to the slowest method.
    others = [one for name, one in row.measurements.items() if not name.startswith("gaunt-md")]
    baseline = (others or sorted(row.measurements.values(), key=lambda one: -one.training))[0]
    for heading in ("forward, ms", "forward + backward, ms", "memory, MB", "speed"):
        table.add_column(heading, justify="right")
    for name, one in row.measurements.items():
        table.add_row(
            name,
            f"{one.forward:.2f}",
            f"{one.training:.2f}",
            f"{one.memory:.1f}",
            f"{baseline.training / one.training:.1f}×",
        )
    Console().print(table)
