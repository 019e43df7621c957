"""`gaunt-md bench product`: the panels of the Gaunt product paper's Figure 1, on this machine.

What is different from the figure, and why: degrees are the highest l, everything is warmed up
before it is timed, modules are built outside, contenders take turns, convolutions have as many
edges per node as a solid, and equal paths are compared with equal paths. Convolutions end at
degree 6 (12 in the figure) and MACE's contraction at 4 (6 there), beyond which they take minutes.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from .. import __version__
from ..files import write_whole
from .contenders import OURS, convolution, interaction, many_body, nodes_for
from .timing import Case, Measurement, measure, processor


@dataclass(frozen=True)
class Panel:
    """One comparison: name, title, what varies, its values, and how the cases are made."""

    name: str
    title: str
    variable: str
    values: Sequence[int]
    build: Callable[[int, int, int], dict[str, Case]]
    nodes: int

    def batch(self, value: int) -> int:
        """Return the number of nodes, fewer where a node takes much memory."""
        return nodes_for(value if self.variable == "degree" else 2, self.nodes)


PANELS = (
    Panel(
        name="interaction",
        title="Feature interaction",
        variable="degree",
        values=(1, 2, 3, 4, 6, 8, 10, 12, 14),
        build=interaction,
        nodes=1000,
    ),
    Panel(
        name="convolution",
        title="Convolution",
        variable="degree",
        values=(1, 2, 3, 4, 6),
        build=convolution,
        nodes=50,
    ),
    Panel(
        name="many_body",
        title="Product of three functions",
        variable="degree",
        values=(1, 2, 3, 4, 6),
        build=lambda degree, nodes, channels: many_body(degree, 3, nodes, channels),
        nodes=1000,
    ),
    Panel(
        name="factors",
        title="Products of functions of degree 2",
        variable="factors",
        values=(2, 3, 4, 5, 6, 7),
        build=lambda factors, nodes, channels: many_body(2, factors, nodes, channels),
        nodes=1000,
    ),
)


@dataclass(frozen=True)
class Row:
    """The measurements of one panel at one value of what varies there.

    Attributes
    ----------
    panel : str
    variable : str
        "degree" or "factors".
    value, nodes : int
    measurements : dict
        Of each contender, for all nodes together.
    """

    panel: str
    variable: str
    value: int
    nodes: int
    measurements: dict[str, Measurement]

    def microseconds(self, contender: str) -> float:
        """Time of forward and backward pass for one node."""
        return 1e3 * self.measurements[contender].training / self.nodes


def run(panels: Sequence[str], channels: int, rounds: int, largest: int) -> Iterator[Row]:
    """Measure panel by panel, up to the largest degree or number of factors."""
    for panel in PANELS:
        if panel.name not in panels:
            continue
        for value in panel.values:
            if value <= largest:
                nodes = panel.batch(value)
                torch.manual_seed(0)
                with warnings.catch_warnings(action="ignore"):  # of other packages, about torch
                    cases = panel.build(value, nodes, channels)
                measurements = measure(cases, rounds)
                yield Row(panel.name, panel.variable, value, nodes, measurements)


def growth_of_fourier(rows: Sequence[Row]) -> float | None:
    """Return p of time ∝ L^p for feature interaction from degree 6 to 14; None if not measured."""
    name = f"{OURS}fourier"
    times = {row.value: row.microseconds(name) for row in rows if row.panel == "interaction"}
    if 6 not in times or 14 not in times:
        return None
    return math.log(times[14] / times[6]) / math.log(14 / 6)


def write_result(rows: Sequence[Row], channels: int, path: Path) -> None:
    """Write everything measured, and where, as JSON."""
    content: dict[str, Any] = {
        "gaunt_md": __version__,
        "torch": torch.__version__,
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "dtype": "float32",
        "channels": channels,
        "units": {"forward": "ms", "training": "ms", "memory": "MB"},
        "growth_of_fourier": growth_of_fourier(rows),
        "rows": [asdict(row) for row in rows],
    }
    write_whole(path, json.dumps(content, indent=1).encode())
