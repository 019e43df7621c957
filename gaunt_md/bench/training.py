"""`gaunt-md bench train`: the time of an epoch of training, beside MACE.

The same structures in the same batches and order, energies, forces and stresses in the loss, the
same size of potential, the same threads. Every turn is a process of its own, contenders take
turns, and medians count; reading data and the first steps do not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import ase.io
import numpy as np

from ..data.read import LabelledStructure, read_labelled, without_isolated_atoms
from ..data.statistics import elements_of, forces_rms, reference_energies
from ..errors import InputError
from ..files import write_whole, written_beside
from ..training.config import parse_configuration
from ..words import counted
from .installations import Installed
from .processes import run_script
from .untrained import Shape

WARM_UP = 2
"""Steps that do not count."""

OURS = "gaunt-md"

_SEED = 1
_LABELS = ("energy", "forces")


@dataclass(frozen=True)
class Data:
    """What is trained on.

    Attributes
    ----------
    path : Path
        Structures with the labels REF_energy, REF_forces and REF_stress, which every package reads.
    structures, atoms : int
    elements : list of str
    energies : list of float
        Of an isolated atom of each element, eV.
    forces_rms : float
        eV/Å
    """

    path: Path
    structures: int
    atoms: int
    elements: list[str]
    energies: list[float]
    forces_rms: float


@dataclass
class TrainingResult:
    """What the turns of one contender took.

    Attributes
    ----------
    name : str
    steps : int
        Of each turn.
    steps_per_epoch : int
    seconds : list of float
        Of all steps of each turn.
    """

    name: str
    steps: int
    steps_per_epoch: int
    seconds: list[float] = field(default_factory=list)

    @property
    def epochs(self) -> list[float]:
        """Seconds for an epoch by each turn."""
        return [one * self.steps_per_epoch / self.steps for one in self.seconds]

    @property
    def seconds_per_epoch(self) -> float:
        """Their median."""
        return median(self.epochs)


@dataclass(frozen=True)
class Trainer:
    """A contender: the script that trains, the interpreter for it, and what it is told."""

    name: str
    script: str
    python: str
    job: dict[str, Any]


def prepare_data(paths: Sequence[Path], folder: Path) -> Data:
    """Read labelled structures and write them so that every package reads them.

    Raises
    ------
    InputError
        If the data cannot be used.
    """
    structures, _ = read_labelled(paths, dict.fromkeys((*_LABELS, "stress")), list(_LABELS))
    molecules = without_isolated_atoms(structures, list(_LABELS))
    if any(np.isnan(one.stress).any() for one in molecules):
        raise InputError(
            "some structures have no stress, and packages treat that differently; give data that "
            "have one everywhere, as those of mlearn"
        )
    elements = elements_of(structures)
    path = folder / "structures.xyz"
    with written_beside(path) as beside:
        ase.io.write(beside, [_plain(one) for one in molecules], format="extxyz")
    return Data(
        path=path,
        structures=len(molecules),
        atoms=sum(len(one.atoms) for one in molecules),
        elements=elements,
        energies=reference_energies(molecules, elements),
        forces_rms=forces_rms(molecules),
    )


def _plain(structure: LabelledStructure) -> Any:
    atoms = structure.atoms.copy()
    atoms.calc = None
    atoms.info = {"REF_energy": structure.energy, "REF_stress": structure.stress}
    atoms.set_array("REF_forces", structure.forces)
    return atoms


def trainers(
    data: Data, shape: Shape, peers: Sequence[Installed], batch_size: int, python: str
) -> list[Trainer]:
    """Return ourselves and the peers that have a script for training.

    Raises
    ------
    InputError
        If there is no potential of this shape.
    """
    configuration = {
        "data": {"train": [str(data.path.resolve())], "validation_fraction": 0.0},
        "model": {
            "channels": shape.channels,
            "layers": shape.layers,
            "hidden_degree": shape.hidden_degree,
            "filter_degree": shape.filter_degree,
            "correlation": shape.correlation,
            "cutoff": shape.cutoff,
        },
        "training": {"batch_size": batch_size, "seed": _SEED},
    }
    options = parse_configuration(configuration).training
    of_peers = {
        "data": str(data.path.resolve()),
        "model": {
            **shape.options(),
            "elements": data.elements,
            "reference_energies": data.energies,
            "energy_scale": data.forces_rms,
        },
        "loss": {
            "energy_weight": options.energy_weight,
            "forces_weight": options.forces_weight,
            "stress_weight": options.stress_weight,
        },
        "batch_size": batch_size,
        "seed": _SEED,
    }
    ours = Trainer(OURS, "gaunt_training", python, {"configuration": configuration})
    return [
        ours,
        *(
            Trainer(one.peer.name, f"{one.peer.key}_training", one.python, of_peers)
            for one in peers
        ),
    ]


def measure(
    contenders: Sequence[Trainer],
    data: Data,
    *,
    batch_size: int,
    steps: int | None,
    rounds: int,
    threads: int,
    progress: Callable[[str, int, int], None],
) -> Iterator[list[TrainingResult]]:
    """Let contenders take turns, and yield all results after each turn.

    Parameters
    ----------
    steps : int, optional
        Steps of a turn; None for a whole epoch.

    Raises
    ------
    BenchmarkError
        If a program ends with an error.
    """
    per_epoch = -(-data.structures // batch_size)
    steps = min(steps or per_epoch, per_epoch)
    results = [TrainingResult(one.name, steps, per_epoch) for one in contenders]
    total = rounds * len(contenders)
    for done in range(total):
        contender, result = contenders[done % len(contenders)], results[done % len(contenders)]
        progress(f"{contender.name} trains {counted(steps, 'step')}", done, total)
        job = {**contender.job, "steps": steps, "warm_up": WARM_UP, "threads": threads}
        answer, _ = run_script(
            contender.python, contender.script, job, data.path.parent, threads=threads
        )
        result.seconds.append(answer["seconds"])
        yield results


def write_result(
    path: Path,
    machine: dict[str, Any],
    data: Data,
    shape: Shape,
    batch_size: int,
    absent: Sequence[str],
    results: Sequence[TrainingResult],
) -> None:
    """Write everything measured so far, and where, as JSON."""
    ours = results[0]
    content = {
        "made_by": "gaunt-md bench train",
        "machine": machine,
        "shape": shape.options(),
        "structures": data.structures,
        "atoms": data.atoms,
        "batch_size": batch_size,
        "absent": list(absent),
        "results": [
            {
                "name": one.name,
                "steps": one.steps,
                "steps_per_epoch": one.steps_per_epoch,
                "seconds_per_epoch": one.seconds_per_epoch,
                "turns": one.epochs,
                "relative_to_gaunt_md": one.seconds_per_epoch / ours.seconds_per_epoch,
            }
            for one in results
            if one.seconds
        ],
    }
    write_whole(path, json.dumps(content, indent=1, ensure_ascii=False).encode())
