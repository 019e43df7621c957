"""Neighbour lists: from an ASE structure to the graph that the potential sees.

The pairs come from vesin. Everything that would make vesin or the potential fail, hang or give
a number that means nothing is refused or brought into a harmless form here.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import pi

import numpy as np
import torch
import vesin
from ase import Atoms
from ase.cell import Cell
from ase.data import chemical_symbols
from ase.geometry import minkowski_reduce

from ..errors import InputError
from .graph import Graph

COINCIDENT = 1e-6
"""Atoms closer than this (Å) are taken for one atom given twice."""

_LARGEST_COORDINATE = 1e8  # Å; beyond it, float64 no longer resolves 1e-8 Å
_MOST_IMAGES = 10_000  # of one atom within its cutoff; solid hydrogen at 1 Å^3 has 500
_MOST_CELLS = 100_000  # that vesin 0.6 divides a box into
_NAMES = "abc"


def build_graph(atoms: Atoms, elements: Sequence[str], cutoff: float) -> Graph:
    """Return the graph of a structure: all pairs within the cutoff, each as two edges.

    Parameters
    ----------
    atoms : Atoms
        Any cell (or none), any mix of periodic directions, atoms anywhere.
    elements : sequence of str
        Elements of the potential; species are indices into it.
    cutoff : float
        In Å.

    Raises
    ------
    InputError
        Unknown element, position or cell that is not finite, zero or degenerate cell vector in
        a periodic direction, coincident atoms. The message names atoms by index.
    """
    return NeighbourList(cutoff).graph(atoms, elements)


class NeighbourList:
    """A neighbour list that is kept while the atoms move little.

    Pairs are searched up to cutoff + skin and stay valid until an atom has moved by skin/2 or the
    cell or its periodicity has changed. Edge vectors are computed anew from the positions each
    time, and pairs beyond the cutoff left out, so that the graph does not depend on the skin.

    Parameters
    ----------
    cutoff : float
        In Å.
    skin : float
        In Å; 0 searches anew each time.
    """

    def __init__(self, cutoff: float, skin: float = 0.0) -> None:
        self.cutoff = cutoff
        self.skin = skin
        self._reference: Atoms | None = None

    def graph(self, atoms: Atoms, elements: Sequence[str]) -> Graph:
        """Return the graph of a structure; arguments and errors as for `build_graph`."""
        species = torch.from_numpy(species_of(atoms, elements))
        if not self._holds_for(atoms):
            self._search(atoms)
        vectors = atoms.positions[self._neighbours]
        vectors -= atoms.positions[self._centres]
        vectors += self._shifts
        squares = np.einsum("ij,ij->i", vectors, vectors)
        if squares.size and squares.min() < COINCIDENT**2:
            self._refuse_coincident(atoms, int(squares.argmin()))
        within = np.flatnonzero(squares < self.cutoff**2)
        return Graph(
            edge_vectors=torch.from_numpy(vectors[within]),
            centres=torch.from_numpy(self._centres[within]),
            neighbours=torch.from_numpy(self._neighbours[within]),
            species=species,
            structures=torch.zeros_like(species),
            n_structures=1,
        )

    def _holds_for(self, atoms: Atoms) -> bool:
        """Whether no pair within the cutoff can be missing from the list."""
        _check_positions(atoms)
        reference = self._reference
        if reference is None or self.skin == 0.0 or len(atoms) != len(reference):
            return False
        if (atoms.pbc != reference.pbc).any() or (atoms.cell[:] != reference.cell[:]).any():
            return False
        moved = atoms.positions - reference.positions
        return bool((np.einsum("ij,ij->i", moved, moved) < (0.5 * self.skin) ** 2).all())

    def _search(self, atoms: Atoms) -> None:
        self._reference = None
        radius = self.cutoff + self.skin
        box = _box(atoms, radius)
        positions = _narrow_gaps(atoms.positions, box, atoms.pbc, radius)
        search = vesin.NeighborList(cutoff=radius, full_list=True, n_threads=1)
        centres, neighbours, images = search.compute(positions, box, atoms.pbc, "ijS")
        # The order of edges is that of sums, whose rounding must not depend on when the search was:
        # restarts continue exactly.
        order = np.lexsort((*images.T, neighbours, centres))
        self._centres = centres[order].astype(np.int64)
        self._neighbours = neighbours[order].astype(np.int64)
        self._shifts = images[order] @ box
        if self.skin > 0.0:
            self._reference = Atoms(positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)

    def _refuse_coincident(self, atoms: Atoms, edge: int) -> None:
        first, second = sorted((int(self._centres[edge]), int(self._neighbours[edge])))
        raise InputError(
            f"atoms {first} ({atoms.symbols[first]}) and {second} ({atoms.symbols[second]}) "
            f"coincide: they are less than {COINCIDENT:g} Å apart. Remove one of them."
        )


def species_of(atoms: Atoms, elements: Sequence[str]) -> np.ndarray:
    """Return the index of each atom's element in ``elements``, shape (atoms,), int64.

    Raises
    ------
    InputError
        If an atom's element is not among them.
    """
    known = np.array([chemical_symbols.index(element) for element in elements])
    matches = atoms.numbers[:, None] == known
    foreign = ~matches.any(axis=1)
    if foreign.any():
        names = [
            chemical_symbols[number] if 0 <= number < len(chemical_symbols) else f"number {number}"
            for number in np.unique(atoms.numbers[foreign])
        ]
        raise InputError(
            f"potential has no element {', '.join(names)}; it knows {', '.join(elements)}. "
            "Choose another potential with `gaunt-md info` or train one."
        )
    return matches.argmax(axis=1)


def _check_positions(atoms: Atoms) -> None:
    usable = (np.abs(atoms.positions) < _LARGEST_COORDINATE).all(axis=1)
    if usable.all():
        return
    indices = np.flatnonzero(~usable)
    first = indices[0]
    others = f" (and of {len(indices) - 1} other atoms)" if len(indices) > 1 else ""
    raise InputError(
        f"position of atom {first} ({atoms.symbols[first]}){others} is {atoms.positions[first]}; "
        f"coordinates must be finite and below {_LARGEST_COORDINATE:g} Å. If this happened in a "
        "run, look at the frames before it; a shorter time step often helps."
    )


def _box(atoms: Atoms, radius: float) -> np.ndarray:
    """Return three vectors (rows, Å) that span the periodic directions of the structure.

    Periodic ones span the same lattice as the cell's, in compact form; the others are unit
    vectors at right angles, whatever the cell has there.
    """
    cell, pbc = np.array(atoms.cell), atoms.pbc
    if not (np.abs(cell) < _LARGEST_COORDINATE).all():
        raise InputError(
            f"cell is {cell.tolist()}; its vectors must be finite and below "
            f"{_LARGEST_COORDINATE:g} Å"
        )
    vectors = cell[pbc]
    lengths = np.linalg.norm(vectors, axis=1)
    volume = np.linalg.svd(vectors, compute_uv=False).prod()
    if not volume > 1e-8 * lengths.prod():
        names = " and ".join(name for name, periodic in zip(_NAMES, pbc, strict=True) if periodic)
        raise InputError(
            f"structure is periodic along {names}, but the cell vectors there are "
            f"{vectors.tolist()}: zero or linearly dependent. Set the cell, or pbc to False "
            "where the structure is not periodic."
        )
    ball = [1.0, 2.0 * radius, pi * radius**2, 4.0 / 3.0 * pi * radius**3][len(vectors)]
    if ball > _MOST_IMAGES * volume:
        raise InputError(
            f"cell vectors {vectors.tolist()} are so short that every atom would have about "
            f"{ball / volume:.0f} images of itself within the cutoff. Lengths are in Å."
        )
    box = np.where(pbc[:, None], cell, 0.0)
    if len(vectors) > 1 and volume < 0.1 * lengths.prod():
        # The same lattice, but the search in a strongly skewed cell can take for ever.
        box, _ = minkowski_reduce(box, pbc)
    return np.ascontiguousarray(Cell(box).complete())


def _narrow_gaps(
    positions: np.ndarray, box: np.ndarray, pbc: np.ndarray, radius: float
) -> np.ndarray:
    """Return positions with the same pairs, for which the search is safe.

    In boxes that are very long or flat, measured in radii, vesin 0.6 divides by zero, which ends
    the process: a cluster that lost one atom long ago is enough. So, along directions that are
    not periodic, gaps that no edge can cross are narrowed.
    """
    if _is_safe(positions, box, pbc, radius):
        return positions
    narrow = positions.copy()
    for normal in box[~pbc]:
        heights = positions @ normal
        order = np.argsort(heights)
        steps = np.diff(heights[order], prepend=heights[order[0]])
        narrow[order] += np.outer(
            np.minimum(steps, 1.01 * radius).cumsum() - heights[order], normal
        )
    if not _is_safe(narrow, box, pbc, radius):
        size = " × ".join(f"{extent:.0f}" for extent in _extents(narrow, box, pbc))
        raise InputError(
            f"structure extends over {size} Å, which is too long or too flat for the search of "
            f"neighbours within {radius:g} Å. Use a smaller cell, or a smaller piece."
        )
    return narrow


def _extents(positions: np.ndarray, box: np.ndarray, pbc: np.ndarray) -> np.ndarray:
    """Return how far periodic cell and atoms reach at right angles to the box's faces, in Å."""
    spread = np.ptp(positions @ box.T, axis=0) if len(positions) else np.zeros(3)
    return np.where(pbc, 1.0 / np.linalg.norm(np.linalg.inv(box), axis=0), spread)


def _is_safe(positions: np.ndarray, box: np.ndarray, pbc: np.ndarray, radius: float) -> bool:
    """Whether vesin's division into cells leaves at least two in the thinnest direction."""
    # A cell reaches no farther than its vectors, whose lengths are quickly computed.
    if pbc.all() and np.maximum(np.linalg.norm(box, axis=1) / radius, 1.0).prod() < _MOST_CELLS:
        return True
    cells = np.maximum(_extents(positions, box, pbc) / radius, 1.0)
    total = cells.prod()
    return bool(total < _MOST_CELLS or cells.min() * np.cbrt(_MOST_CELLS / total) > 2.0)
