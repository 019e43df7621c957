"""The figure of `gaunt-md bench md`."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from ..simulate.figures.style import BLUE, GREEN, GREY, RED, paper_style
from ..words import counted
from .dynamics import LAMMPS
from .md import COMPARISON, PARALLEL, SIZES, Result


def md_figure(results: Sequence[Result], machine: str) -> Figure:
    """Draw time per atom and step of all contenders and, if measured, against size and cores."""
    comparison = [one for one in results if one.section == COMPARISON]
    sizes = [one for one in results if one.section == SIZES]
    parallel = [one for one in results if one.section == PARALLEL]
    widths = [3.4, *([2.6] if sizes else []), *([1.7] if parallel else [])]
    with paper_style():
        figure = Figure(
            figsize=(sum(widths) + 2.0, max(2.6, 0.26 * len(comparison) + 1.1)),
            layout="constrained",
        )
        panels = list(figure.subplots(1, len(widths), squeeze=False, width_ratios=widths)[0])
        _draw_comparison(panels[0], comparison)
        if sizes:
            _draw_sizes(panels[1], sizes)
        if parallel:
            _draw_parallel(panels[-1], parallel)
        figure.supxlabel(machine, fontsize=5.5, color="0.45", x=0.995, ha="right")
    return figure


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _colour(result: Result) -> str:
    if not result.ours:
        return RED
    return BLUE if result.program == LAMMPS else GREEN


def _draw_comparison(axes: Axes, results: Sequence[Result]) -> None:
    slowest_first = sorted(results, key=lambda one: -one.microseconds)
    times = [one.microseconds for one in slowest_first]
    below = [one.microseconds - min(one.times) for one in slowest_first]
    above = [max(one.times) - one.microseconds for one in slowest_first]
    axes.barh(
        range(len(times)),
        times,
        xerr=[below, above],
        error_kw={"elinewidth": 0.7, "ecolor": "0.3"},
        color=[_colour(one) for one in slowest_first],
        height=0.66,
    )
    axes.set_xscale("log")
    axes.set_xlim(0.6 * min(times), 3.5 * max(times))
    for row, one in enumerate(slowest_first):
        axes.text(1.15 * max(one.times), row, _number(one.microseconds), va="center", fontsize=7.5)
    axes.set_yticks(range(len(times)), [f"{one.name}, {one.program}" for one in slowest_first])
    axes.tick_params(axis="y", length=0, labelsize=8)
    axes.set_xlabel("Time per atom and step (µs)")
    axes.set_title(f"Silicon, {results[0].atoms} atoms, one core", fontsize=9)


def _draw_sizes(axes: Axes, results: Sequence[Result]) -> None:
    for program in dict.fromkeys(one.program for one in results):
        of_program = sorted(
            (one for one in results if one.program == program), key=lambda one: one.atoms
        )
        axes.plot(
            [one.atoms for one in of_program],
            [one.microseconds for one in of_program],
            "o-" if program == LAMMPS else "s--",
            markersize=4,
            color=_colour(of_program[0]),
            label=program,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    times = [one.microseconds for one in results]
    axes.yaxis.set_major_formatter("{x:g}")
    # Between whole powers of ten only where there are few of these.
    axes.yaxis.set_minor_formatter("{x:g}" if max(times) < 10 * min(times) else NullFormatter())
    axes.set_xlabel("Atoms")
    axes.set_ylabel("Time per atom and step (µs)")
    axes.set_title(results[0].name, fontsize=9)
    axes.legend()


def _draw_parallel(axes: Axes, results: Sequence[Result]) -> None:
    labels = [f"{counted(one.ranks, 'rank')}\n{counted(one.threads, 'thread')}" for one in results]
    medians = [results[0].microseconds / one.microseconds for one in results]
    fastest = [results[0].fastest_step / one.fastest_step for one in results]
    axes.bar(range(len(medians)), medians, color=BLUE, width=0.6, label="medians")
    axes.plot(fastest, "_", color=RED, markersize=16, label="fastest steps")
    for column, speed in enumerate(medians):
        axes.text(column, 0.05, f"{speed:.2f}", ha="center", fontsize=7.5, color="white")
    axes.axhline(2.0, color=GREY, linewidth=0.8, zorder=0)
    axes.legend(fontsize=6, loc="upper left")
    axes.set_xticks(range(len(medians)), labels, fontsize=6.5)
    axes.tick_params(axis="x", length=0)
    axes.set_ylim(0.0, 2.7)
    axes.set_ylabel("Throughput")
    axes.set_title(f"{results[0].atoms} atoms", fontsize=9)
