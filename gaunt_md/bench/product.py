"""`gaunt-md bench product`: the panels of the Gaunt product paper's Figure 1, on this machine.

What is different from the figure, and why: degrees are the highest l, everything is warmed up
before it is timed, modules are built outside, contenders take turns, convolutions have as many
edges per node as a solid, and equal paths are compared with equal paths. The weights of paths are
not equal: ours factorise, those of e3nn's TensorProduct, cuequivariance and MACE are one for each
path; "gaunt-md a weight for each path" is ours with theirs. Contenders have as many nodes as take
seconds, all of them the same number in one row. Convolutions of e3nn and cuequivariance end at
degree 10 (12 in the figure): e3nn has no Wigner symbols above l = 11. MACE's contraction ends at
five factors (7 in the figure), beyond which its tables take gigabytes.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from .. import __version__
from ..files import write_whole
from ..progress import Progress, silent
from .contenders import MACE, OURS, convolution, interaction, many_body, nodes_for
from .peers import LAST_DEGREE_OF_MACE_TABLES, absent, versions
from .timing import Case, Measurement, measure, processor


@dataclass(frozen=True)
class Panel:
    """One comparison.

    Attributes
    ----------
    name, title : str
    variable : str
        What varies, "degree" or "factors".
    nodes : mapping
        From its values to the number of nodes.
    build : callable
        Makes the cases from a value, the number of nodes and that of channels.
    """

    name: str
    title: str
    variable: str
    nodes: Mapping[int, int]
    build: Callable[[int, int, int], dict[str, Case]]


PANELS = (
    Panel(
        name="interaction",
        title="Feature interaction",
        variable="degree",
        nodes={degree: nodes_for(degree, 1000) for degree in (1, 2, 3, 4, 6, 8, 10, 12, 14)},
        build=interaction,
    ),
    Panel(
        name="convolution",
        title="Convolution",
        variable="degree",
        nodes={degree: nodes_for(degree, 50) for degree in (1, 2, 3, 4, 6, 8, 10, 12)},
        build=convolution,
    ),
    Panel(
        name="many_body",
        title="Product of three functions",
        variable="degree",
        nodes={1: 1000, 2: 1000, 3: 1000, 4: 100, 6: 16},  # MACE takes seconds for a node at 6
        build=lambda degree, nodes, channels: many_body(degree, 3, nodes, channels),
    ),
    Panel(
        name="factors",
        title="Products of functions of degree 2",
        variable="factors",
        nodes={2: 1000, 3: 1000, 4: 100, 5: 10, 6: 100, 7: 100},  # MACE: 0.08 s for a node at 4
        build=lambda factors, nodes, channels: many_body(2, factors, nodes, channels),
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


def planned(panels: Sequence[str], largest: int) -> list[tuple[Panel, int, int]]:
    """Return panels, values and numbers of nodes, up to the largest degree or number of factors."""
    return [
        (panel, value, nodes)
        for panel in PANELS
        for value, nodes in panel.nodes.items()
        if panel.name in panels and value <= largest
    ]


def run(
    panels: Sequence[str],
    channels: int,
    rounds: int,
    largest: int,
    progress: Progress = silent,
) -> Iterator[Row]:
    """Measure panel by panel, up to the largest degree or number of factors."""
    plan = planned(panels, largest)
    for done, (panel, value, nodes) in enumerate(plan):
        progress(f"{panel.name}, {panel.variable} {value}", done, len(plan))
        torch.manual_seed(0)
        with warnings.catch_warnings(action="ignore"):  # of other packages, about torch
            cases = panel.build(value, nodes, channels)
        measurements = measure(cases, rounds)
        yield Row(panel.name, panel.variable, value, nodes, measurements)


def notes(rows: Sequence[Row]) -> list[str]:
    """Return what to know about the numbers that they do not say themselves."""
    random_tables = any(
        MACE in row.measurements and row.value > LAST_DEGREE_OF_MACE_TABLES
        for row in rows
        if row.panel == "many_body"
    )
    return [
        f"{MACE} above degree {LAST_DEGREE_OF_MACE_TABLES} with random numbers in place of its "
        "couplings, which take it too long to set up; as many of them, so that time and memory "
        "are the same"
    ] * random_tables


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
        "packages": versions(),
        "absent": absent(),
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "dtype": "float32",
        "channels": channels,
        "units": {"forward": "ms", "training": "ms", "memory": "MB"},
        "notes": notes(rows),
        "growth_of_fourier": growth_of_fourier(rows),
        "rows": [asdict(row) for row in rows],
    }
    write_whole(path, json.dumps(content, indent=1).encode())
