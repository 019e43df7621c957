"""Figures of phonons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..phonons import Phonons
from .style import BLUE, GREY, RED, paper_style


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


def band_figure(phonons: Phonons, name: str, reference: ReferenceFrequencies) -> Figure:
    """Draw phonon bands as lines, called ``name``, and reference frequencies as markers."""
    with paper_style():
        figure = Figure(figsize=(4.5, 3.4), layout="constrained")
        axes = figure.add_subplot()
        for segment in phonons.bands:
            lines = axes.plot(segment.distances, segment.frequencies, color=BLUE)
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
            color=RED,
            label=reference.name,
            clip_on=False,
            zorder=3,
        )
        for position in corners:
            axes.axvline(position, color=GREY, linewidth=0.6, zorder=0)
        axes.axhline(0.0, color=GREY, linewidth=0.6, zorder=0)
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
