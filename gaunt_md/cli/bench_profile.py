"""`gaunt-md bench profile`: where the time goes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..words import counted
from .options import OutputFolder, Overwrite, PotentialShape
from .output import Output, results_folder

if TYPE_CHECKING:
    from ..bench.ceilings import Ceilings
    from ..bench.stages import Profile, Stage


def profile(
    output: OutputFolder = Path("bench-profile"),
    shape: PotentialShape = "64,1,2",
    atoms: Annotated[int, typer.Option(min=8, help="Atoms, a multiple of 8.")] = 1000,
    rounds: Annotated[int, typer.Option(min=1, help="Evaluations; the fastest counts.")] = 9,
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch.")] = 1,
    overwrite: Overwrite = False,
    *,
    say: Output,
) -> None:
    """Show where the time of a step goes, and how near the loops are to what the core can do.

    The parts of energy and forces of silicon at 600 K, by torch's profiler; arithmetic and memory
    traffic counted from shapes. Writes profile.json and profile.png.

    Example: gaunt-md bench profile --shape 128,2,2
    """
    # The profiler writes a line whenever it starts and stops.
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")

    import torch

    from ..bench.ceilings import measure_ceilings
    from ..bench.machine import described, machine
    from ..bench.profile_figure import profile_figure
    from ..bench.silicon import hot_silicon
    from ..bench.stages import profile_evaluation, write_result
    from ..bench.untrained import Shape
    from ..kernels import PLAIN_TORCH
    from ..simulate.figures import save

    torch.set_num_threads(threads)
    size = Shape.parse(shape)
    hot_silicon(atoms)  # refuses, before long work, what is no whole number of cells
    with results_folder(output, overwrite=overwrite), say.progress() as progress:
        progress("ceilings of the core", 0, 2)
        ceilings = measure_ceilings()
        progress("stages of a step", 1, 2)
        found = profile_evaluation(size, atoms, rounds)
        here = machine() | {"threads": threads}
        write_result(output / "profile.json", here, size, found, ceilings)
        title = (
            f"{size.name}; {atoms} atoms, {counted(threads, 'thread')}, "
            f"{1e3 * found.milliseconds / atoms:.0f} µs per atom"
        )
        figure = profile_figure(found, title, ceilings, described(here))
        save(figure, output / "profile.png")
    _print(say, found, ceilings, described(here), title)
    if here["kernels"] == PLAIN_TORCH:
        say.warn("in plain torch the gradients of all stages are part of the rest")
    say.line(f"written: {output / 'profile.json'}, {output / 'profile.png'}")
    say.json(json.loads((output / "profile.json").read_text(encoding="utf-8")))


def _print(say: Output, found: Profile, ceilings: Ceilings, machine: str, title: str) -> None:
    say.line(machine)
    say.line(
        f"the core at most: {ceilings.gigaflops:.0f} GFLOP/s in a product of matrices, "
        f"{ceilings.gigabytes:.1f} GB/s in a copy"
    )
    say.table(
        title,
        [_row(stage, ceilings) for stage in found.stages],
        header=("", "ms per step", "%", "GFLOP/s", "of the peak", "GB/s"),
    )
    named = ", ".join(f"{name} {time:.1f} ms" for name, time in found.rest.items())
    say.line(f"most of the rest: {named}")


def _row(stage: Stage, ceilings: Ceilings) -> tuple[str, ...]:
    columns = (stage.name, f"{stage.milliseconds:.2f}", f"{100 * stage.share:.1f}")
    if stage.gigaflops is None or stage.gigabytes is None:
        return (*columns, "–", "–", "–")
    return (
        *columns,
        f"{stage.gigaflops:.1f}",
        f"{100 * stage.gigaflops / ceilings.gigaflops:.0f} %",
        f"{stage.gigabytes:.1f}",
    )
