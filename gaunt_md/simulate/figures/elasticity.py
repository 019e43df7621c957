"""Figures of elasticity and the equation of state."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ...units import EV_TO_MEV
from ..elasticity import Elasticity
from ..equation_of_state import EquationOfState
from .style import BLUE, COLOURS, GREY, LINES, RED, paper_style


def elasticity_figure(elasticity: Elasticity) -> Figure:
    """Draw the stress of the strained cells, and Young's modulus by direction in three planes."""
    with paper_style():
        figure = Figure(figsize=(6.4, 3.2), layout="constrained")
        grid = figure.add_gridspec(1, 2)
        _draw_stresses(figure.add_subplot(grid[0]), elasticity)
        _draw_young(figure.add_subplot(grid[1], projection="polar"), elasticity)
    return figure


def _draw_stresses(axes: Axes, elasticity: Elasticity) -> None:
    """Draw each strain's own stress as markers and the tensor's slope as a line."""
    markers = "os^Dv<"
    for kind, name in enumerate(("xx", "yy", "zz", "yz", "xz", "xy")):
        strains, stresses = elasticity.strains[kind], elasticity.stresses[kind, :, kind]
        colour = COLOURS[kind % 3]
        filled = colour if kind < 3 else "none"
        axes.plot(
            *(100.0 * strains, stresses, markers[kind]),
            color=colour,
            markerfacecolor=filled,
            markersize=4.0 + 1.5 * (2 - kind % 3),
            label=name,
        )
        ends = np.array([strains.min(), strains.max()])
        slope = elasticity.tensor[kind, kind]
        axes.plot(100.0 * ends, slope * ends, LINES[kind // 3], color=colour, linewidth=0.8)
    axes.axhline(0.0, color=GREY, linewidth=0.6, zorder=0)
    axes.set_xlabel("Strain (%), shear as $2\\epsilon$")
    axes.set_ylabel("Stress of the same component (GPa)")
    axes.legend(ncols=2)


def _draw_young(axes: Any, elasticity: Elasticity) -> None:
    angles = np.linspace(0.0, 2.0 * np.pi, 361)
    for (name, first, second), line, colour in zip(
        (("xy", 0, 1), ("xz", 0, 2), ("yz", 1, 2)), LINES, COLOURS, strict=True
    ):
        directions = np.zeros((len(angles), 3))
        directions[:, first], directions[:, second] = np.cos(angles), np.sin(angles)
        axes.plot(angles, elasticity.young_along(directions), line, color=colour, label=name)
    axes.set_ylim(bottom=0.0)
    axes.set_xticks(np.pi / 2.0 * np.arange(4))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.tick_params(labelsize=7)
    axes.grid(color=GREY, linewidth=0.5)
    axes.set_title("Young's modulus (GPa)", fontsize=9)
    axes.legend(loc="lower right", bbox_to_anchor=(1.18, -0.14))


def equation_of_state_figure(equation: EquationOfState) -> Figure:
    """Draw energies against volume, and the curve of Birch and Murnaghan through them."""
    atoms = len(equation.structures[0])
    with paper_style():
        figure = Figure(figsize=(4.5, 3.2), layout="constrained")
        axes = figure.add_subplot()
        volumes = np.linspace(equation.volumes.min(), equation.volumes.max(), 200)
        curve = (equation.energies_at(volumes) - equation.energy) / atoms
        found = (equation.energies - equation.energy) / atoms
        axes.plot(volumes / atoms, EV_TO_MEV * curve, color=BLUE, label="Birch-Murnaghan")
        axes.plot(
            *(equation.volumes / atoms, EV_TO_MEV * found, "o"),
            color=RED,
            markerfacecolor="none",
            markersize=4.5,
            label="computed",
        )
        axes.axvline(equation.volume / atoms, color=GREY, linewidth=0.6, zorder=0)
        axes.set_xlabel("Volume (Å$^3$/atom)")
        axes.set_ylabel("Energy from the minimum (meV/atom)")
        axes.set_title(f"bulk modulus {equation.bulk_modulus:.1f} GPa", fontsize=9)
        axes.legend()
    return figure
