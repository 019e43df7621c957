"""`gaunt-md bench md`: molecular dynamics beside other potentials."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..words import counted
from .options import OutputFolder, Overwrite, Peers, Turns
from .output import Output, results_folder

if TYPE_CHECKING:
    from ..bench.md import Result


def md(
    output: OutputFolder = Path("bench-md"),
    potential: Annotated[
        list[str] | None,
        typer.Option(
            help="Potential of gaunt-md that knows silicon: a file, or the name of a shipped one; "
            "may be repeated.",
            show_default="the shipped ones",
        ),
    ] = None,
    shape: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CHANNELS,HIDDEN_DEGREE,LAYERS",
            help="Untrained potential of this size (filter degree 3, three factors, 5 Å); may be "
            "repeated.",
            show_default="64,1,2 and 64,0,1 and 128,2,2, unless shipped",
        ),
    ] = None,
    peer: Peers = None,
    atoms: Annotated[
        int, typer.Option(min=8, help="Atoms of the comparison, a multiple of 8.")
    ] = 1000,
    steps: Annotated[
        int, typer.Option(min=1, help="Steps of a turn; larger structures get fewer.")
    ] = 30,
    rounds: Turns = 5,
    seconds: Annotated[
        float, typer.Option(min=0.0, help="Turns in ASE end early after this time, s.")
    ] = 15.0,
    scaling: Annotated[
        bool,
        typer.Option(
            "--scaling",
            help="Also time the first potential with two ranks and two threads at 4000 atoms, and "
            "at several sizes.",
        ),
    ] = False,
    size: Annotated[
        list[int] | None,
        typer.Option(
            help="Number of atoms, with time and memory; may be repeated, as --size 8 --size "
            "100000.",
            show_default="with --scaling: 8, 1000, 4000, 20000",
        ),
    ] = None,
    overwrite: Overwrite = False,
    *,
    say: Output,
) -> None:
    """Time silicon at 600 K on one core, in LAMMPS and ASE, beside SNAP and MACE.

    Contenders take turns; medians count. Writes md.json, md.png and the LAMMPS inputs.

    Example: gaunt-md bench md --scaling --peer mace=../mace-environment/bin/python
    """
    import torch

    from .. import lammps
    from ..bench import md as bench
    from ..bench.dynamics import absent_from_lammps
    from ..bench.installations import installed_peers
    from ..bench.machine import described, machine
    from ..bench.md_figure import md_figure
    from ..bench.silicon import hot_silicon
    from ..bench.untrained import Shape
    from ..simulate.figures import save
    from ..simulate.lammps_dynamics import find_program

    torch.set_num_threads(1)
    sizes = size or (list(bench.DEFAULT_SIZES) if scaling else [])
    for number in (atoms, *sizes):
        hot_silicon(number)  # refuses, before long work, what is no whole number of cells
    for name in potential or []:
        bench.check_potential(name)
    shapes = [Shape.parse(text) for text in shape or []]
    if not potential and not shapes:
        potential, shapes = bench.default_potentials()
    peers, absent = installed_peers(peer or [])
    with results_folder(output, overwrite=overwrite):
        absent += absent_from_lammps()
        if find_program("lmp") is not None:
            lammps.build()
        runs = output / "runs"
        runs.mkdir(exist_ok=True)
        here = machine() | {"peers": {one.peer.name: one.versions for one in peers}, "threads": 1}
        plan = bench.Plan(
            contenders=bench.find_contenders(potential or [], shapes, peers, runs),
            atoms=atoms,
            steps=steps,
            rounds=rounds,
            seconds=seconds,
            parallel=scaling,
            sizes=sizes,
        )
        results: list[Result] = []
        with say.progress() as progress:
            for results in bench.measure(plan, runs, progress):
                bench.write_result(output / "md.json", here, plan, absent, results)
        save(md_figure(results, described(here)), output / "md.png")
    _print(say, results, described(here), absent)
    if sentence := bench.disturbance(results):
        say.warn(sentence)
    say.line(f"written: {output / 'md.json'}, {output / 'md.png'}")
    say.json(json.loads((output / "md.json").read_text(encoding="utf-8")))


def _print(say: Output, results: list[Result], machine: str, absent: list[str]) -> None:
    from ..bench.md import COMPARISON, PARALLEL, SIZES

    sections = {
        name: [one for one in results if one.section == name]
        for name in (COMPARISON, PARALLEL, SIZES)
    }
    say.line(machine)
    _print_comparison(say, sections[COMPARISON])
    if sections[PARALLEL]:
        _print_parallel(say, sections[PARALLEL])
    if sections[SIZES]:
        _print_sizes(say, results, sections[SIZES])
    for sentence in absent:
        say.line(f"absent: {sentence}")


def _print_comparison(say: Output, results: list[Result]) -> None:
    from ..bench.dynamics import MACE, SNAP
    from ..bench.md import relative

    rows = []
    for one in results:
        of_snap, of_mace = relative(results, one, SNAP), relative(results, one, MACE)
        rows.append(
            (
                one.name,
                one.program,
                f"{one.microseconds:.1f}",
                f"{min(one.times):.1f}–{max(one.times):.1f}",
                f"{of_snap:.2f}" if of_snap else "–",
                f"{1 / of_mace:.1f}×" if of_mace else "–",
            )
        )
    say.table(
        f"Silicon, 600 K, {results[0].atoms} atoms, one core, {len(results[0].turns)} rounds",
        rows,
        header=(
            "",
            "program",
            "µs per atom and step",
            "range",
            "relative to SNAP",
            "faster than MACE",
        ),
    )


def _print_parallel(say: Output, results: list[Result]) -> None:
    rows = [
        (
            f"{counted(one.ranks, 'rank')}, {counted(one.threads, 'thread')}",
            f"{one.microseconds:.1f}",
            f"{results[0].microseconds / one.microseconds:.2f}×",
            f"{results[0].fastest_step / one.fastest_step:.2f}×",
        )
        for one in results
    ]
    say.table(
        f"{results[0].name} in LAMMPS, {results[0].atoms} atoms",
        rows,
        header=("", "µs per atom and step", "throughput", "of the fastest steps"),
    )


def _print_sizes(say: Output, results: list[Result], sizes: list[Result]) -> None:
    from ..bench.md import kilobytes_per_atom

    rows = []
    for one in sizes:
        per_atom = kilobytes_per_atom(results, one)
        rows.append(
            (
                f"{one.atoms} in {one.program}",
                f"{one.microseconds:.1f}",
                f"{one.milliseconds_per_step:.2f}",
                f"{one.fastest_step:.2f}",
                f"{one.peak_memory:.0f}" if one.peak_memory else "–",
                f"{per_atom:.1f}" if per_atom else "–",
            )
        )
    say.table(
        f"{sizes[0].name}, one core",
        rows,
        header=(
            "atoms",
            "µs per atom and step",
            "ms per step",
            "fastest step",
            "memory, MB",
            "kB per atom",
        ),
    )
