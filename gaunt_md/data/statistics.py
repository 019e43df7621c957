"""What the data say before any training: reference energies, neighbours and scales."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..errors import InputError
from ..model.radial import untrained_mean_square
from .graph import Graph
from .read import LabelledStructure

MEAN_SQUARE_OF_A_NEIGHBOUR = 0.25
"""That of untrained radial functions over the neighbours in copper and silicon, at 5 Å, about."""


def elements_of(structures: Sequence[LabelledStructure]) -> list[str]:
    """Return the chemical symbols that occur, by atomic number."""
    numbers = {
        int(z): s for x in structures for z, s in zip(x.atoms.numbers, x.atoms.symbols, strict=True)
    }
    return [numbers[z] for z in sorted(numbers)]


def composition(structures: Sequence[LabelledStructure], elements: Sequence[str]) -> np.ndarray:
    """Return how many atoms of each element each structure has, shape (structures, elements)."""
    return np.array(
        [[list(x.atoms.symbols).count(element) for element in elements] for x in structures],
        dtype=float,
    ).reshape(len(structures), len(elements))


def isolated_energies(structures: Sequence[LabelledStructure]) -> dict[str, float]:
    """Return the energies of the isolated atoms among the structures, eV.

    Raises
    ------
    InputError
        If two isolated atoms of an element differ by more than 1 meV.
    """
    found: dict[str, LabelledStructure] = {}
    for structure in structures:
        if not structure.is_isolated_atom or np.isnan(structure.energy):
            continue
        first = found.setdefault(str(structure.atoms.symbols[0]), structure)
        if abs(first.energy - structure.energy) > 1e-3:
            raise InputError(
                f"isolated {first.atoms.symbols[0]} has {first.energy} eV in {first.source} and "
                f"{structure.energy} eV in {structure.source}; keep one or set "
                "data.reference_energies"
            )
    return {element: structure.energy for element, structure in found.items()}


def reference_energies(
    structures: Sequence[LabelledStructure],
    elements: Sequence[str],
    known: Mapping[str, float] | None = None,
) -> list[float]:
    """Return one energy per element, so that the sum over a structure's atoms is near its energy.

    Parameters
    ----------
    structures : sequence of LabelledStructure
    elements : sequence of str
    known : mapping
        Energies in eV that are given; the others solve the least-squares problem
        Σ_z n_z E_z = E for what is left, with the smallest norm where the compositions
        do not determine them.
    """
    known = known or {}
    structures = [x for x in structures if np.isfinite(x.energy)]
    counts = composition(structures, elements)
    energies = np.array([known.get(element, 0.0) for element in elements])
    unknown = [k for k, element in enumerate(elements) if element not in known]
    if unknown and structures:
        # Per atom, so that large structures do not outweigh small ones.
        sizes = counts.sum(axis=1)
        rest = np.array([x.energy for x in structures]) - counts @ energies
        energies[unknown] = np.linalg.lstsq(
            counts[:, unknown] / sizes[:, None], rest / sizes, rcond=None
        )[0]
    return energies.tolist()


def average_neighbours(graphs: Sequence[Graph]) -> float:
    """Return the mean number of neighbours of an atom.

    Raises
    ------
    InputError
        If no atom has a neighbour.
    """
    edges = sum(len(graph.centres) for graph in graphs)
    if not edges:
        raise InputError("no two atoms of the training data are within the cutoff; enlarge it")
    return edges / sum(len(graph.species) for graph in graphs)


def weighted_neighbours(graphs: Sequence[Graph], cutoff: float, radial_functions: int) -> float:
    """Return the mean number of neighbours, each counted by how much it adds to untrained sums.

    Near neighbours add more than those beside the cutoff, since radial functions fall with the
    distance. In copper and silicon this is about the plain number, at 5 Å; in molecules, whose
    atoms have few neighbours but near ones, it is several times as large. Sums that are divided
    by its square root are of unit size in both, and so are the forces of an untrained potential,
    which grow with a high power of the sums.

    It is never less than the plain number: where all neighbours are beside the cutoff, sums that
    were of unit size there would be enormous in structures only a little denser.

    Parameters
    ----------
    graphs : sequence of Graph
    cutoff : float
        In Å.
    radial_functions : int
        Number of Bessel functions.

    Raises
    ------
    InputError
        If no atom has a neighbour.
    """
    squares = sum(
        untrained_mean_square(graph.edge_vectors.norm(dim=1), cutoff, radial_functions).sum().item()
        for graph in graphs
    )
    weighted = squares / MEAN_SQUARE_OF_A_NEIGHBOUR / sum(len(graph.species) for graph in graphs)
    return max(weighted, average_neighbours(graphs))


def forces_rms(structures: Sequence[LabelledStructure]) -> float:
    """Return the root mean square of the force components, eV/Å (NaN without forces)."""
    components = np.concatenate([x.forces.ravel() for x in structures])
    components = components[np.isfinite(components)]
    return float(np.sqrt(np.mean(components**2))) if len(components) else float("nan")


def shortest_distances(graphs: Sequence[Graph], elements: Sequence[str]) -> dict[str, float]:
    """Return the shortest distance of each pair of elements that meet, e.g. {"Si-Si": 2.1}, Å."""
    count = len(elements)
    shortest = np.full(count * count, np.inf)
    for graph in graphs:
        distances = graph.edge_vectors.norm(dim=1).numpy()
        pairs = (graph.species[graph.centres] * count + graph.species[graph.neighbours]).numpy()
        np.minimum.at(shortest, pairs, distances)
    return {
        f"{elements[i]}-{elements[j]}": float(shortest[i * count + j])
        for i in range(count)
        for j in range(i, count)
        if np.isfinite(shortest[i * count + j])
    }
