"""Radial distribution functions and coordination numbers, through mdtraj."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement

import mdtraj
import numpy as np

from ..errors import InputError
from ..units import ANGSTROM_TO_NM
from .geometry import face_distances
from .mdtraj_conversion import to_mdtraj
from .trajectory import Trajectory

_DISTANCES_AT_ONCE = 10_000_000  # of mdtraj, which keeps all of them in memory


@dataclass(frozen=True)
class RadialDistribution:
    """Pair distribution function g(r).

    Attributes
    ----------
    distances : ndarray, shape (bins,), float64
        Centres of the bins in Å.
    values : ndarray, shape (bins,), float64
        g(r): 1 where pairs are as frequent as in an ideal gas of the same density.
    coordination : ndarray, shape (bins,), float64
        Average number of neighbours of an atom (of the first element) up to the end of each bin.
    """

    distances: np.ndarray
    values: np.ndarray
    coordination: np.ndarray

    @property
    def first_minimum(self) -> float | None:
        """Distance in Å of the lowest g(r) between first and second maximum, if there is one."""
        risen = np.flatnonzero(self.values > 1.0)
        if not len(risen):
            return None
        # The first shell, not the highest: in crystals, farther ones can be higher.
        beyond = self.values[risen[0] :]
        highest = np.maximum.accumulate(beyond)
        below = np.flatnonzero(beyond < 0.5 * np.minimum(highest, 2.0))
        if not len(below):
            return None
        # The first shell has ended; up to where g(r) rises above one again, it is lowest.
        start = int(risen[0] + below[0])
        above = np.flatnonzero(self.values[start:] > 1.0)
        end = start + int(above[0]) if len(above) else len(self.values)
        lowest = self.values[start:end].min()
        flat = np.flatnonzero(self.values[start:end] <= lowest)
        return float(self.distances[start + flat[len(flat) // 2]])

    @property
    def coordination_number(self) -> float | None:
        """Average number of neighbours up to the first minimum, if there is one."""
        if self.first_minimum is None:
            return None
        return float(np.interp(self.first_minimum, self.distances, self.coordination))


def largest_distance(run: Trajectory) -> float:
    """Return half the smallest distance in Å between opposite faces of the cell in any frame.

    Farther out the nearest periodic images are no longer all pairs, and g(r) would decay.
    """
    return min(float(face_distances(frame).min()) for frame in run.frames) / 2.0


def radial_distribution(
    run: Trajectory,
    bin_width: float = 0.05,
    *,
    pair: tuple[str, str] | None = None,
    r_max: float | None = None,
) -> RadialDistribution:
    """Compute g(r), averaged over the frames.

    Parameters
    ----------
    run : Trajectory
        Frames periodic in three directions.
    bin_width : float
        Width of the bins in Å.
    pair : tuple of str, optional
        Elements of the pairs; all atoms if not given.
    r_max : float, optional
        Largest distance in Å; `largest_distance` if not given.

    Raises
    ------
    InputError
        If the structure is not periodic, there are no such pairs, r_max is beyond half the cell, or
        bin_width beyond r_max.
    """
    first = run.frames[0]
    if not first.pbc.all():
        raise InputError(
            f"g(r) needs a structure periodic in three directions, pbc is {first.pbc.tolist()}."
        )
    longest = largest_distance(run)
    if r_max is not None and not 0.0 < r_max <= longest:
        raise InputError(
            f"r_max is {r_max} Å; it must be positive and within half the cell, {longest:.3f} Å, "
            "beyond which g(r) would be wrong. Use a larger cell for more."
        )
    r_max = r_max or longest
    if not 0.0 < bin_width <= r_max:
        raise InputError(
            f"bin_width is {bin_width} Å; it must be positive and at most the largest distance, "
            f"{r_max:.3f} Å"
        )
    converted = to_mdtraj(run)
    indices = [_chosen(converted, name) for name in pair or (None, None)]
    pairs = converted.topology.select_pairs(*indices)
    if not len(pairs):
        raise InputError(f"the structure has no pairs of {' and '.join(pair or ('atoms',))}")
    distances, values = _histogram(converted, pairs, r_max, bin_width)
    density = np.mean([len(indices[1]) / frame.get_volume() for frame in run.frames])
    if pair is None or pair[0] == pair[1]:
        # mdtraj's g(r) is 1 for the pairs there are, not for those with an atom itself.
        density *= (len(indices[1]) - 1) / len(indices[1])
    edges = np.append(distances - bin_width / 2.0, distances[-1] + bin_width / 2.0)
    shells = 4.0 / 3.0 * np.pi * np.diff(edges**3)
    return RadialDistribution(distances, values, np.cumsum(density * shells * values))


def radial_distributions(
    run: Trajectory, bin_width: float = 0.05, *, r_max: float | None = None
) -> dict[str, RadialDistribution]:
    """Compute g(r) of every pair of elements; arguments and errors as for `radial_distribution`.

    Returns
    -------
    dict of str to RadialDistribution
        By names as "Si-O".
    """
    elements = sorted(set(run.frames[0].get_chemical_symbols()))
    counts = {name: run.frames[0].get_chemical_symbols().count(name) for name in elements}
    return {
        f"{one}-{other}": radial_distribution(run, bin_width, pair=(one, other), r_max=r_max)
        for one, other in combinations_with_replacement(elements, 2)
        if one != other or counts[one] > 1
    }


def _chosen(converted: mdtraj.Trajectory, element: str | None) -> np.ndarray:
    atoms = converted.topology.atoms
    return np.array([a.index for a in atoms if element in (None, a.element.symbol)], dtype=int)


def _histogram(
    converted: mdtraj.Trajectory, pairs: np.ndarray, r_max: float, bin_width: float
) -> tuple[np.ndarray, np.ndarray]:
    """Let mdtraj compute g(r) of a few frames at a time; what it normalises by is additive."""
    at_once = max(1, _DISTANCES_AT_ONCE // len(pairs))
    total, weight = np.zeros(1), 0.0
    for start in range(0, len(converted), at_once):
        chunk = converted[start : start + at_once]
        distances, values = mdtraj.compute_rdf(
            chunk,
            pairs,
            r_range=(0.0, ANGSTROM_TO_NM * r_max),
            bin_width=ANGSTROM_TO_NM * bin_width,
        )
        inverse_volumes = float((1.0 / chunk.unitcell_volumes).sum())
        total, weight = total + inverse_volumes * values, weight + inverse_volumes
    return distances / ANGSTROM_TO_NM, total / weight
