"""Figures of molecular dynamics."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...units import EV_TO_MEV
from ..compare import POSITION_BOUND, compare_trajectories
from ..radial import RadialDistribution
from ..thermodynamics import Thermodynamics
from ..trajectory import Trajectory
from .style import BLUE, COLOURS, GREEN, GREY, LINES, RED, paper_style


def dynamics_figure(runs: Mapping[str, Trajectory]) -> Figure:
    """Draw energies, energy conservation and, of several runs, their difference from the first.

    Parameters
    ----------
    runs : mapping of str to Trajectory
        Up to three trajectories from the same start, by the name the legend gives them.
    """
    panels = 2 if len(runs) == 1 else 3
    with paper_style():
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
        ("potential, from its start", run.potential_energies - start, BLUE),
        ("kinetic", run.kinetic_energies, RED),
        ("sum", run.total_energies - start, GREEN),
    ):
        axes.plot(run.times, EV_TO_MEV * energies / len(run.frames[0]), color=colour, label=label)
    axes.set_ylabel("Energy\n(meV/atom)")


def _draw_departures(axes: Axes, runs: Mapping[str, Trajectory]) -> None:
    for (name, run), style, colour in zip(runs.items(), LINES, COLOURS, strict=False):
        departures = EV_TO_MEV * (run.total_energies - run.total_energies[0])
        axes.plot(run.times, departures / len(run.frames[0]), style, color=colour, label=name)
    axes.axhline(0.0, color=GREY, linewidth=0.6, zorder=0)
    axes.set_ylabel("Change of total\nenergy (meV/atom)")


def _draw_differences(axes: Axes, runs: Mapping[str, Trajectory]) -> None:
    (reference, first), *others = runs.items()
    for (name, run), style, colour in zip(others, LINES[1:], COLOURS[1:], strict=False):
        distances = compare_trajectories(first, run).distances
        axes.semilogy(run.times[1:], distances[1:], style, color=colour, label=name)
    axes.axhline(POSITION_BOUND, color="0.5", linewidth=0.8, label="bound")
    axes.set_ylabel(f"Positions: difference\nfrom {reference} (Å)")


def radial_figure(distributions: Mapping[str, RadialDistribution]) -> Figure:
    """Draw up to three radial distribution functions by the name the legend gives them."""
    with paper_style():
        figure = Figure(figsize=(4.5, 2.6), layout="constrained")
        axes = figure.add_subplot()
        for (name, found), style, colour in zip(
            distributions.items(), LINES, COLOURS, strict=False
        ):
            axes.plot(found.distances, found.values, style, color=colour, label=name)
        axes.axhline(1.0, color=GREY, linewidth=0.6, zorder=0)
        axes.set_xlabel("Distance (Å)")
        axes.set_ylabel("Radial distribution $g(r)$")
        axes.set_xlim(0.0, max(found.distances[-1] for found in distributions.values()))
        axes.set_ylim(bottom=0.0)
        axes.legend(loc="upper left")
    return figure


def thermodynamics_figure(run: Thermodynamics) -> Figure:
    """Draw temperature, energies, pressure and volume of a run against time."""
    columns, atoms = run.columns, run.atoms
    panels = [
        ("Temperature\n(K)", [("", columns["temperature_K"])]),
        ("Energy from the\nstart (meV/atom)", _energies(columns, atoms)),
        ("Pressure\n(GPa)", [("", columns["pressure_GPa"])]),
    ]
    if np.ptp(columns["volume_A3"]) > 0.0:
        panels.append(("Volume\n(Å$^3$/atom)", [("", columns["volume_A3"] / atoms)]))
    panels = [panel for panel in panels if np.isfinite(panel[1][0][1]).any()]
    with paper_style():
        figure = Figure(figsize=(4.5, 1.5 * len(panels)), layout="constrained")
        axes = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
        for panel, (label, curves) in zip(axes, panels, strict=True):
            for (name, values), colour in zip(curves, COLOURS, strict=False):
                panel.plot(columns["time_ps"], values, color=colour, linewidth=0.9, label=name)
            panel.set_ylabel(label)
            if len(curves) > 1:
                panel.legend(loc="lower center", bbox_to_anchor=(0.5, 0.97), ncols=3)
        axes[-1].set_xlabel("Time (ps)")
        axes[-1].set_xlim(columns["time_ps"][0], max(columns["time_ps"][-1], 1e-3))
        figure.align_ylabels()
    return figure


def _energies(columns: Mapping[str, np.ndarray], atoms: int) -> list[tuple[str, np.ndarray]]:
    curves = []
    for name in ("potential", "total", "conserved"):
        values = columns[f"{name}_energy_eV"]
        if np.isfinite(values).any():
            curves.append((name, EV_TO_MEV * (values - values[0]) / atoms))
    return curves
