"""Telling where a simulation leaves what its potential has seen in training."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import torch

from .data.graph import Graph


class OutsideTrainingWarning(UserWarning):
    """Atoms closer than any such pair in training, or elements that never were neighbours there."""


class TrainingRange:
    """The shortest distances of pairs of elements in training, and what has been said of them.

    Parameters
    ----------
    elements : sequence of str
        Those of the potential; a graph's species are indices into them.
    shortest_distances : mapping of str to float
        In Å, by pair as "Si-O"; pairs that are missing were never neighbours. If it is empty,
        nothing is known, and nothing is ever said.
    """

    def __init__(self, elements: Sequence[str], shortest_distances: Mapping[str, float]) -> None:
        self._elements = list(elements)
        count = len(elements)
        self._shortest = torch.zeros(count, count, dtype=torch.float64, device="cpu")
        if shortest_distances:
            self._shortest.fill_(math.inf)
        for pair, distance in shortest_distances.items():
            i, j = (self._elements.index(element) for element in pair.split("-"))
            self._shortest[i, j] = self._shortest[j, i] = distance
        self._untold = set()
        if shortest_distances:
            self._untold.add("closer")
        if self._shortest.isinf().any():
            self._untold.add("never seen")
        self._safe = float(self._shortest.max())

    def look(self, graph: Graph) -> Iterator[str]:
        """Yield what has not been said before: of either kind the worst pair, once."""
        if not self._untold:
            return
        distances = graph.edge_vectors.norm(dim=1)
        if not (distances < self._safe).any():  # nearly always
            return
        shortest = self._shortest[graph.species[graph.centres], graph.species[graph.neighbours]]
        share = distances / shortest  # zero for pairs never seen
        closer = torch.where((share > 0) & (share < 1), share, math.inf)
        never_seen = torch.where(share == 0, distances, math.inf)
        for kind, badness in (("closer", closer), ("never seen", never_seen)):
            if kind not in self._untold or not badness.isfinite().any():
                continue
            self._untold.remove(kind)
            edge = int(badness.argmin())
            yield self._describe(graph, edge, float(distances[edge]), float(shortest[edge]))

    def _describe(self, graph: Graph, edge: int, distance: float, shortest: float) -> str:
        ends = (int(graph.centres[edge]), int(graph.neighbours[edge]))
        first = int((graph.structures < graph.structures[ends[0]]).sum())
        one, other = (f"{end - first} ({self._elements[graph.species[end]]})" for end in ends)
        seen = (
            f"the shortest such distance in training was {shortest:.4g} Å"
            if math.isfinite(shortest)
            else "training never had these elements as neighbours"
        )
        return (
            f"atoms {one} and {other} are {distance:.4g} Å apart; {seen}, so forces may be wrong "
            "(said once per calculator)"
        )
