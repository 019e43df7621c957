"""`gaunt-md bench product`: the panels of the Gaunt product paper's Figure 1, on this machine.

What is different from the figure, and why: degrees are the highest l, everything is warmed up
before it is timed, modules are built outside, contenders take turns, convolutions have as many
edges per node as a solid, and equal paths are compared with equal paths.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import __version__
from ..files import write_whole
from ..sphere import GauntProduct
from ..sphere.selection import CROSSOVERS
from .contenders import (
    LAST_DEGREE_OF_DIRECT,
    OURS,
    case,
    convolution,
    interaction,
    many_body,
    random,
)
from .timing import Case, Measurement, measure


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
        degree = value if self.variable == "degree" else 2
        return max(8, round(self.nodes * min(1, (4 / max(degree, 1)) ** 3)))


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
                cases = panel.build(value, nodes, channels)
                measurements = measure(cases, rounds)
                yield Row(panel.name, panel.variable, value, nodes, measurements)


def growth(rows: Sequence[Row], contender: str, first: int, last: int) -> float | None:
    """Return p of time ∝ degree^p for feature interaction between two degrees; None if unknown."""
    times = {
        row.value: row.microseconds(contender)
        for row in rows
        if row.panel == "interaction" and contender in row.measurements
    }
    if first not in times or last not in times:
        return None
    return float(np.log(times[last] / times[first]) / np.log(last / first))


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
        "growth_of_fourier": growth(rows, f"{OURS}fourier", 6, 14),
        "rows": [asdict(row) for row in rows],
    }
    write_whole(path, json.dumps(content, indent=1).encode())


def measure_crossovers(channels: int, rounds: int, largest: int) -> list[tuple[str, int | None]]:
    """Return the fastest method up to each degree: [("grid", 20), ("fourier", None)].

    With forward and backward pass of a product of two functions to the same degree.
    """
    fastest: list[str] = []
    for degree in range(largest + 1):
        nodes = max(8, round(1000 * min(1, (4 / max(degree, 1)) ** 3)))
        torch.manual_seed(0)
        x, y = (random((nodes, (degree + 1) ** 2, channels)) for _ in range(2))
        methods = ["grid", "fourier"] + ["direct"] * (degree <= LAST_DEGREE_OF_DIRECT)
        cases = {
            method: case(GauntProduct(degree, degree, degree, method), x, y) for method in methods
        }
        times = measure(cases, rounds)
        fastest.append(min(methods, key=lambda method: times[method].training))
    table: list[tuple[str, int | None]] = [
        (method, degree)
        for degree, method in enumerate(fastest[:-1])
        if fastest[degree + 1] != method
    ]
    return [*table, (fastest[-1], None)]


def write_crossovers(table: Sequence[tuple[str, int | None]]) -> None:
    """Put a measured table in the place from which method="auto" reads."""
    source = f"measured by `gaunt-md bench product --crossovers` on {processor()}, float32"
    content = {"source": source, "fastest_up_to_degree": table}
    write_whole(CROSSOVERS, (json.dumps(content, indent=2) + "\n").encode())


def processor() -> str:
    """Return the name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
