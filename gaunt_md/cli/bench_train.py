"""`gaunt-md bench train`: an epoch of training beside MACE."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..words import counted
from .options import OutputFolder, Overwrite, Peers, PotentialShape, Turns
from .output import Output, results_folder

if TYPE_CHECKING:
    from ..bench.training import TrainingResult


def train(
    data: Annotated[
        list[Path],
        typer.Argument(help="Structures with energies, forces and stresses, e.g. Si_train.xyz."),
    ],
    output: OutputFolder = Path("bench-train"),
    shape: PotentialShape = "64,1,2",
    peer: Peers = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Structures per step.")] = 2,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Steps of a turn; an epoch is then computed from them.",
            show_default="a whole epoch",
        ),
    ] = None,
    rounds: Turns = 3,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of torch.", show_default="all cores")
    ] = None,
    overwrite: Overwrite = False,
    *,
    say: Output,
) -> None:
    """Time an epoch of training: same data, batches, size and threads for all contenders.

    Writes train.json and train.png.

    Example: gaunt-md bench train Si_train.xyz --peer mace=../mace-environment/bin/python
    """
    import sys

    from ..bench import training as bench
    from ..bench.installations import installed_peers
    from ..bench.machine import described, machine
    from ..bench.training_figure import training_figure
    from ..bench.untrained import Shape
    from ..processors import cores
    from ..simulate.figures import save

    size = Shape.parse(shape)
    threads = threads or cores()
    peers, absent = installed_peers(peer or [])
    with results_folder(output, overwrite=overwrite):
        prepared = bench.prepare_data(data, output)
        contenders = bench.trainers(prepared, size, peers, batch_size, sys.executable)
        here = machine() | {
            "peers": {one.peer.name: one.versions for one in peers},
            "threads": threads,
        }
        results: list[TrainingResult] = []
        with say.progress() as progress:
            for results in bench.measure(
                contenders,
                prepared,
                batch_size=batch_size,
                steps=steps,
                rounds=rounds,
                threads=threads,
                progress=progress,
            ):
                bench.write_result(
                    output / "train.json", here, prepared, size, batch_size, absent, results
                )
        what = f"{size.name}; {counted(prepared.structures, 'structure')}, batches of {batch_size}"
        on = f"{described(here)}; {counted(threads, 'thread')}"
        save(training_figure(results, what, on), output / "train.png")
    say.line(on)
    _print(say, results, what)
    for sentence in absent:
        say.line(f"absent: {sentence}")
    say.line(f"written: {output / 'train.json'}, {output / 'train.png'}")
    say.json(json.loads((output / "train.json").read_text(encoding="utf-8")))


def _print(say: Output, results: list[TrainingResult], title: str) -> None:
    ours = results[0]
    rows = [
        (
            one.name,
            f"{one.seconds_per_epoch:.1f}",
            f"{min(one.epochs):.1f}–{max(one.epochs):.1f}",
            f"{one.seconds_per_epoch / ours.seconds_per_epoch:.1f}×",
        )
        for one in results
    ]
    steps = counted(ours.steps, "step")
    part = "" if ours.steps == ours.steps_per_epoch else f", from {steps} of each turn"
    say.table(
        f"{title}{part}",
        rows,
        header=("", "seconds per epoch", "range", "relative to gaunt-md"),
    )
