"""Phonon frequencies along the path through the Brillouin zone, and the imaginary ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import seekpath
from phonopy import Phonopy
from phonopy.phonon.band_structure import BandStructure

from ..files import written_beside

_POINTS_PER_SEGMENT = 51

_IMAGINARY = -0.05
"""Frequencies in THz below this are imaginary for a reason, not for rounding."""


@dataclass(frozen=True)
class BandSegment:
    """Frequencies along a straight line between two points of the Brillouin zone.

    Attributes
    ----------
    start, end : str
        Names of the two points, "Γ", "X", ...
    qpoints : ndarray, shape (points, 3), float64
        In units of the primitive cell's reciprocal vectors.
    distances : ndarray, shape (points,), float64
        Length of the path up to each point in 1/Å (without 2π), counted from its first segment.
    frequencies : ndarray, shape (points, bands), float64
        Frequencies in THz; imaginary ones are negative.
    """

    start: str
    end: str
    qpoints: np.ndarray
    distances: np.ndarray
    frequencies: np.ndarray


@dataclass(frozen=True)
class ImaginaryMode:
    """The worst of the imaginary frequencies in one place.

    Attributes
    ----------
    place : str
        A point of the path, "X"; or a segment, "between Γ and X"; or "off the path".
    qpoint : tuple of float
        In units of the primitive cell's reciprocal vectors.
    frequency : float
        The lowest frequency there in THz, negative.
    branches : int
        How many branches are imaginary there.
    """

    place: str
    qpoint: tuple[float, float, float]
    frequency: float
    branches: int

    def __str__(self) -> str:
        number = "one branch" if self.branches == 1 else f"{self.branches} branches"
        where = ", ".join(f"{round(x, 3) + 0.0:g}" for x in self.qpoint)
        return f"{self.place}: {-self.frequency:.2f}i THz, {number}, q = ({where})"


@dataclass(frozen=True)
class Bands:
    """Frequencies along the path that seekpath recommends.

    Attributes
    ----------
    segments : tuple of BandSegment
    structure : BandStructure
        What phonopy says of the same path.
    """

    segments: tuple[BandSegment, ...]
    structure: BandStructure

    def write(self, path: Path) -> None:
        """Write phonopy's band.yaml, which `phonopy-bandplot` and others read."""
        with written_beside(path) as beside:
            self.structure.write_yaml(filename=beside)


def compute_bands(phonopy: Phonopy) -> Bands:
    """Compute the frequencies along seekpath's path.

    Source: Hinuma et al., doi 10.1016/j.commatsci.2016.10.015.

    Parameters
    ----------
    phonopy : Phonopy
        With force constants.
    """
    # The points belong to this primitive cell, which need not be the one seekpath would choose.
    recommended = seekpath.get_path_orig_cell(phonopy.primitive.totuple())
    points, pairs = recommended["point_coords"], recommended["path"]
    lines = [np.linspace(points[start], points[end], _POINTS_PER_SEGMENT) for start, end in pairs]
    connected = [end == start for (_, end), (start, _) in pairwise(pairs)]
    structure = phonopy.run_band_structure(
        lines, path_connections=[*connected, False], labels=list(_labels(pairs))
    )
    segments = tuple(
        BandSegment(_name(start), _name(end), np.asarray(qpoints), distances, frequencies)
        for (start, end), qpoints, distances, frequencies in zip(
            pairs, lines, structure.distances, structure.frequencies, strict=True
        )
    )
    return Bands(segments, structure)


def imaginary_modes(phonopy: Phonopy, bands: Bands, mesh: float) -> tuple[ImaginaryMode, ...]:
    """Find the imaginary modes: one for each place, the worst first.

    Parameters
    ----------
    phonopy : Phonopy
        With force constants.
    bands : Bands
        Its bands.
    mesh : float
        Density of the mesh off the path, phonopy's length in Å.
    """
    found = {mode.place: mode for segment in bands.segments for mode in _along(segment)}
    sampled = phonopy.run_mesh(mesh)
    lowest = sampled.frequencies[:, 0]
    worst = min((mode.frequency for mode in found.values()), default=_IMAGINARY)
    # A mesh point is worth a word only if the path has missed something worse.
    if len(lowest) and lowest.min() < 1.05 * worst:
        at = int(lowest.argmin())
        found["off the path"] = _mode("off the path", sampled.qpoints[at], sampled.frequencies[at])
    return tuple(sorted(found.values(), key=lambda mode: mode.frequency))


def _along(segment: BandSegment) -> Iterator[ImaginaryMode]:
    """Yield the ends that have imaginary frequencies, and the middle if it is worse."""
    ends = ((segment.start, 0), (segment.end, -1))
    worst = _IMAGINARY
    for name, index in ends:
        frequencies = segment.frequencies[index]
        if frequencies.min() < _IMAGINARY:
            yield _mode(name, segment.qpoints[index], frequencies)
            worst = min(worst, frequencies.min())
    lowest = segment.frequencies.min(axis=1)
    if lowest.min() < 1.05 * worst:
        index = int(lowest.argmin())
        place = f"between {segment.start} and {segment.end}"
        yield _mode(place, segment.qpoints[index], segment.frequencies[index])


def _mode(place: str, qpoint: np.ndarray, frequencies: np.ndarray) -> ImaginaryMode:
    x, y, z = (float(value) for value in qpoint)
    branches = int((frequencies < _IMAGINARY).sum())
    return ImaginaryMode(place, (x, y, z), float(frequencies.min()), branches)


def _labels(pairs: list[tuple[str, str]]) -> Iterator[str]:
    """Yield the names as phonopy wants them: the end of a segment only where the path jumps."""
    for index, (start, end) in enumerate(pairs):
        yield _name(start)
        if index + 1 == len(pairs) or pairs[index + 1][0] != end:
            yield _name(end)


def _name(seekpath_name: str) -> str:
    return seekpath_name.replace("GAMMA", "Γ").replace("SIGMA", "Σ").replace("_", "")
