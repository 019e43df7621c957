"""Geometry of cells."""

from __future__ import annotations

import numpy as np
from ase import Atoms


def face_distances(atoms: Atoms) -> np.ndarray:
    """Return the distances in Å between opposite faces of the cell, shape (3,)."""
    return 1.0 / np.linalg.norm(atoms.cell.reciprocal().array, axis=1)
