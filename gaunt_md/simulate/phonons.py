"""Harmonic phonons from finite displacements, through phonopy."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from ase.formula import Formula
from phonopy import Phonopy
from phonopy.exception import BORNFileParseError
from phonopy.file_IO import parse_BORN, write_FORCE_CONSTANTS
from phonopy.structure.atoms import PhonopyAtoms
from phonopy.structure.cells import guess_primitive_matrix

from ..batch import evaluate_many
from ..calculator import in_double_precision
from ..errors import InputError
from ..files import written_beside
from ..progress import Progress, silent
from .geometry import face_distances
from .phonon_bands import Bands, BandSegment, ImaginaryMode, compute_bands, imaginary_modes
from .phonon_statistics import (
    MESH,
    DensityOfStates,
    ThermalProperties,
    density_of_states,
    thermal_properties,
)
from .symmetry import space_group

_SEED = 1


@dataclass(frozen=True)
class Displacements:
    """The supercells whose forces are to be computed.

    Attributes
    ----------
    phonopy : Phonopy
        Cells, displacements and, if given, effective charges.
    supercells : tuple of Atoms
        First the perfect supercell, then the displaced ones.
    """

    phonopy: Phonopy
    supercells: tuple[Atoms, ...]


@dataclass(frozen=True)
class Phonons:
    """Phonons of a crystal.

    Attributes
    ----------
    phonopy : Phonopy
        Cells, displacements, forces (eV/Å) and symmetrised force constants (eV/Å^2).
    """

    phonopy: Phonopy

    @cached_property
    def path(self) -> Bands:
        """Frequencies along the path through the Brillouin zone that seekpath recommends."""
        return compute_bands(self.phonopy)

    @property
    def bands(self) -> tuple[BandSegment, ...]:
        """The segments of the path, frequencies in THz."""
        return self.path.segments

    @cached_property
    def imaginary_modes(self) -> tuple[ImaginaryMode, ...]:
        """Imaginary modes on the path and off it, the worst first; a stable crystal has none."""
        return imaginary_modes(self.phonopy, self.path, MESH)

    @cached_property
    def density_of_states(self) -> DensityOfStates:
        """Density of states."""
        return density_of_states(self.phonopy)

    def at(self, point: str) -> np.ndarray:
        """Return the frequencies in THz at a named point of the path, shape (bands,)."""
        for segment in self.bands:
            if segment.start == point:
                return segment.frequencies[0]
            if segment.end == point:
                return segment.frequencies[-1]
        known = sorted({segment.start for segment in self.bands})
        raise InputError(f"the path has no point '{point}'; its points are {', '.join(known)}.")

    def summary(self) -> dict[str, Any]:
        """Return the results for programs, the units in the names; imaginary is negative."""
        supercell = self.phonopy.supercell_matrix.diagonal()
        return {
            "formula": Formula(self.phonopy.primitive.formula).format("metal"),
            "space_group": space_group(_to_ase(self.phonopy.unitcell), 1e-5),
            "supercell": supercell.tolist(),
            "supercell_atoms": len(self.phonopy.supercell),
            "displaced_supercells": len(self.phonopy.displacements),
            "highest_frequency_THz": max(
                float(segment.frequencies.max()) for segment in self.bands
            ),
            "frequencies_THz": {
                point: (self.at(point).round(6) + 0.0).tolist()
                for segment in self.bands
                for point in (segment.start, segment.end)
            },
            "imaginary_modes": [
                {
                    "place": mode.place,
                    "qpoint": mode.qpoint,
                    "frequency_THz": mode.frequency,
                    "branches": mode.branches,
                }
                for mode in self.imaginary_modes
            ],
        }

    def thermal_properties(self, temperatures: Sequence[float] | np.ndarray) -> ThermalProperties:
        """Return free energy, entropy and heat capacity at temperatures in K."""
        return thermal_properties(self.phonopy, temperatures)

    def write(self, path: Path) -> None:
        """Write phonopy's own YAML file: cells, displacements, forces, force constants, charges."""
        with written_beside(path) as beside:
            self.phonopy.save(beside, settings={"force_constants": True})

    def write_force_constants(self, path: Path) -> None:
        """Write phonopy's FORCE_CONSTANTS, which many programs read."""
        force_constants = self.phonopy.force_constants
        assert force_constants is not None
        with written_beside(path) as beside:
            write_FORCE_CONSTANTS(force_constants, beside, p2s_map=self.phonopy.primitive.p2s_map)


def compute_phonons(
    atoms: Atoms,
    calculator: BaseCalculator,
    *,
    supercell_width: float = 10.0,
    displacement: float = 0.02,
    snapshots: int | None = None,
    born: Path | None = None,
    progress: Progress = silent,
) -> Phonons:
    """Compute the phonons of a relaxed crystal.

    Forces of all supercells are evaluated together, of a `GauntCalculator` in double precision.
    Arguments and errors as for `displace`.

    Parameters
    ----------
    calculator : BaseCalculator
        Any ASE calculator with forces.
    progress : callable
        Told how many supercells have been evaluated.
    """
    displacements = displace(
        atoms,
        supercell_width=supercell_width,
        displacement=displacement,
        snapshots=snapshots,
        born=born,
    )
    calculator = in_double_precision(calculator)
    evaluated = evaluate_many(calculator, displacements.supercells, progress=progress)
    return phonons_from_forces(displacements, [found.get_forces() for found in evaluated])


def displace(
    atoms: Atoms,
    *,
    supercell_width: float = 10.0,
    displacement: float = 0.02,
    snapshots: int | None = None,
    born: Path | None = None,
) -> Displacements:
    """Make the supercells from whose forces the phonons follow.

    Parameters
    ----------
    atoms : Atoms
        Relaxed crystal, its symmetry exact within 1e-5 Å (see ``conventional_cell``).
    supercell_width : float
        Smallest distance in Å between opposite faces of the supercell.
    displacement : float
        Length of the displacements in Å.
    snapshots : int, optional
        Displace all atoms at random in so many supercells. Without it, one atom at a time is
        displaced, as often as symmetry demands: most accurate, and many supercells for a large cell
        of low symmetry.
    born : Path, optional
        Phonopy's file BORN: dielectric tensor and effective charges, which split the polar modes at
        Γ by the macroscopic field. Without it the splitting is left out.

    Raises
    ------
    InputError
        If the structure is not periodic in three directions, a number is not positive, the
        supercell has one atom, or the file BORN is missing or does not fit.
    """
    if not atoms.pbc.all():
        raise InputError(
            f"phonons need a crystal, periodic in three directions; pbc is {atoms.pbc.tolist()}"
        )
    for name, value, unit in (
        ("supercell_width", supercell_width, " Å"),
        ("displacement", displacement, " Å"),
        ("snapshots", 1 if snapshots is None else snapshots, ""),
    ):
        if not value > 0:
            raise InputError(f"{name} is {value}{unit}; it must be positive")
    unit_cell = PhonopyAtoms(
        numbers=atoms.numbers, cell=atoms.cell.array, positions=atoms.positions
    )
    phonopy = Phonopy(
        unit_cell,
        supercell_matrix=np.ceil(supercell_width / face_distances(atoms)).astype(int),
        primitive_matrix=guess_primitive_matrix(unit_cell),
    )
    if len(phonopy.supercell) < 2:
        raise InputError(
            f"with supercell_width {supercell_width} Å the supercell is one atom, on which "
            "displacements do nothing; use a larger one, as 10"
        )
    if born is not None:
        phonopy.nac_params = _read_born(born, phonopy)
    phonopy.generate_displacements(
        distance=displacement, number_of_snapshots=snapshots, random_seed=_SEED
    )
    supercells = [phonopy.supercell, *(phonopy.supercells_with_displacements or [])]
    return Displacements(phonopy, tuple(_to_ase(supercell) for supercell in supercells))


def phonons_from_forces(displacements: Displacements, forces: Sequence[np.ndarray]) -> Phonons:
    """Compute phonons from the forces on the supercells, whichever program computed them.

    What is left of forces in the perfect supercell is subtracted. The force constants are projected
    onto the space group and the sum rules: float32 noise of 1e-5 eV/Å would otherwise lift the
    acoustic branches at Γ by 0.3 THz. Those of random displacements are fitted by symfc (Seko and
    Togo, doi 10.1103/PhysRevB.110.214302).

    Parameters
    ----------
    displacements : Displacements
        It is not changed.
    forces : sequence of ndarray, shape (atoms, 3)
        In eV/Å, in the order of ``displacements.supercells``.

    Raises
    ------
    InputError
        If the number of forces is wrong.
    """
    if len(forces) != len(displacements.supercells):
        raise InputError(
            f"there are forces of {len(forces)} supercells and {len(displacements.supercells)} "
            "supercells; give those of the perfect one first, then of all displaced ones"
        )
    phonopy = displacements.phonopy.replicate()
    phonopy.nac_params = displacements.phonopy.nac_params
    phonopy.dataset = copy.deepcopy(displacements.phonopy.dataset)
    perfect, *displaced = forces
    phonopy.forces = [found - perfect for found in displaced]
    random = "displacements" in (phonopy.dataset or {})
    phonopy.produce_force_constants(
        fc_calculator="symfc" if random else "traditional",
        calculate_full_force_constants=False,
        show_drift=False,
    )
    phonopy.symmetrize_force_constants(use_symfc_projector=True, show_drift=False)
    return Phonons(phonopy)


def _read_born(path: Path, phonopy: Phonopy) -> Any:
    try:
        return parse_BORN(phonopy.primitive, filename=path)
    except (BORNFileParseError, ValueError) as error:
        raise InputError(
            f"the file BORN '{path}' cannot be used: {error}. It needs a first line, the "
            "dielectric tensor, and the charges of the atoms that symmetry does not relate."
        ) from error
    except OSError as error:
        raise InputError(f"'{path}' cannot be read: {error.strerror}") from error


def _to_ase(supercell: PhonopyAtoms) -> Atoms:
    return Atoms(supercell.symbols, positions=supercell.positions, cell=supercell.cell, pbc=True)
