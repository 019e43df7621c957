"""Second derivatives of the energy by the positions, exact to rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from .data.graph import Graph, join, own_settings

COPIES = 24
"""Rows of the matrix computed at once, each on a copy of the structure."""


def hessian(potential: Any, graph: Graph) -> np.ndarray:
    """Return ∂²E/∂x_i∂x_j of one structure by differentiating the forces once more.

    Parameters
    ----------
    potential : Potential or ScriptModule
    graph : Graph
        Of one structure. Edge vectors depend on positions as r_j - r_i.

    Returns
    -------
    ndarray, shape (3 atoms, 3 atoms), float64
        In eV/Å^2, symmetric, ordered x, y, z of the first atom, x, y, z of the second, ...
    """
    size = 3 * len(graph.species)
    rows = [
        _rows(potential, graph, list(range(start, min(start + COPIES, size))))
        for start in range(0, size, COPIES)
    ]
    found = np.concatenate(rows) if rows else np.zeros((0, 0))
    return 0.5 * (found + found.T)


def _rows(potential: Any, graph: Graph, components: list[int]) -> np.ndarray:
    """Return rows of the matrix, one from each of so many copies of the structure."""
    copies = join([graph] * len(components))
    atoms = len(graph.species)
    with own_settings():
        displacements = torch.zeros(len(copies.species), 3, dtype=torch.float64, requires_grad=True)
        moved = (
            copies.edge_vectors + displacements[copies.neighbours] - displacements[copies.centres]
        )
        energies: Tensor = potential.forward(
            moved, copies.centres, copies.neighbours, copies.species, len(copies.species)
        )
        if not energies.requires_grad:  # no edges: nothing depends on the positions
            return np.zeros((len(components), 3 * atoms))
        (gradient,) = torch.autograd.grad(energies.sum(), displacements, create_graph=True)
        asked = gradient.reshape(len(components), 3 * atoms)
        chosen = asked[torch.arange(len(components)), torch.tensor(components)].sum()
        (second,) = torch.autograd.grad(chosen, displacements)
    return second.reshape(len(components), 3 * atoms).numpy()
