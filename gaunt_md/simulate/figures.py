"""Figures of results, drawn as for a paper; nothing global in matplotlib is changed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..units import EV_TO_MEV
from .compare import POSITION_BOUND, compare_trajectories
from .phonons import Phonons
from .trajectory import Trajectory

_STYLE = {
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
    beside = path.with_name(f".{path.name}")
    figure.savefig(beside, dpi=300, format="png")
    os.replace(beside, path)


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
        Trajectories from the same start, by the name the legend gives them.
    """
    panels = 2 if len(runs) == 1 else 3
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(4.5, 1.0 + 1.4 * panels), layout="constrained")
        axes = figure.subplots(panels, sharex=True)
        _draw_energies(axes[0], runs)
        _draw_departures(axes[1], runs)
        if panels == 3:
            _draw_differences(axes[2], runs)
        axes[-1].set_xlabel("Time (fs)")
        axes[-1].set_xlim(0.0, max(run.times[-1] for run in runs.values()))
        figure.align_ylabels()
    return figure


def _draw_energies(axes: Axes, runs: Mapping[str, Trajectory]) -> None:
    first = next(iter(runs.values()))
    atoms = len(first.frames[0])
    for label, energies, colour in (
        ("potential", first.potential_energies - first.potential_energies[0], _BLUE),
        ("kinetic", first.kinetic_energies, _RED),
        ("total", first.total_energies - first.potential_energies[0], _GREEN),
    ):
        axes.plot(first.times, EV_TO_MEV * energies / atoms, color=colour, label=label)
    axes.set_ylabel("Energy\n(meV/atom)")
    axes.legend(ncols=3, loc="lower right")


def _draw_departures(axes: Axes, runs: Mapping[str, Trajectory]) -> None:
    for style, colour, (name, run) in zip(("-", "--", ":"), _COLOURS, runs.items(), strict=False):
        departures = EV_TO_MEV * (run.total_energies - run.total_energies[0])
        axes.plot(run.times, departures / len(run.frames[0]), style, color=colour, label=name)
    axes.axhline(0.0, color="0.75", linewidth=0.6, zorder=0)
    axes.set_ylabel("Total energy $-$ start\n(meV/atom)")
    axes.legend(ncols=3)


def _draw_differences(axes: Axes, runs: Mapping[str, Trajectory]) -> None:
    (name, first), *others = runs.items()
    for style, colour, (other, run) in zip(("--", ":"), _COLOURS[1:], others, strict=False):
        distances = compare_trajectories(first, run).distances
        axes.semilogy(run.times[1:], distances[1:], style, color=colour, label=f"{other} and {name}")
    axes.axhline(POSITION_BOUND, color="0.5", linewidth=0.8)
    axes.annotate("bound", (0.01, POSITION_BOUND), xycoords=("axes fraction", "data"), va="bottom")
    axes.set_ylabel("Largest difference\nof positions (Å)")
    axes.legend(loc="lower right")
