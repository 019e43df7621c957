"""The figure of `gaunt-md bench profile`."""

from __future__ import annotations

from matplotlib.figure import Figure

from ..simulate.figures.style import BLUE, GREEN, GREY, paper_style
from .ceilings import Ceilings
from .stages import Profile


def profile_figure(found: Profile, title: str, ceilings: Ceilings, machine: str) -> Figure:
    """Draw the part of each stage, with its rate of arithmetic in units of the core's peak."""
    stages = list(reversed(found.stages))
    with paper_style():
        figure = Figure(figsize=(5.5, 0.26 * len(stages) + 1.2), layout="constrained")
        axes = figure.subplots()
        for row, stage in enumerate(stages):
            kernel = stage.gigaflops is not None
            backward = stage.name.endswith("gradient")
            colour = GREEN if kernel and backward else BLUE if kernel else GREY
            axes.barh(row, 100 * stage.share, color=colour, height=0.66)
            rate = ""
            if stage.gigaflops is not None:
                part = 100 * stage.gigaflops / ceilings.gigaflops
                rate = f"   {stage.gigaflops:.0f} GFLOP/s ({part:.0f} %)"
            label = f" {100 * stage.share:.1f} %{rate}"
            axes.text(100 * stage.share, row, label, va="center", fontsize=7)
        axes.set_yticks(range(len(stages)), [stage.name for stage in stages])
        axes.tick_params(axis="y", length=0, labelsize=8)
        axes.set_xlim(0.0, 230 * max(stage.share for stage in stages))  # room for the words
        axes.set_xticks([tick for tick in axes.get_xticks() if 0 <= tick <= 100])
        axes.set_xlabel("Part of a step (%); in brackets, of the peak")
        figure.suptitle(title, fontsize=8.5)
        figure.supxlabel(machine, fontsize=5, color="0.45", x=0.99, ha="right")
    return figure
