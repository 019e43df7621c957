"""`gaunt-md bench profile`: where the time of an evaluation goes, and how fast its loops are.

Times are those of torch's profiler: of the operators ``gaunt::…``, whatever there are, forward and
on the way back, and of the operators of torch around them. Arithmetic is counted from the shapes
(`gaunt_md.bench.work`) and compared with what the core can do (`gaunt_md.bench.ceilings`).
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from .. import potential_file
from ..data.graph import Graph, evaluate
from ..data.neighbours import NeighbourList
from ..files import write_whole
from .ceilings import Ceilings
from .silicon import fly, hot_silicon
from .untrained import Shape
from .work import Work, work_of_operators

_OURS = "gaunt::"
_WORDS = {
    "convolution": "convolution",
    "degree_linear": "mixing of channels",
    "many_body": "many-body product and its mixing",
    "harmonics": "spherical harmonics",
}
_STEPS_OF_NEIGHBOURS = 20
_OF_THE_REST = 3  # operators that are named


@dataclass(frozen=True)
class Stage:
    """One stage of a step.

    Attributes
    ----------
    name : str
    milliseconds, share : float
        Time in a step, and its part of the whole step.
    gigaflops, gigabytes : float or None
        10^9 operations, and 10^9 bytes of unavoidable traffic, a second; None if not counted.
    """

    name: str
    milliseconds: float
    share: float
    gigaflops: float | None = None
    gigabytes: float | None = None


@dataclass(frozen=True)
class Profile:
    """Where the time goes.

    Attributes
    ----------
    atoms, edges : int
    milliseconds : float
        Of a step: neighbours, evaluation and forces.
    stages : list of Stage
    rest : dict
        The operators of torch that take most of the stage "rest": name to ms.
    """

    atoms: int
    edges: int
    milliseconds: float
    stages: list[Stage]
    rest: dict[str, float]


def profile_evaluation(shape: Shape, atoms: int, rounds: int) -> Profile:
    """Profile steps of an untrained potential on silicon at 600 K.

    Parameters
    ----------
    shape : Shape
    atoms : int
        A multiple of 8.
    rounds : int
        Evaluations that are profiled; the fastest one counts.

    Raises
    ------
    InputError
        If there is no such potential or structure.
    """
    potential = shape.potential().tabulated()
    neighbours, graph = _time_neighbours(atoms, shape.cutoff)
    scripted = potential_file.scripted(potential)  # what people run
    evaluate(scripted, graph)  # fills caches and allocates memory
    turns = [_profile_once(scripted, graph) for _ in range(rounds)]
    fastest = min(turns, key=lambda turn: turn.total)
    total = neighbours + fastest.total
    times, edges = fastest.operators, len(graph.centres)
    work = work_of_operators(potential, atoms, edges)
    stages = [Stage("neighbours and graph", neighbours, neighbours / total)]
    stages += [_stage(key, time, total, work.get(key)) for key, time in _in_order(times)]
    rest = total - sum(stage.milliseconds for stage in stages)
    stages.append(Stage("rest", rest, rest / total))
    largest = dict(sorted(fastest.others.items(), key=lambda item: -item[1])[:_OF_THE_REST])
    return Profile(atoms, edges, total, stages, largest)


@dataclass(frozen=True)
class _Turn:
    """One evaluation: its time, and that of our operators and of torch's own, ms."""

    total: float
    operators: dict[tuple[str, bool], float]
    others: dict[str, float]


def _time_neighbours(atoms: int, cutoff: float) -> tuple[float, Graph]:
    """Return the mean time of a graph while the atoms move, ms, and the last graph."""
    silicon = hot_silicon(atoms)
    neighbours = NeighbourList(cutoff, 0.5)
    graph = neighbours.graph(silicon, ["Si"])
    start = time.perf_counter()
    for _ in range(_STEPS_OF_NEIGHBOURS):
        fly(silicon)
        graph = neighbours.graph(silicon, ["Si"])
    return 1e3 * (time.perf_counter() - start) / _STEPS_OF_NEIGHBOURS, graph


def _profile_once(potential: torch.jit.ScriptModule, graph: Graph) -> _Turn:
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        start = time.perf_counter()
        evaluate(potential, graph)
        total = 1e3 * (time.perf_counter() - start)
    operators: dict[tuple[str, bool], float] = defaultdict(float)
    others: dict[str, float] = defaultdict(float)
    for event in profiler.events():
        within = list(_ancestors(event))
        if any(name.startswith(_OURS) for name in within):
            continue
        if event.name.startswith(_OURS):
            name = event.name.removeprefix(_OURS)
            backward = any("evaluate_function" in parent for parent in within)
            key = (name.removesuffix("_gradient"), backward)
            operators[key] += 1e-3 * event.time_range.elapsed_us()
        else:
            others[event.name] += 1e-3 * event.self_cpu_time_total
    return _Turn(total, dict(operators), dict(others))


def _ancestors(event: Any) -> Iterator[str]:
    parent = event.cpu_parent
    while parent is not None:
        yield parent.name
        parent = parent.cpu_parent


def _in_order(
    times: dict[tuple[str, bool], float],
) -> list[tuple[tuple[str, bool], float]]:
    """Return forward before backward, and the largest first."""
    return sorted(times.items(), key=lambda item: (item[0][1], -item[1]))


def _stage(key: tuple[str, bool], milliseconds: float, total: float, work: Work | None) -> Stage:
    operator, backward = key
    words = _WORDS.get(operator, operator.replace("_", " "))
    name = f"{words}, gradient" if backward else words
    if work is None or milliseconds == 0.0:
        return Stage(name, milliseconds, milliseconds / total)
    return Stage(
        name,
        milliseconds,
        milliseconds / total,
        gigaflops=1e-6 * work.operations / milliseconds,
        gigabytes=1e-6 * work.bytes / milliseconds,
    )


def write_result(
    path: Path, machine: dict[str, Any], shape: Shape, found: Profile, ceilings: Ceilings
) -> None:
    """Write the profile, and where it was made, as JSON."""
    content = {
        "made_by": "gaunt-md bench profile",
        "machine": machine,
        "shape": shape.options(),
        "ceilings": asdict(ceilings),
        "units": {"gigaflops": "10^9 operations/s, float32", "gigabytes": "10^9 bytes/s"},
        **asdict(found),
    }
    write_whole(path, json.dumps(content, indent=1, ensure_ascii=False).encode())
