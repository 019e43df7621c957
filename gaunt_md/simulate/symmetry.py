"""The space group of a structure, found with spglib."""

from __future__ import annotations

import spglib
from ase import Atoms

from ..errors import InputError


def _cell(atoms: Atoms) -> tuple:
    if not atoms.pbc.all():
        raise InputError(
            f"a space group needs a structure periodic in three directions, pbc is "
            f"{atoms.pbc.tolist()}. Set atoms.pbc = True if it is a crystal."
        )
    return atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers


def space_group(atoms: Atoms, tolerance: float = 1e-3) -> str:
    """Return the space group as "Fd-3m (227)".

    Parameters
    ----------
    atoms : Atoms
        A crystal, periodic in three directions.
    tolerance : float
        Distance in Å within which atoms count as symmetry images of each other.
    """
    dataset = spglib.get_symmetry_dataset(_cell(atoms), symprec=tolerance)
    if dataset is None:
        raise InputError(_nothing_found(atoms, tolerance))
    return f"{dataset.international} ({dataset.number})"


def conventional_cell(atoms: Atoms, tolerance: float = 1e-3) -> Atoms:
    """Return the conventional cell in its standard orientation, its symmetry made exact.

    Parameters
    ----------
    atoms : Atoms
        A crystal, periodic in three directions.
    tolerance : float
        Distance in Å within which atoms count as symmetry images of each other.
    """
    standard = spglib.standardize_cell(_cell(atoms), symprec=tolerance)
    if standard is None:
        raise InputError(_nothing_found(atoms, tolerance))
    cell, scaled_positions, numbers = standard
    return Atoms(numbers, scaled_positions=scaled_positions, cell=cell, pbc=True)


def _nothing_found(atoms: Atoms, tolerance: float) -> str:
    return (
        f"spglib finds no symmetry of {atoms.get_chemical_formula()} within {tolerance} Å. Are "
        "there atoms closer than that? Otherwise try a smaller tolerance."
    )
