"""Figures of what trajectories say of structure, diffusion and vibrations."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ...units import FS_TO_PS, THZ_TO_PER_CM
from ..geometry_statistics import Distribution
from ..radial import RadialDistribution
from ..transport import Diffusion
from ..vibrations import VibrationalSpectrum
from .style import GREY, paper_style, styles


def coordination_figure(distributions: Mapping[str, RadialDistribution]) -> Figure:
    """Draw g(r) of pairs by their names, and below the numbers of neighbours within r."""
    with paper_style():
        figure = Figure(figsize=(4.5, 4.2), layout="constrained")
        radial, neighbours = figure.subplots(2, sharex=True, height_ratios=(3, 2))
        for (name, found), (line, colour) in zip(distributions.items(), styles(), strict=False):
            radial.plot(found.distances, found.values, line, color=colour, label=name)
            neighbours.plot(found.distances, found.coordination, line, color=colour)
        radial.axhline(1.0, color=GREY, linewidth=0.6, zorder=0)
        radial.set_ylabel("Radial distribution $g(r)$")
        radial.set_ylim(bottom=0.0)
        radial.legend()
        neighbours.set_ylabel("Neighbours\nwithin $r$")
        neighbours.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        neighbours.set_xlabel("Distance $r$ (Å)")
        neighbours.set_xlim(0.0, max(found.distances[-1] for found in distributions.values()))
        shells = [found.coordination_number or 0.0 for found in distributions.values()]
        neighbours.set_ylim(0.0, max(2.5 * max(shells), 1.0) if any(shells) else None)
        figure.align_ylabels()
    return figure


def diffusion_figure(found: Mapping[str, Diffusion]) -> Figure:
    """Draw mean squared displacements by element, and the lines that were fitted."""
    with paper_style():
        figure = Figure(figsize=(4.5, 3.0), layout="constrained")
        axes = figure.add_subplot()
        for (name, motion), (line, colour) in zip(found.items(), styles(), strict=False):
            axes.plot(FS_TO_PS * motion.lags, motion.displacements, line, color=colour, label=name)
            inside = (motion.lags >= motion.fitted[0]) & (motion.lags <= motion.fitted[1])
            fit = np.polyfit(motion.lags[inside], motion.displacements[inside], 1)
            ends = np.array(motion.fitted)
            axes.plot(FS_TO_PS * ends, np.polyval(fit, ends), color="0.4", linewidth=0.8, zorder=3)
        axes.set_xlabel("Time (ps)")
        axes.set_ylabel("Mean squared displacement (Å$^2$)")
        axes.set_xlim(left=0.0)
        axes.set_ylim(bottom=0.0)
        axes.legend(title="grey: fits", title_fontsize=7)
    return figure


def spectrum_figure(spectrum: VibrationalSpectrum, wavenumbers: bool = False) -> Figure:
    """Draw velocity autocorrelation and density of vibrational states.

    Parameters
    ----------
    spectrum : VibrationalSpectrum
    wavenumbers : bool
        Use 1/cm, as for molecules, in place of THz.
    """
    scale = THZ_TO_PER_CM if wavenumbers else 1.0
    densities = dict(spectrum.densities)
    if len(densities) == 2:
        del densities[next(name for name in densities if name != "all")]
    with paper_style():
        figure = Figure(figsize=(4.5, 4.2), layout="constrained")
        correlation, density = figure.subplots(2, height_ratios=(2, 3))
        correlation.plot(
            FS_TO_PS * spectrum.lags, spectrum.autocorrelation, color=next(styles())[1]
        )
        correlation.axhline(0.0, color=GREY, linewidth=0.6, zorder=0)
        correlation.set_xlabel("Time (ps)")
        correlation.set_ylabel("Velocity\nautocorrelation")
        correlation.set_xlim(0.0, FS_TO_PS * spectrum.lags[-1])
        for (name, values), (line, colour) in zip(densities.items(), styles(), strict=False):
            density.plot(
                scale * spectrum.frequencies, values / scale, line, color=colour, label=name
            )
        total = np.cumsum(spectrum.densities["all"])
        last = spectrum.frequencies[min(np.searchsorted(total, 0.995 * total[-1]), len(total) - 1)]
        density.set_xlim(0.0, scale * min(1.15 * last, spectrum.highest_frequency))
        density.set_ylim(bottom=0.0)
        density.set_xlabel("Wavenumber (1/cm)" if wavenumbers else "Frequency (THz)")
        density.set_ylabel("Vibrational states\n" + ("(cm)" if wavenumbers else "(1/THz)"))
        if len(densities) > 1:
            density.legend()
    return figure


def geometry_figure(
    lengths: Mapping[str, Distribution], angles: Mapping[str, Distribution]
) -> Figure:
    """Draw distributions of bond lengths and bond angles."""
    with paper_style():
        figure = Figure(figsize=(6.4, 2.9), layout="constrained")
        left, right = figure.subplots(1, 2)
        _draw(left, lengths, "Bond length (Å)", "Density (1/Å)")
        _draw(right, angles, "Bond angle (degrees)", "Density (1/degree)")
    return figure


def _draw(axes: Axes, found: Mapping[str, Distribution], x: str, y: str) -> None:
    for (name, one), (line, colour) in zip(found.items(), styles(), strict=False):
        axes.plot(one.centres, one.density, line, color=colour, label=name)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_ylim(bottom=0.0)
    if found:
        axes.legend(fontsize=7)
