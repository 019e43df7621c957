"""Labelled graphs, built once, joined to batches, and given out in a reproducible order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..data.graph import Graph, join
from ..data.neighbours import build_graph
from ..data.read import LabelledStructure
from ..errors import InputError

IMPLAUSIBLE_DISTANCE = 0.1
"""Atoms nearer than this, Å, are an error of the data and not physics."""


@dataclass(frozen=True)
class Batch:
    """A graph with its labels; NaN stands for a label that is not known.

    Attributes
    ----------
    graph : Graph
    energies : Tensor, shape (structures,), float64, eV
    forces : Tensor, shape (atoms, 3), float64, eV/Å
    virials : Tensor, shape (structures, 3, 3), float64, eV
        Stress times volume, dE/dε.
    volumes : Tensor, shape (structures,), float64, Å^3
        NaN without a cell.
    sizes : Tensor, shape (structures,), float64
        Number of atoms.
    weights : Tensor, shape (structures,), float64
        Factors on the loss.
    """

    graph: Graph
    energies: Tensor
    forces: Tensor
    virials: Tensor
    volumes: Tensor
    sizes: Tensor
    weights: Tensor


def labelled_graph(
    structure: LabelledStructure, elements: Sequence[str], cutoff: float, weight: float = 1.0
) -> Batch:
    """Return one structure as a batch of its own.

    Raises
    ------
    InputError
        If atoms coincide, or there is a stress but no volume; names the frame.
    """
    atoms = structure.atoms
    try:
        graph = build_graph(atoms, elements, cutoff)
    except InputError as error:
        raise InputError(f"{structure.source}: {error}") from None
    distances = graph.edge_vectors.norm(dim=1)
    if len(distances) and distances.min() < IMPLAUSIBLE_DISTANCE:
        edge = int(distances.argmin())
        raise InputError(
            f"{structure.source}: atoms {int(graph.centres[edge])} and "
            f"{int(graph.neighbours[edge])} are {float(distances[edge]):.3g} Å apart; "
            "remove this frame"
        )
    volume = atoms.cell.volume if atoms.cell.rank == 3 else np.nan
    if np.isnan(volume) and np.isfinite(structure.stress).all():
        raise InputError(f"{structure.source}: a stress without a cell has no meaning; remove it")
    return Batch(
        graph=graph,
        energies=torch.tensor([structure.energy], dtype=torch.float64),
        forces=torch.tensor(structure.forces, dtype=torch.float64),
        virials=torch.tensor(structure.stress * volume, dtype=torch.float64).unsqueeze(0),
        volumes=torch.tensor([volume], dtype=torch.float64),
        sizes=torch.tensor([len(atoms)], dtype=torch.float64),
        weights=torch.tensor([weight], dtype=torch.float64),
    )


def join_batches(batches: Sequence[Batch]) -> Batch:
    """Return several batches as one."""
    return Batch(
        graph=join([batch.graph for batch in batches]),
        energies=torch.cat([batch.energies for batch in batches]),
        forces=torch.cat([batch.forces for batch in batches]),
        virials=torch.cat([batch.virials for batch in batches]),
        volumes=torch.cat([batch.volumes for batch in batches]),
        sizes=torch.cat([batch.sizes for batch in batches]),
        weights=torch.cat([batch.weights for batch in batches]),
    )


class InOrder:
    """Batches of structures in the order given, for validation and evaluation."""

    def __init__(self, structures: Sequence[Batch], batch_size: int) -> None:
        self.structures = structures
        self.batch_size = batch_size

    def __len__(self) -> int:
        return -(-len(self.structures) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        for start in range(0, len(self.structures), self.batch_size):
            yield join_batches(self.structures[start : start + self.batch_size])


class Shuffled:
    """Batches of structures in an order that the seed and the epoch alone decide.

    No random state lives between epochs, so a training that starts again at step n meets the same
    batches as one that never stopped.

    Parameters
    ----------
    structures : sequence of Batch
    batch_size : int
    seed : int
    step : callable
        Returns the number of steps already made; asked when an epoch begins.
    """

    def __init__(
        self, structures: Sequence[Batch], batch_size: int, seed: int, step: Callable[[], int]
    ) -> None:
        self.structures = structures
        self.batch_size = batch_size
        self.seed = seed
        self.step = step

    def __len__(self) -> int:
        return -(-len(self.structures) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        epoch, done = divmod(self.step(), len(self))
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.structures))
        for start in range(done * self.batch_size, len(order), self.batch_size):
            yield join_batches([self.structures[k] for k in order[start : start + self.batch_size]])
