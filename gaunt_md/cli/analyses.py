"""What `gaunt-md analyse` can compute: each analysis writes a figure and tables, and sums up."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..simulate.trajectory import Trajectory


class Analysis(StrEnum):
    """What can be computed."""

    RADIAL = "radial"
    GEOMETRY = "geometry"
    DIFFUSION = "diffusion"
    VIBRATIONS = "vibrations"


@dataclass(frozen=True)
class AnalysisOptions:
    """How finely and how far to look."""

    bin_width: Annotated[float, typer.Option(help="Width of the bins of g(r), Å.")] = 0.05
    r_max: Annotated[
        float | None,
        typer.Option(help="Largest distance of g(r), Å.", show_default="half the smallest width"),
    ] = None
    longest_bond: Annotated[
        float | None,
        typer.Option(help="Longest bond, Å.", show_default="1.25 times the sum of covalent radii"),
    ] = None
    resolution: Annotated[
        float, typer.Option(help="Resolution of the vibrational spectrum, THz.")
    ] = 1.0


def _radial(run: Trajectory, folder: Path, options: AnalysisOptions) -> dict[str, Any]:
    from ..simulate.figures import coordination_figure, save
    from ..simulate.radial import radial_distribution, radial_distributions
    from ..simulate.tables import write_columns

    width, r_max = options.bin_width, options.r_max
    found = radial_distributions(run, width, r_max=r_max)
    if len(found) > 1:
        found = {"all": radial_distribution(run, width, r_max=r_max), **found}
    columns = {"distance_A": next(iter(found.values())).distances}
    for name, one in found.items():
        columns |= {f"g_{name}": one.values, f"neighbours_{name}": one.coordination}
    write_columns(folder / "radial.csv", columns)
    save(coordination_figure(found), folder / "radial.png")
    return {
        name: {
            "highest_at_A": float(one.distances[one.values.argmax()]),
            "first_minimum_A": one.first_minimum,
            "coordination_number": one.coordination_number,
        }
        for name, one in found.items()
    }


def _geometry(run: Trajectory, folder: Path, options: AnalysisOptions) -> dict[str, Any]:
    from ..simulate.figures import geometry_figure, save
    from ..simulate.geometry_statistics import bond_geometry
    from ..simulate.tables import write_columns

    lengths, angles = bond_geometry(run, options.longest_bond)
    for kind, unit, found in (("bond", "A", lengths), ("angle", "degrees", angles)):
        for name, one in found.items():
            write_columns(
                folder / f"{kind}-{name}.csv",
                {f"{kind}_{unit}": one.centres, f"density_per_{unit}": one.density},
            )
    save(geometry_figure(lengths, angles), folder / "geometry.png")
    return {
        f"{kind}s": {
            name: {f"mean_{unit}": one.mean, f"spread_{unit}": one.spread, "count": one.count}
            for name, one in found.items()
        }
        for kind, unit, found in (("bond", "A", lengths), ("angle", "degrees", angles))
    }


def _diffusion(run: Trajectory, folder: Path, _options: AnalysisOptions) -> dict[str, Any]:
    from ..simulate.figures import diffusion_figure, save
    from ..simulate.tables import write_columns
    from ..simulate.transport import diffusion

    names = sorted(set(run.frames[0].get_chemical_symbols()))
    found = {name: diffusion(run, name) for name in names}
    columns = {"time_fs": found[names[0]].lags}
    columns |= {f"displacement_{name}_A2": one.displacements for name, one in found.items()}
    write_columns(folder / "diffusion.csv", columns)
    save(diffusion_figure(found), folder / "diffusion.png")
    return {
        name: {
            "coefficient_cm2_per_s": one.coefficient,
            "error_cm2_per_s": one.error,
            "fitted_fs": list(one.fitted),
            "farthest_A": float(one.displacements.max() ** 0.5),
        }
        for name, one in found.items()
    }


def _vibrations(run: Trajectory, folder: Path, options: AnalysisOptions) -> dict[str, Any]:
    from ..simulate.figures import save, spectrum_figure
    from ..simulate.tables import write_columns
    from ..simulate.transport import equal_interval
    from ..simulate.vibrations import vibrational_spectrum
    from ..units import THZ_TO_PER_CM

    found = vibrational_spectrum(run, options.resolution)
    write_columns(
        folder / "velocity-autocorrelation.csv",
        {"time_fs": found.lags, "autocorrelation": found.autocorrelation},
    )
    densities = {f"states_{name}_per_THz": values for name, values in found.densities.items()}
    write_columns(
        folder / "vibrations.csv",
        {
            "frequency_THz": found.frequencies,
            "wavenumber_per_cm": THZ_TO_PER_CM * found.frequencies,
            **densities,
        },
    )
    molecule = not run.frames[0].pbc.any()
    save(spectrum_figure(found, wavenumbers=molecule), folder / "vibrations.png")
    whole = found.densities["all"]
    upper = whole[found.frequencies > 0.9 * found.highest_frequency]
    return {
        "highest_peak_THz": float(found.frequencies[whole.argmax()]),
        "highest_resolved_THz": found.highest_frequency,
        "frame_interval_fs": equal_interval(run),
        # States up to the very end are those of faster motion, folded back.
        "folded": bool(upper.mean() > 0.02 * whole.max()),
    }


WORK = {
    Analysis.RADIAL: _radial,
    Analysis.GEOMETRY: _geometry,
    Analysis.DIFFUSION: _diffusion,
    Analysis.VIBRATIONS: _vibrations,
}
"""What each analysis does with a trajectory: files into a folder, results for programs."""
