"""Harmonic phonons from finite displacements, through phonopy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import seekpath
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from phonopy import Phonopy
from phonopy.structure.atoms import PhonopyAtoms
from phonopy.structure.cells import guess_primitive_matrix

from ..errors import InputError
from ..files import written_beside
from .geometry import face_distances

_POINTS_PER_SEGMENT = 51


@dataclass(frozen=True)
class BandSegment:
    """Frequencies along a straight line between two points of the Brillouin zone.

    Attributes
    ----------
    start, end : str
        Names of the two points, "Γ", "X", ...
    distances : ndarray, shape (points,), float64
        Length of the path up to each point in 1/Å (without 2π), counted from its first segment.
    frequencies : ndarray, shape (points, bands), float64
        Frequencies in THz; imaginary ones are negative.
    """

    start: str
    end: str
    distances: np.ndarray
    frequencies: np.ndarray


@dataclass(frozen=True)
class Phonons:
    """Phonons of a crystal.

    Attributes
    ----------
    phonopy : Phonopy
        Cells, displacements, forces (eV/Å) and symmetrised force constants (eV/Å^2).
    bands : tuple of BandSegment
        Frequencies in THz along the path through the Brillouin zone that seekpath recommends.
    """

    phonopy: Phonopy
    bands: tuple[BandSegment, ...]

    def at(self, point: str) -> np.ndarray:
        """Return the frequencies in THz at a named point of the path, shape (bands,)."""
        for segment in self.bands:
            if segment.start == point:
                return segment.frequencies[0]
            if segment.end == point:
                return segment.frequencies[-1]
        known = sorted({segment.start for segment in self.bands})
        raise InputError(f"the path has no point '{point}'; its points are {', '.join(known)}.")

    def write(self, path: Path) -> None:
        """Write phonopy's own YAML file, force constants included."""
        with written_beside(path) as beside:
            self.phonopy.save(beside, settings={"force_constants": True})


def compute_phonons(
    atoms: Atoms,
    calculator: BaseCalculator,
    *,
    supercell_width: float = 10.0,
    displacement: float = 0.02,
) -> Phonons:
    """Compute the phonons of a relaxed crystal.

    The force constants are projected onto the space group and the sum rules: float32 noise of
    1e-5 eV/Å would otherwise lift the acoustic branches at Γ by 0.3 THz. The splitting of
    polar modes by the macroscopic field is left out.

    Parameters
    ----------
    atoms : Atoms
        Relaxed crystal, its symmetry exact within 1e-5 Å (see ``conventional_cell``).
    calculator : BaseCalculator
        Any ASE calculator with forces.
    supercell_width : float
        Smallest distance in Å between opposite faces of the supercell.
    displacement : float
        Length of the displacements in Å.

    Raises
    ------
    InputError
        If the structure is not periodic in three directions.
    """
    if not atoms.pbc.all():
        raise InputError(
            f"phonons need a crystal, periodic in three directions; pbc is {atoms.pbc.tolist()}"
        )
    unit_cell = PhonopyAtoms(
        numbers=atoms.numbers, cell=atoms.cell.array, positions=atoms.positions
    )
    phonopy = Phonopy(
        unit_cell,
        supercell_matrix=np.ceil(supercell_width / face_distances(atoms)).astype(int),
        primitive_matrix=guess_primitive_matrix(unit_cell),
    )
    phonopy.generate_displacements(distance=displacement)
    phonopy.forces = [
        _forces(supercell, calculator) for supercell in phonopy.supercells_with_displacements or []
    ]
    phonopy.produce_force_constants()
    phonopy.symmetrize_force_constants(use_symfc_projector=True, show_drift=False)
    return Phonons(phonopy, _bands(phonopy))


def _forces(supercell: PhonopyAtoms, calculator: BaseCalculator) -> np.ndarray:
    atoms = Atoms(supercell.symbols, positions=supercell.positions, cell=supercell.cell, pbc=True)
    return calculator.get_forces(atoms)


def _bands(phonopy: Phonopy) -> tuple[BandSegment, ...]:
    # The points belong to this primitive cell, which need not be the one seekpath would choose.
    recommended = seekpath.get_path_orig_cell(phonopy.primitive.totuple())
    points, pairs = recommended["point_coords"], recommended["path"]
    lines = [np.linspace(points[start], points[end], _POINTS_PER_SEGMENT) for start, end in pairs]
    bands = phonopy.run_band_structure(lines)
    return tuple(
        BandSegment(_name(start), _name(end), distances, frequencies)
        for (start, end), distances, frequencies in zip(
            pairs, bands.distances, bands.frequencies, strict=True
        )
    )


def _name(seekpath_name: str) -> str:
    return seekpath_name.replace("GAMMA", "Γ").replace("SIGMA", "Σ").replace("_", "")
