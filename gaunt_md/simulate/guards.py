"""Whether molecular dynamics still makes sense."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms, units
from scipy.spatial import cKDTree

from ..errors import UnstableRunError
from .velocities import temperature

LONGEST_STEP = 1.0
"""Å; the lightest atoms at 10000 K move half as far in 1 fs."""

LOST = 10.0
"""Å; an atom so far from all others feels nothing, and will not come back."""


@dataclass(frozen=True)
class Guard:
    """Bounds that molecular dynamics must not leave.

    Attributes
    ----------
    temperature : float
        Highest temperature in K.
    lost : bool
        Whether an atom may not leave the others, by 10 Å along directions that are not periodic.
    """

    temperature: float
    lost: bool = True

    def check(self, atoms: Atoms, before: np.ndarray) -> None:
        """Compare atoms with what they may do.

        Parameters
        ----------
        atoms : Atoms
            After a step.
        before : ndarray, shape (atoms, 3), float64
            Positions before that step in Å.

        Raises
        ------
        UnstableRunError
            With the atom that is to blame.
        """
        moved = np.linalg.norm(atoms.positions - before, axis=1)
        self._check_finite(atoms, moved)
        fastest = int(moved.argmax())
        if moved[fastest] > LONGEST_STEP:
            raise UnstableRunError(
                f"atom {_name(atoms, fastest)} moved by {moved[fastest]:.2f} Å in one step"
            )
        if (found := temperature(atoms)) > self.temperature:
            energies = 0.5 * atoms.get_masses() * (atoms.get_velocities() ** 2).sum(axis=1)
            hottest = int(energies.argmax())
            raise UnstableRunError(
                f"the temperature is {found:.0f} K, above the bound of {self.temperature:.0f} K; "
                f"the hottest atom is {_name(atoms, hottest)} with "
                f"{energies[hottest] / (1.5 * units.kB):.0f} K"
            )
        if self.lost and (index := lost_atom(atoms)) is not None:
            raise UnstableRunError(
                f"atom {_name(atoms, index)} is lost: more than {LOST:g} Å from all others"
            )

    @staticmethod
    def _check_finite(atoms: Atoms, moved: np.ndarray) -> None:
        momenta = atoms.get_momenta()
        wrong = ~(np.isfinite(moved) & np.isfinite(momenta).all(axis=1))
        if wrong.any():
            index = int(np.flatnonzero(wrong)[0])
            raise UnstableRunError(
                f"position or velocity of atom {_name(atoms, index)} is not a finite number"
            )


def lost_atom(atoms: Atoms) -> int | None:
    """Return the first atom that is farther than 10 Å from all others along open directions."""
    if atoms.pbc.all() or len(atoms) < 2:
        return None
    open_directions = _open_directions(atoms)
    coordinates = atoms.positions @ open_directions.T
    distances, _ = cKDTree(coordinates).query(coordinates, k=2, distance_upper_bound=LOST)
    lost = np.flatnonzero(~np.isfinite(distances[:, 1]))
    return int(lost[0]) if len(lost) else None


def _open_directions(atoms: Atoms) -> np.ndarray:
    """Return unit vectors at right angles to all periodic cell vectors, shape (1 to 3, 3)."""
    periodic = atoms.cell.array[atoms.pbc]
    _, _, right = np.linalg.svd(np.vstack([periodic, np.zeros((1, 3))]))
    return right[len(periodic) :]


def _name(atoms: Atoms, index: int) -> str:
    return f"{index} ({atoms.symbols[index]})"
