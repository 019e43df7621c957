"""Figures of phonons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..phonon_statistics import DensityOfStates, ThermalProperties
from ..phonons import Phonons
from ..thermal_expansion import ThermalExpansion
from .style import BLUE, GREEN, GREY, LINES, RED, paper_style


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


def band_figure(
    phonons: Phonons,
    name: str,
    reference: ReferenceFrequencies | None = None,
    *,
    density: bool = False,
) -> Figure:
    """Draw phonon bands as lines, called ``name``, and reference frequencies as markers.

    With ``density``, the density of states stands beside them.
    """
    with paper_style():
        figure = Figure(figsize=(5.6 if density else 4.5, 3.4), layout="constrained")
        axes, *beside = figure.subplots(
            1,
            2 if density else 1,
            sharey=True,
            squeeze=False,
            width_ratios=[3.2, 1.0] if density else None,
        )[0]
        for segment in phonons.bands:
            lines = axes.plot(segment.distances, segment.frequencies, color=BLUE)
        lines[0].set_label(name)
        corners = _corners(phonons)
        if reference is not None:
            _draw_reference(axes, corners, reference)
        for position in corners:
            axes.axvline(position, color=GREY, linewidth=0.6, zorder=0)
        axes.axhline(0.0, color=GREY, linewidth=0.6, zorder=0)
        axes.set_xticks(list(corners), ["|".join(names) for names in corners.values()])
        axes.tick_params(axis="x", length=0)
        axes.set_xlim(min(corners), max(corners))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylabel("Frequency (THz)")
        if density:
            limits = axes.get_ylim()
            _draw_density(beside[0], phonons.density_of_states)
            axes.set_ylim(limits)
        figure.legend(loc="outside upper center", ncols=2)
    return figure


def _draw_reference(
    axes: Axes, corners: dict[float, list[str]], reference: ReferenceFrequencies
) -> None:
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
        color=RED,
        label=reference.name,
        clip_on=False,
        zorder=3,
    )


def _draw_density(axes: Axes, density: DensityOfStates) -> None:
    axes.plot(density.values, density.frequencies, color=BLUE)
    axes.fill_betweenx(density.frequencies, density.values, color=BLUE, alpha=0.15, linewidth=0)
    axes.axhline(0.0, color=GREY, linewidth=0.6, zorder=0)
    axes.set_xlim(left=0.0)
    # The zero would stand beside the last point of the path.
    axes.xaxis.set_major_locator(MaxNLocator(3, prune="lower"))
    axes.set_xlabel("States/THz")


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


def thermal_figure(properties: ThermalProperties) -> Figure:
    """Draw free energy, entropy and heat capacity against temperature."""
    with paper_style():
        figure = Figure(figsize=(4.5, 4.4), layout="constrained")
        energy, rest = figure.subplots(2, sharex=True)
        energy.plot(properties.temperatures, properties.free_energies, color=BLUE)
        energy.axhline(0.0, color=GREY, linewidth=0.6, zorder=0)
        energy.set_ylabel("Free energy of the\nvibrations (kJ/mol)")
        for label, values, line, colour in (
            ("heat capacity", properties.heat_capacities, LINES[0], RED),
            ("entropy", properties.entropies, LINES[1], GREEN),
        ):
            rest.plot(properties.temperatures, values, line, color=colour, label=label)
        rest.set_ylabel("Heat capacity, entropy\n(J/K/mol)")
        rest.set_ylim(bottom=0.0)
        rest.legend(loc="lower right")
        rest.set_xlabel("Temperature (K)")
        rest.set_xlim(properties.temperatures[0], properties.temperatures[-1])
        figure.align_ylabels()
    return figure


def expansion_figure(expansion: ThermalExpansion) -> Figure:
    """Draw thermal expansion, volume and bulk modulus against temperature."""
    with paper_style():
        figure = Figure(figsize=(4.5, 5.2), layout="constrained")
        panels = figure.subplots(3, sharex=True)
        for axes, values, label in zip(
            panels,
            (1e6 * expansion.expansion, expansion.equilibrium_volumes, expansion.bulk_moduli),
            (
                "Volumetric expansion\n($10^{-6}$/K)",
                "Volume (Å$^3$ per\nprimitive cell)",
                "Bulk modulus\n(GPa)",
            ),
            strict=True,
        ):
            axes.plot(expansion.temperatures, values, color=BLUE)
            axes.set_ylabel(label)
        panels[0].axhline(0.0, color=GREY, linewidth=0.6, zorder=0)
        panels[-1].set_xlabel("Temperature (K)")
        panels[-1].set_xlim(expansion.temperatures[0], expansion.temperatures[-1])
        figure.align_ylabels()
    return figure
