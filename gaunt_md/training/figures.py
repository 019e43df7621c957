"""Pictures of a training: the learning curve, and predictions against labels."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, MaxNLocator

from ..files import write_whole
from ..units import EV_PER_CUBIC_ANGSTROM_TO_GPA, EV_TO_MEV

if TYPE_CHECKING:
    from .evaluate import Comparison


def plot_learning_curve(history: list[dict[str, float | None]], path: Path) -> None:
    """Draw loss and validation errors against the epoch, as PNG.

    Parameters
    ----------
    history : list of dict
        Rows of metrics.csv.
    path : Path
    """
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    _curve(left, history, "train_loss", "training, current weights")
    _curve(left, history, "validation_loss", "validation, averaged weights")
    left.set_ylabel("loss")
    _curve(right, history, "force_rmse_eV_per_A", "force RMSE, meV/Å", EV_TO_MEV)
    _curve(right, history, "energy_mae_meV_per_atom", "energy MAE, meV/atom")
    _curve(right, history, "stress_rmse_GPa", "stress RMSE, MPa", 1000)
    right.set_ylabel("validation error")
    for axes in (left, right):
        axes.set_xlabel("epoch")
        axes.set_yscale("log")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1, 0.4)))
        axes.grid(which="both", alpha=0.25)
        if axes.lines:
            axes.legend(fontsize=8)
    _save(figure, path)


def plot_parity(comparison: Comparison, path: Path, title: str) -> None:
    """Draw predictions against labels, as PNG.

    Energies are shown relative to the mean label, per atom.
    """
    panels = [
        ("energy, eV/atom", comparison.energies - comparison.energies[:, :1].mean(), "eV/atom"),
        ("force component, eV/Å", comparison.forces, "eV/Å"),
        ("stress component, GPa", comparison.stresses * EV_PER_CUBIC_ANGSTROM_TO_GPA, "GPa"),
    ]
    panels = [panel for panel in panels if len(panel[1])]
    figure = Figure(figsize=(3.6 * len(panels), 3.9), layout="constrained")
    figure.suptitle(title)
    for axes, (name, pairs, unit) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
    ):
        rmse = ((pairs[:, 1] - pairs[:, 0]) ** 2).mean() ** 0.5
        ends = [pairs.min(), pairs.max()]
        axes.plot(ends, ends, color="0.6", linewidth=1)
        axes.scatter(pairs[:, 0], pairs[:, 1], s=6, alpha=0.5, linewidths=0, rasterized=True)
        axes.set_title(f"RMSE {rmse:.3g} {unit}", fontsize=9)
        axes.set_xlabel(f"reference {name}")
        axes.set_ylabel(f"predicted {name}")
        axes.set_aspect("equal", adjustable="datalim")
    _save(figure, path)


def _curve(
    axes: Any, history: list[dict[str, float | None]], key: str, label: str, factor: float = 1.0
) -> None:
    points = [(row["epoch"], value * factor) for row in history if (value := row.get(key))]
    if points:
        marker = "o" if len(points) == 1 else None
        axes.plot(*zip(*points, strict=True), label=label, linewidth=1.3, marker=marker)


def _save(figure: Figure, path: Path) -> None:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=130)
    write_whole(path, content.getvalue())
