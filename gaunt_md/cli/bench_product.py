"""`gaunt-md bench product`: Gaunt products beside those of other packages."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..words import counted
from .options import OutputFolder, Overwrite
from .output import Output, results_folder

if TYPE_CHECKING:
    from ..bench.product import Row


def product(
    output: OutputFolder = Path("bench-product"),
    panel: Annotated[
        list[str] | None,
        typer.Option(
            help="interaction, convolution, many_body (three factors, by degree) or factors "
            "(degree 2, by their number); may be repeated.",
            show_default="all four",
        ),
    ] = None,
    largest: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Largest degree or number of factors.",
            show_default="14; 24 with --crossovers",
        ),
    ] = None,
    channels: Annotated[int, typer.Option(min=1, help="Channels of every function.")] = 64,
    rounds: Annotated[
        int, typer.Option(min=1, help="Runs of each contender, in turn; the median counts.")
    ] = 7,
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch.")] = 1,
    crossovers: Annotated[
        bool,
        typer.Option(
            "--crossovers",
            help="Measure instead which of grid, fourier and direct is fastest at each degree, the "
            'table behind method="auto"; writes crossovers.json.',
        ),
    ] = False,
    rounding: Annotated[
        bool,
        typer.Option(
            "--rounding",
            help="Print instead the rounding errors of grid, fourier and direct by degree.",
        ),
    ] = False,
    overwrite: Overwrite = False,
    *,
    say: Output,
) -> None:
    """Time Gaunt products, and those of e3nn, cuequivariance and MACE where they are installed.

    The forward pass, forward and backward pass, and their memory, in float32.
    Prints tables; writes product.json and product.png.

    Example: gaunt-md bench product --panel interaction --largest 6
    """
    # The profiler, which counts memory, writes a line whenever it starts and stops.
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    import torch

    from ..bench import product as bench
    from ..errors import InputError, closest
    from ..progress import silent

    known = [one.name for one in bench.PANELS]
    for name in panel or []:
        if name not in known:
            raise InputError(
                f"unknown panel '{name}': choose among {', '.join(known)}.{closest(name, known)}"
            )
    if crossovers and rounding:
        raise InputError("--crossovers and --rounding are two things to do; leave one out")
    if panel and (crossovers or rounding):
        other = "--crossovers" if crossovers else "--rounding"
        raise InputError(f"{other} has no panels; leave --panel out")
    torch.set_num_threads(threads)
    if rounding:
        _measure_rounding(say)
        return
    chosen, limit = panel or known, largest or 14
    if not crossovers and not bench.planned(chosen, limit):
        raise InputError(f"--largest {limit}: {', '.join(chosen)} has only larger values")
    with results_folder(output, overwrite=overwrite):
        if crossovers:
            _measure_crossovers(say, output / "crossovers.json", channels, rounds, largest or 24)
        else:
            told = silent if say.quiet else _announce
            found = bench.run(chosen, channels, rounds, limit, told)
            _measure_products(say, output, found, channels)


def _measure_products(say: Output, folder: Path, found: Iterable[Row], channels: int) -> None:
    from ..bench import product as bench
    from ..bench.figures import plot_products

    table, picture = folder / "product.json", folder / "product.png"
    rows: list[Row] = []
    for row in found:
        rows.append(row)
        _print(say, row)
        # Kept as it grows: the last rows may take long.
        bench.write_result(rows, channels, table)
    plot_products(rows, picture, bench.processor())
    for note in bench.notes(rows):
        say.line(note)
    exponent = bench.growth_of_fourier(rows)
    if exponent is not None:
        say.line(f"time of the fourier method from degree 6 to 14: ∝ L^{exponent:.1f}")
    for sentence in bench.absent():
        say.line(f"absent: {sentence}")
    say.line(f"written: {table}, {picture}")
    say.json(json.loads(table.read_text(encoding="utf-8")))


def _announce(what: str, done: int, total: int) -> None:
    # A line each and no bar, which the tables in between would tear apart.
    typer.echo(f"measuring {what} ({done + 1} of {total})", err=True)


def _measure_rounding(say: Output) -> None:
    from dataclasses import asdict

    from ..bench.rounding import measure_rounding

    found = list(measure_rounding())
    rows = [
        (
            str(one.degree),
            one.method,
            f"{one.rms:.1e}",
            f"{one.largest:.1e}",
            f"{one.largest_in_double:.1e}",
        )
        for one in found
    ]
    header = ("degree", "method", "float32: rms", "float32: largest", "float64: largest")
    say.table("errors in units of the result's rms", rows, header)
    say.json([asdict(one) for one in found])


def _measure_crossovers(say: Output, path: Path, channels: int, rounds: int, largest: int) -> None:
    from ..bench import crossovers as bench
    from ..sphere.selection import CROSSOVERS

    times = []
    for degree, of_methods in bench.measure_methods(channels, rounds, range(largest + 1)):
        times.append((degree, of_methods))
        values = "   ".join(f"{method} {time:.3g}" for method, time in of_methods.items())
        say.line(f"degree {degree:2}, µs per node: {values}")
    for method, last in bench.crossovers(times):
        say.line(f"{method}: {'any higher degree' if last is None else f'to degree {last}'}")
    bench.write_crossovers(times, channels, path)
    say.line(f'written: {path}\nfor method="auto" to use it: cp {path} {CROSSOVERS}')
    say.json(json.loads(path.read_text(encoding="utf-8")))


def _print(say: Output, row: Row) -> None:
    # Relative to the first of the other packages; without any, to the slowest method.
    others = [name for name in row.measurements if not name.startswith("gaunt-md")]
    slowest = max(row.measurements, key=lambda name: row.measurements[name].training)
    reference = [*others, slowest][0]
    what = f"{row.panel}, {row.variable} {row.value}, {counted(row.nodes, 'node')}"
    say.table(
        f"{what}; speed of forward + backward relative to {reference}",
        [
            (
                name,
                f"{one.forward:.2f}",
                f"{one.training:.2f}",
                f"{one.memory:.1f}",
                f"{row.measurements[reference].training / one.training:.1f}×",
            )
            for name, one in row.measurements.items()
        ],
        header=("", "forward, ms", "forward + backward, ms", "memory, MB", "speed"),
    )
