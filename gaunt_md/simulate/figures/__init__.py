"""Figures of results, drawn as for a paper; nothing global in matplotlib is changed."""

from .analysis import (
    coordination_figure,
    diffusion_figure,
    geometry_figure,
    spectrum_figure,
)
from .dynamics import dynamics_figure, radial_figure, thermodynamics_figure
from .elasticity import elasticity_figure, equation_of_state_figure
from .phonons import ReferenceFrequencies, band_figure, expansion_figure, thermal_figure
from .style import save

__all__ = [
    "ReferenceFrequencies",
    "band_figure",
    "coordination_figure",
    "diffusion_figure",
    "dynamics_figure",
    "elasticity_figure",
    "equation_of_state_figure",
    "expansion_figure",
    "geometry_figure",
    "radial_figure",
    "save",
    "spectrum_figure",
    "thermal_figure",
    "thermodynamics_figure",
]
