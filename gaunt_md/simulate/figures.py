"""Figures of results, drawn as for a paper; nothing global in matplotlib is changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..files import written_beside
from ..units import EV_TO_MEV
from .analysis import RadialDistribution
from .compare import POSITION_BOUND, compare_trajectories
from .phonons import Phonons
from .trajectory import Trajectory

_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.2,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
}
_BLUE, _RED, _GREEN = _COLOURS = ("#1f4e79", "#c8553d", "#4f8a5b")
_LINES = ("-", "--", ":")


@dataclass(frozen=True)
class ReferenceFrequencies:
    """Phonon frequencies to compare with.

    Attributes
    ----------
    name : str
        What the legend calls them.
    frequencies : mapping of str to tuple of float
        Frequencies in THz by the name of the point of the Brillouin zone.
    """

    name: str
    frequencies: Mapping[str, tuple[float, ...]]


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG."""
    with written_beside(path) as beside:
        figure.savefig(beside, dpi=300, format="png")


def band_figure(phonons: Phonons, name: str, reference: ReferenceFrequencies) -> Figure:
    """Draw phonon bands as lines, called ``name``, and reference frequencies as markers."""
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(4.5, 3.4), layout="constrained")
        axes = figure.add_subplot()
        for segment in phonons.bands:
            lines = axes.plot(segment.distances, segment.frequencies, color=_BLUE)
        lines[0].set_label(name)
        corners = _corners(phonons)
        axes.plot(
            *np.transpose(
                [
                    (position, frequency)
                    for position, names in corners.items()
                    for point in names
                    for frequency in reference.frequencies.get(point, ())
                ]
            ),
            linestyle="",
            marker="o",
            markersize=4.5,
            markerfacecolor="none",
            color=_RED,
            label=reference.name,
            clip_on=False,
            zorder=3,
        )
        for position in corners:
            axes.axvline(position, color="0.75", linewidth=0.6, zorder=0)
        axes.axhline(0.0, color="0.75", linewidth=0.6, zorder=0)
        axes.set_xticks(list(corners), ["|".join(names) for names in corners.values()])
        axes.tick_params(axis="x", length=0)
        axes.set_xlim(min(corners), max(corners))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylabel("Frequency (THz)")
        figure.legend(loc="outside upper center", ncols=2)
    return figure


def _corners(phonons: Phonons) -> dict[float, list[str]]:
    """Return the points of the path by position; where the path jumps there are two."""
    corners: dict[float, list[str]] = {}
    for segment in phonons.bands:
        for position, name in (
            (segment.distances[0], segment.start),
            (segment.distances[-1], segment.end),
        ):
            names = corners.setdefault(float(position), [])
            if name not in names:
                names.append(name)
    return corners


def dynamics_figure(runs: Mapping[str, Trajectory]) -> Figure:
    """Draw energies, energy conservation and, of several runs, their difference from the first.

    Parameters
    ----------
    runs : mapping of str to Trajectory
        Up to three trajectories from the same start, by the name the legend gives them.
    """
    panels = 2 if len(runs) == 1 else 3
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(4.5, 1.7 * panels), layout="constrained")
        axes = figure.subplots(panels, sharex=True)
        _draw_energies(axes[0], next(iter(runs.values())))
        _draw_departures(axes[1], runs)
        if panels == 3:
            _draw_differences(axes[2], runs)
        for panel in axes:
            panel.legend(loc="lower center", bbox_to_anchor=(0.5, 0.97), ncols=3)
        axes[-1].set_xlabel("Time (fs)")
        axes[-1].set_xlim(0.0, max(run.times[-1] for run in runs.values()))
        figure.align_ylabels()
    return figure


def _draw_energies(axes: Axes, run: Trajectory) -> None:
    start = run.potential_energies[0]
    for label, energies, colour in (
        ("potential, from its start", run.potential_energies - start, _BLUE),
        ("kinetic", run.kinetic_energies, _RED),
        ("sum", run.total_energies - start, _GREEN),
    ):
        axes.plot(run.times, EV_TO_MEV * energies / len(run.frames[0]), color=colour, label=label)
    axes.set_ylabel("Energy\n(meV/atom)")


def _draw_departures(axes: Axes, runs: Mapping[str, Trajectory]) -> None:
    for (name, run), style, colour in zip(runs.items(), _LINES, _COLOURS, strict=False):
        departures = EV_TO_MEV * (run.total_energies - run.total_energies[0])
        axes.plot(run.times, departures / len(run.frames[0]), style, color=colour, label=name)
    axes.axhline(0.0, color="0.75", linewidth=0.6, zorder=0)
    axes.set_ylabel("Change of total\nenergy (meV/atom)")


def _draw_differences(axes: Axes, runs: Mapping[str, Trajectory]) -> None:
    (reference, first), *others = runs.items()
    for (name, run), style, colour in zip(others, _LINES[1:], _COLOURS[1:], strict=False):
        distances = compare_trajectories(first, run).distances
        axes.semilogy(run.times[1:], distances[1:], style, color=colour, label=name)
    axes.axhline(POSITION_BOUND, color="0.5", linewidth=0.8, label="bound")
    axes.set_ylabel(f"Positions: difference\nfrom {reference} (Å)")


def radial_figure(distributions: Mapping[str, RadialDistribution]) -> Figure:
    """Draw up to three radial distribution functions by the name the legend gives them."""
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(4.5, 2.6), layout="constrained")
        axes = figure.add_subplot()
        for (name, found), style, colour in zip(
            distributions.items(), _LINES, _COLOURS, strict=False
        ):
            axes.plot(found.distances, found.values, style, color=colour, label=name)
        axes.axhline(1.0, color="0.75", linewidth=0.6, zorder=0)
        axes.set_xlabel("Distance (Å)")
        axes.set_ylabel("Radial distribution $g(r)$")
        axes.set_xlim(0.0, max(found.distances[-1] for found in distributions.values()))
        axes.set_ylim(bottom=0.0)
        axes.legend(loc="upper left")
    return figure
