"""The figure of `gaunt-md bench product`."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from ..files import write_whole
from .contenders import MACE, OURS
from .peers import LAST_DEGREE_OF_MACE_TABLES
from .product import PANELS, Row, notes

_COLOURS = ("#0b6e99", "#2ca58d", "#8fb339", "#5b4b8a")
_OTHERS = {  # the same colour in every panel
    "e3nn TensorProduct": "#d1495b",
    "e3nn ToS2Grid, FromS2Grid": "#e98a7b",
    "cuequivariance": "#6b705c",
    MACE: "#edae49",
}


def plot_products(rows: Sequence[Row], path: Path, machine: str) -> None:
    """Draw time and memory for one node against degree or number of factors, as PNG."""
    panels = [panel for panel in PANELS if any(row.panel == panel.name for row in rows)]
    figure = Figure(figsize=(3.4 * len(panels) + 0.4, 7.0), layout="constrained")
    grid = figure.subplots(2, len(panels), squeeze=False, sharex="col")
    for column, panel in enumerate(panels):
        of_panel = [row for row in rows if row.panel == panel.name]
        names = list(dict.fromkeys(name for row in of_panel for name in row.measurements))
        ours = [name for name in names if name.startswith(OURS)]
        others = [name for name in names if not name.startswith(OURS)]
        styles = {name: (_COLOURS[i], "o", "-") for i, name in enumerate(ours)}
        styles |= {name: (_OTHERS[name], "s", "--") for name in others}
        for name in names:
            present = [row for row in of_panel if name in row.measurements]
            values = [row.value for row in present]
            colour, marker, line = styles[name]
            look = {"color": colour, "marker": marker, "linestyle": line, "markersize": 4.5}
            times = [row.microseconds(name) for row in present]
            memory = [1e3 * row.measurements[name].memory / row.nodes for row in present]
            grid[0, column].plot(values, times, label=_label(name, of_panel), **look)
            grid[1, column].plot(values, memory, **look)
        grid[0, column].set_title(panel.title, fontsize=10)
        lines, labels = grid[0, column].get_legend_handles_labels()
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.2)}
        grid[1, column].legend(lines, labels, fontsize=7, frameon=False, **below)
        grid[1, column].set_xlabel(
            "degree L (highest l)" if panel.variable == "degree" else "number of factors ν"
        )
    grid[0, 0].set_ylabel("forward + backward, µs per node")
    grid[1, 0].set_ylabel("memory, kB per node")
    for axes in grid.flat:
        axes.set_yscale("log")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.text(0.005, 0.0, machine, ha="left", va="bottom", fontsize=6, color="0.5")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=200)
    write_whole(path, buffer.getvalue())


def _label(name: str, of_panel: Sequence[Row]) -> str:
    if name == MACE and notes(of_panel):
        return f"{name} (random couplings at L > {LAST_DEGREE_OF_MACE_TABLES})"
    return name
