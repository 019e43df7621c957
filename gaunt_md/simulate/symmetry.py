"""The space group of a structure, found with spglib."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import spglib
from ase import Atoms

from ..errors import InputError


def _cell(atoms: Atoms) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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

    Raises
    ------
    InputError
        If it is no crystal, or spglib finds nothing.
    """
    dataset = _found(spglib.get_symmetry_dataset, atoms, tolerance)
    return f"{dataset.international} ({dataset.number})"


def conventional_cell(atoms: Atoms, tolerance: float = 1e-3) -> Atoms:
    """Return the conventional cell in its standard orientation, its symmetry made exact.

    Parameters and errors as for `space_group`.
    """
    cell, scaled_positions, numbers = _found(spglib.standardize_cell, atoms, tolerance)
    return Atoms(numbers, scaled_positions=scaled_positions, cell=cell, pbc=True)


def point_group_rotations(atoms: Atoms, tolerance: float = 1e-3) -> np.ndarray:
    """Return the rotations and improper rotations of the crystal in Cartesian coordinates.

    Parameters and errors as for `space_group`.

    Returns
    -------
    ndarray, shape (operations, 3, 3), float64
        Orthogonal matrices that act on column vectors.
    """
    rotations = _found(spglib.get_symmetry, atoms, tolerance)["rotations"]
    columns = atoms.cell.array.T
    found = columns @ np.unique(rotations, axis=0) @ np.linalg.inv(columns)
    # The cell has its symmetry within the tolerance only: take the nearest orthogonal matrices.
    left, _, right = np.linalg.svd(found)
    return left @ right


def _found(search: Callable[..., Any], atoms: Atoms, tolerance: float) -> Any:
    """Return what spglib finds; it tells in two ways that it has found nothing."""
    cell = _cell(atoms)
    try:
        found = search(cell, symprec=tolerance)
    except spglib.SpglibError:
        found = None
    if found is None:
        raise InputError(
            f"spglib finds no symmetry of {atoms.get_chemical_formula()} within {tolerance} Å. Are "
            "there atoms closer than that? Otherwise try a smaller tolerance."
        )
    return found
