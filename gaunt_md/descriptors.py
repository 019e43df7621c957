"""What a potential knows of the neighbourhood of each atom, as numbers that rotations leave."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .data.graph import Graph, own_settings


def descriptors(potential: Any, graph: Graph) -> np.ndarray:
    """Return the invariant part (degree 0) of the features after every layer.

    Parameters
    ----------
    potential : Potential or ScriptModule
    graph : Graph

    Returns
    -------
    ndarray, shape (atoms, layers * channels), float64
        Without unit. Equal neighbourhoods have equal rows, whatever their orientation.
    """
    atoms = len(graph.species)
    with own_settings(), torch.no_grad():
        distances, harmonics = potential.geometry(graph.edge_vectors)
        first = torch.searchsorted(graph.centres, torch.arange(atoms + 1))
        features = potential.first_features(graph.species)
        found = []
        for layer in range(potential.layers):
            features, _ = potential.layer(
                layer, features, graph.species, distances, harmonics, first, graph.neighbours
            )
            found.append(features[:, 0].double())
    return torch.cat(found, dim=1).numpy()
