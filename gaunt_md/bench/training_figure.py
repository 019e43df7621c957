"""The figure of `gaunt-md bench train`."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from ..simulate.figures.style import BLUE, RED, paper_style
from .training import OURS, TrainingResult


def training_figure(results: Sequence[TrainingResult], title: str, machine: str) -> Figure:
    """Draw the time of an epoch, and how many times ours it is."""
    ours = results[0].seconds_per_epoch
    with paper_style():
        figure = Figure(figsize=(4.5, 0.45 * len(results) + 1.3), layout="constrained")
        axes = figure.subplots()
        for row, one in enumerate(reversed(results)):
            time = one.seconds_per_epoch
            axes.barh(row, time, color=BLUE if one.name == OURS else RED, height=0.6)
            ratio = "" if one.name == OURS else f"  ({time / ours:.1f}×)"
            axes.text(time, row, f" {time:.3g} s{ratio}", va="center", fontsize=8)
        axes.set_yticks(range(len(results)), [one.name for one in reversed(results)])
        axes.tick_params(axis="y", length=0)
        axes.set_xlim(0.0, 1.3 * max(one.seconds_per_epoch for one in results))
        axes.set_xlabel("Time of an epoch (s)")
        figure.suptitle(title, fontsize=8.5)
        figure.supxlabel(machine, fontsize=5, color="0.45", x=0.99, ha="right")
    return figure
