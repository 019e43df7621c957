"""Distributions of bond lengths and bond angles.

Neighbours are searched anew in every frame, periodic images included, since bonds of liquids
change and cells may be smaller than twice a bond; mdtraj's fixed lists know neither.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.neighborlist import natural_cutoffs, neighbor_list

from ..errors import InputError
from .trajectory import Trajectory

REACH = 1.25
"""Sum of covalent radii times this is the longest bond, if no other length is given."""


@dataclass(frozen=True)
class Distribution:
    """How often values occur.

    Attributes
    ----------
    centres : ndarray, shape (bins,), float64
        Å for lengths, degrees for angles.
    density : ndarray, shape (bins,), float64
        Per Å or degree; its integral is 1.
    mean, spread : float
        Mean and standard deviation of the values themselves.
    count : int
        Number of values.
    """

    centres: np.ndarray
    density: np.ndarray
    mean: float
    spread: float
    count: int


def bond_geometry(
    run: Trajectory, longest: float | None = None
) -> tuple[dict[str, Distribution], dict[str, Distribution]]:
    """Compute the distributions of bond lengths and angles.

    Parameters
    ----------
    run : Trajectory
    longest : float, optional
        Longest bond in Å; 1.25 times the sum of covalent radii if not given.

    Returns
    -------
    lengths : dict of str to Distribution
        In Å, by names as "O-Si", in alphabetic order.
    angles : dict of str to Distribution
        In degrees, by names as "O-Si-O", the apex in the middle.

    Raises
    ------
    InputError
        If there are no bonds.
    """
    lengths: dict[str, list[np.ndarray]] = defaultdict(list)
    angles: dict[str, list[np.ndarray]] = defaultdict(list)
    for frame in run.frames:
        _collect(frame, longest, lengths, angles)
    if not lengths:
        limit = f"{REACH} times the sum of covalent radii" if longest is None else f"{longest} Å"
        raise InputError(f"no two atoms are within {limit}; give a longer bond cutoff, Å")
    return (
        {name: _distribution(lengths[name], 0.02) for name in sorted(lengths)},
        {name: _distribution(angles[name], 2.0) for name in sorted(angles)},
    )


def _collect(
    frame: Atoms,
    longest: float | None,
    lengths: dict[str, list[np.ndarray]],
    angles: dict[str, list[np.ndarray]],
) -> None:
    reach = natural_cutoffs(frame, mult=REACH) if longest is None else longest
    centres, ends, distances, vectors = neighbor_list("ijdD", frame, reach)
    symbols = np.array(frame.get_chemical_symbols())
    once = symbols[centres] <= symbols[ends]
    same = symbols[centres] == symbols[ends]
    # A bond between equal elements appears from both its ends; half of them is enough.
    once &= ~same | (centres < ends) | ((centres == ends) & (vectors @ [1.0, 1e-3, 1e-6] > 0))
    names = np.char.add(np.char.add(symbols[centres], "-"), symbols[ends])
    for name in np.unique(names[once]):
        lengths[str(name)].append(distances[once & (names == name)])
    first, second = _edge_pairs(centres, len(frame))
    cosines = (vectors[first] * vectors[second]).sum(axis=1)
    cosines /= distances[first] * distances[second]
    found = np.degrees(np.arccos(np.clip(cosines, -1.0, 1.0)))
    outer = np.sort(np.stack([symbols[ends[first]], symbols[ends[second]]]), axis=0)
    for key in np.unique(np.stack([outer[0], symbols[centres[first]], outer[1]]), axis=1).T:
        chosen = (outer[0] == key[0]) & (symbols[centres[first]] == key[1]) & (outer[1] == key[2])
        angles["-".join(key)].append(found[chosen])


def _edge_pairs(centres: np.ndarray, atoms: int) -> tuple[np.ndarray, np.ndarray]:
    """Return all pairs of edges that leave the same atom, each once; centres ascend."""
    starts = np.searchsorted(centres, np.arange(atoms + 1))
    pairs = [
        np.add(np.triu_indices(end - start, 1), start)
        for start, end in itertools.pairwise(starts)
        if end - start > 1
    ]
    if not pairs:
        return np.zeros(0, dtype=int), np.zeros(0, dtype=int)
    first, second = np.concatenate(pairs, axis=1)
    return first, second


def _distribution(parts: list[np.ndarray], width: float) -> Distribution:
    values = np.concatenate(parts)
    low = width * np.floor(values.min() / width - 1.0)
    bins = np.arange(low, values.max() + 2.0 * width, width)
    density, edges = np.histogram(values, bins=bins, density=True)
    return Distribution(
        0.5 * (edges[1:] + edges[:-1]),
        density,
        float(values.mean()),
        float(values.std()),
        len(values),
    )
