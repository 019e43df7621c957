"""The graph of neighbours, and the way from edge gradients to energies, forces and virials."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Graph:
    """One structure, or several as one batch, as the potential sees them.

    Attributes
    ----------
    edge_vectors : Tensor, shape (edges, 3), float64, Å
        r_j - r_i from centre i to neighbour j, periodic image included.
    centres, neighbours : Tensor, shape (edges,), int64
        Indices of atoms; centres ascend, and every pair appears as two edges.
    species : Tensor, shape (atoms,), int64
        Indices into the potential's elements.
    structures : Tensor, shape (atoms,), int64
        The structure each atom belongs to.
    n_structures : int
    """

    edge_vectors: Tensor
    centres: Tensor
    neighbours: Tensor
    species: Tensor
    structures: Tensor
    n_structures: int


@dataclass(frozen=True)
class Evaluation:
    """What a potential says of a graph; all float64.

    Attributes
    ----------
    graph : Graph
    edge_gradients : Tensor, shape (edges, 3), eV/Å
        Derivatives of the energy by the edge vectors.
    energies : Tensor, shape (structures,), eV
    atomic_energies : Tensor, shape (atoms,), eV
    forces : Tensor, shape (atoms, 3), eV/Å
    virials : Tensor, shape (structures, 3, 3), eV
        Strain derivative dE/dε, symmetric; divided by the volume it is the stress in ASE's sign.
    """

    graph: Graph
    edge_gradients: Tensor
    energies: Tensor
    atomic_energies: Tensor
    forces: Tensor
    virials: Tensor

    def atomic_virials(self) -> np.ndarray:
        """Return symmetric virials of the atoms whose sum is the virial, shape (atoms, 3, 3), eV.

        Half of each edge's belongs to either end. It is one of many ways to share it out, and none
        for heat currents, where LAMMPS has the exact.
        """
        atoms = len(self.graph.species)
        vectors = self.graph.edge_vectors.detach().numpy().T
        gradients = self.edge_gradients.detach().numpy().T
        ends = self.graph.centres.numpy(), self.graph.neighbours.numpy()
        virials = np.empty((atoms, 3, 3))
        # One component after the other is several times faster than torch's sums of matrices.
        for i, j in combinations_with_replacement(range(3), 2):
            of_edges = 0.25 * (vectors[i] * gradients[j] + vectors[j] * gradients[i])
            of_atoms = sum(np.bincount(end, of_edges, atoms) for end in ends)
            virials[:, i, j] = virials[:, j, i] = of_atoms
        return virials


def join(graphs: Sequence[Graph]) -> Graph:
    """Return several graphs as one, atoms and structures numbered through."""
    atoms_before = [0]
    structures_before = [0]
    for graph in graphs:
        atoms_before.append(atoms_before[-1] + len(graph.species))
        structures_before.append(structures_before[-1] + graph.n_structures)
    return Graph(
        edge_vectors=torch.cat([graph.edge_vectors for graph in graphs]),
        centres=torch.cat([g.centres + n for g, n in zip(graphs, atoms_before, strict=False)]),
        neighbours=torch.cat(
            [g.neighbours + n for g, n in zip(graphs, atoms_before, strict=False)]
        ),
        species=torch.cat([graph.species for graph in graphs]),
        structures=torch.cat(
            [g.structures + n for g, n in zip(graphs, structures_before, strict=False)]
        ),
        n_structures=structures_before[-1],
    )


@contextmanager
def own_settings() -> Iterator[None]:
    """Keep what the caller has switched on or off in torch from changing numbers.

    Gradients are on; inference mode, reduced precision and the profiling optimiser of TorchScript
    (which compiles for every new shape and has given wrong gradients) are off. All of these belong
    to the thread, and are restored.
    """
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.autocast("cpu", enabled=False),
        torch.jit.optimized_execution(False),
    ):
        yield


def evaluate(potential: Any, graph: Graph, create_graph: bool = False) -> Evaluation:
    """Evaluate a potential, eager or scripted, on a graph.

    Parameters
    ----------
    potential : Potential or ScriptModule
        Anything with the ``evaluate`` of `gaunt_md.model.Potential`.
    graph : Graph
    create_graph : bool
        Keep what is needed to differentiate the result by the parameters (training).
    """
    with own_settings():
        atomic_energies, edge_gradients = potential.evaluate(
            graph.edge_vectors,
            graph.centres,
            graph.neighbours,
            graph.species,
            len(graph.species),
            create_graph,
        )
    if not create_graph:
        atomic_energies = atomic_energies.detach()
    energies = atomic_energies.new_zeros(graph.n_structures).index_add(
        0, graph.structures, atomic_energies
    )
    # Moving atom i by d changes the edges that leave it by -d and those that reach it by +d.
    forces = (
        edge_gradients.new_zeros(len(graph.species), 3)
        .index_add(0, graph.centres, edge_gradients)
        .index_add(0, graph.neighbours, -edge_gradients)
    )
    edges = torch.bincount(graph.structures[graph.centres], minlength=graph.n_structures).tolist()
    virials = torch.stack(
        [
            vectors.mT @ gradients
            for vectors, gradients in zip(
                graph.edge_vectors.split(edges), edge_gradients.split(edges), strict=True
            )
        ]
    )
    virials = 0.5 * (virials + virials.mT)
    return Evaluation(graph, edge_gradients, energies, atomic_energies, forces, virials)
