"""`gaunt-md bench md`: time per atom and step of molecular dynamics, beside what is installed.

Contenders take turns, so that whatever else the machine does meets all of them alike, and medians
over the rounds count. Each turn is a process of its own; what comes before the first step, and the
first steps, do not count.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from .. import potential_file
from ..errors import InputError
from ..files import write_whole
from .dynamics import (
    LAMMPS,
    MACE,
    SNAP,
    Contender,
    Task,
    Turn,
    gaunt_contenders,
    peer_contender,
    snap_contenders,
)
from .installations import Installed
from .untrained import COMPARED, Shape

COMPARISON, PARALLEL, SIZES = "comparison", "parallel", "sizes"

SHAPES = (COMPARED, Shape(64, 0, 1), Shape(128, 2, 2))
"""Sizes that are timed where no shipped potential has them."""

ATOMS_IN_PARALLEL = 4000
DEFAULT_SIZES = (8, 1000, 4000, 20_000)

# Of a core; what is missing in the best case goes to the operating system.
_UNDISTURBED = 0.95

_LEAST_STEPS, _MOST_STEPS = 4, 1000


@dataclass
class Result:
    """What the turns of one contender at one task took.

    Attributes
    ----------
    section : str
        "comparison", "parallel" or "sizes".
    name, program : str
        Of the contender.
    ours : bool
    atoms, ranks, threads : int
    turns : list of Turn
    """

    section: str
    name: str
    program: str
    ours: bool
    atoms: int
    ranks: int
    threads: int
    turns: list[Turn] = field(default_factory=list)

    @property
    def times(self) -> list[float]:
        """Time per atom and step of each turn, µs."""
        return [1e6 * turn.seconds / (turn.steps * self.atoms) for turn in self.turns]

    @property
    def microseconds(self) -> float:
        """Their median."""
        return median(self.times)

    @property
    def milliseconds_per_step(self) -> float:
        """Time of a step of all atoms, ms."""
        return 1e-3 * self.microseconds * self.atoms

    @property
    def fastest_step(self) -> float:
        """Time of the fastest step of all turns, ms."""
        return 1e3 * min(turn.fastest_step for turn in self.turns)

    @property
    def processor_share(self) -> float:
        """Part of the time that the contender was running, median of the turns."""
        return median(turn.processor_share for turn in self.turns)

    @property
    def peak_memory(self) -> float | None:
        """Largest memory of a turn, MB."""
        known = [turn.peak_memory for turn in self.turns if turn.peak_memory is not None]
        return max(known) if known else None


@dataclass(frozen=True)
class Plan:
    """What is to be timed.

    Attributes
    ----------
    contenders : list of Contender
        In the comparison; the first potential of ours also in the rest.
    atoms, steps, rounds : int
        Of the comparison. Larger structures get fewer steps, smaller ones more.
    seconds : float
        Longest turn in ASE.
    parallel : bool
        Also time two ranks and two threads against one.
    sizes : sequence of int
        Also time these numbers of atoms.
    """

    contenders: Sequence[Contender]
    atoms: int
    steps: int
    rounds: int
    seconds: float
    parallel: bool = False
    sizes: Sequence[int] = ()

    def entries(self) -> list[tuple[Contender, Task, Result]]:
        """Return who does what, and an empty result for it."""
        found = [self._entry(COMPARISON, one, self.atoms) for one in self.contenders]
        ours = [one for one in self.contenders if one.ours]
        first = [one for one in ours if one.name == ours[0].name]
        if self.parallel:
            found += [
                self._entry(PARALLEL, one, ATOMS_IN_PARALLEL, ranks, threads)
                for one in first
                if one.program == LAMMPS
                for ranks, threads in ((1, 1), (2, 1), (1, 2))
            ]
        return found + [self._entry(SIZES, one, n) for n in self.sizes for one in first]

    def _entry(
        self, section: str, contender: Contender, atoms: int, ranks: int = 1, threads: int = 1
    ) -> tuple[Contender, Task, Result]:
        steps = min(_MOST_STEPS, round(self.steps * self.atoms / atoms))
        steps = max(steps, min(_LEAST_STEPS, self.steps))
        task = Task(atoms, steps, self.seconds, ranks, threads)
        result = Result(
            section, contender.name, contender.program, contender.ours, atoms, ranks, threads
        )
        return contender, task, result


def find_contenders(
    potentials: Sequence[str], shapes: Sequence[Shape], peers: Sequence[Installed], folder: Path
) -> list[Contender]:
    """Return potentials of ours, given and untrained, then SNAP and the peers.

    Parameters
    ----------
    potentials : sequence of str
        Files, or names of shipped ones.
    shapes : sequence of Shape
        Potentials that are written into the folder first.
    peers : sequence of Installed
    folder : Path
    """
    contenders: list[Contender] = []
    for name in potentials:
        contenders += gaunt_contenders(name, potential_file.find(name))
    for shape in shapes:
        path = folder / f"{shape.channels}-{shape.hidden_degree}-{shape.layers}.pt"
        shape.write(path)
        contenders += gaunt_contenders(shape.name, path)
    contenders += snap_contenders()
    return contenders + [peer_contender(one, COMPARED.options()) for one in peers]


def check_potential(name: str) -> None:
    """Refuse, before long work, a potential that cannot take part.

    Raises
    ------
    PotentialFileError
        If there is none of this name, or the file is none.
    InputError
        If it does not know silicon.
    """
    elements = potential_file.read_manifest(potential_file.find(name))["elements"]
    if "Si" not in elements:
        raise InputError(
            f"potential '{name}' has no element Si, which everything here is timed on; it knows "
            f"{', '.join(elements)}. Choose another one, or give its size with --shape"
        )


def default_potentials() -> tuple[list[str], list[Shape]]:
    """Return the shipped potentials that know silicon, and the sizes that none of them has."""
    shipped = {
        name: potential_file.read_manifest(path)
        for name, path in potential_file.shipped_potentials().items()
    }
    names = [name for name, manifest in shipped.items() if "Si" in manifest["elements"]]
    there = [_size(shipped[name]["hyperparameters"]) for name in names]
    return names, [shape for shape in SHAPES if _size(shape.options()) not in there]


def _size(options: dict[str, Any]) -> tuple[Any, ...]:
    # Without a second layer, no features are handed on, whatever their degree.
    degree = options["hidden_degree"] if options["layers"] > 1 else 0
    keys = ("channels", "layers", "filter_degree", "correlation", "cutoff")
    return (degree, *(options[key] for key in keys))


def measure(
    plan: Plan, folder: Path, progress: Callable[[str, int, int], None]
) -> Iterator[list[Result]]:
    """Let contenders take turns, and yield all results after each turn.

    Raises
    ------
    BenchmarkError
        If a program ends with an error.
    """
    entries = plan.entries()
    results = [result for _, _, result in entries]
    total = plan.rounds * len(entries)
    for done in range(total):
        contender, task, result = entries[done % len(entries)]
        what = f"{contender.name} in {contender.program}, {task.atoms} atoms"
        progress(what, done, total)
        result.turns.append(contender.run(task, folder))
        yield results


def disturbance(results: Sequence[Result]) -> str | None:
    """Return a sentence if other programs kept the contenders from running; None if not."""
    alone = [one for one in results if one.section == COMPARISON]
    least = min(one.processor_share for one in alone)
    if least > _UNDISTURBED:
        return None
    return (
        f"other programs were running: a contender had {100 * least:.0f} % of a core. The times "
        "are too long; repeat it on a machine that does nothing else"
    )


def relative(results: Sequence[Result], result: Result, name: str) -> float | None:
    """Return the time of a result in units of that of another contender in the same comparison."""
    others = [
        one for one in results if one.section == COMPARISON and one.turns and one.name == name
    ]
    return result.microseconds / others[0].microseconds if others else None


def kilobytes_per_atom(results: Sequence[Result], result: Result) -> float | None:
    """Return how much memory an atom takes, kB: what is more than with the fewest atoms."""
    same = [
        one
        for one in results
        if one.section == SIZES and one.program == result.program and one.peak_memory
    ]
    least = min(same, key=lambda one: one.atoms, default=None)
    if least is None or result.peak_memory is None or result.atoms <= least.atoms:
        return None
    assert least.peak_memory is not None
    return 1e3 * (result.peak_memory - least.peak_memory) / (result.atoms - least.atoms)


def write_result(
    path: Path, machine: dict[str, Any], plan: Plan, absent: Sequence[str], results: list[Result]
) -> None:
    """Write everything measured so far, and where, as JSON."""
    content = {
        "made_by": "gaunt-md bench md",
        "machine": machine,
        "structure": "diamond silicon, 5.468 Å, 600 K, steps of 1 fs",
        "rounds": plan.rounds,
        "absent": list(absent),
        "units": {
            "microseconds": "µs per atom and step",
            "fastest_step": "ms",
            "peak_memory": "MB",
        },
        "results": [_record(results, one) for one in results if one.turns],
    }
    write_whole(path, json.dumps(content, indent=1, ensure_ascii=False).encode())


def _record(results: list[Result], result: Result) -> dict[str, Any]:
    return {
        **{
            key: getattr(result, key)
            for key in ("section", "name", "program", "atoms", "ranks", "threads")
        },
        "microseconds": result.microseconds,
        "turns": result.times,
        "milliseconds_per_step": result.milliseconds_per_step,
        "fastest_step": result.fastest_step,
        "relative_to_snap": relative(results, result, SNAP),
        "relative_to_mace": relative(results, result, MACE),
        "processor_share": result.processor_share,
        "peak_memory": result.peak_memory,
        "kilobytes_per_atom": kilobytes_per_atom(results, result),
    }
