"""What all dynamics are timed on: diamond silicon near 600 K."""

from __future__ import annotations

from itertools import product

from ase import Atoms, units
from ase.build import bulk

from ..errors import InputError
from ..simulate.velocities import thermalised

LATTICE_CONSTANT = 5.468
"""Of the PBE functional, Å."""

TEMPERATURE = 600.0
"""K."""

TIMESTEP = 1.0
"""fs."""

ATOMS_PER_CELL = 8

# Root mean square displacement along an axis at this temperature, Å, of the experimental
# Debye-Waller factor 0.46 Å^2 at 300 K (Deutsch and Hart, Phys. Rev. B 31, 3846, 1985).
_DISPLACEMENT = 0.108
_SEED = 7


def hot_silicon(atoms: int) -> Atoms:
    """Return silicon with thermal displacements and velocities, periodic and as cubic as possible.

    Parameters
    ----------
    atoms : int
        A multiple of 8.

    Raises
    ------
    InputError
        If it is not.
    """
    cells, left = divmod(atoms, ATOMS_PER_CELL)
    if left or cells < 1:
        raise InputError(f"{atoms} atoms are no whole cells of diamond: choose a multiple of 8")
    silicon = bulk("Si", "diamond", a=LATTICE_CONSTANT, cubic=True).repeat(most_cubic(cells))
    silicon.rattle(_DISPLACEMENT, seed=_SEED)
    return thermalised(silicon, TEMPERATURE, _SEED)


def fly(atoms: Atoms) -> None:
    """Move atoms along their velocities for a time step."""
    atoms.positions += TIMESTEP * units.fs * atoms.get_velocities()


def most_cubic(cells: int) -> tuple[int, int, int]:
    """Return three factors of a number that differ as little as possible."""
    divisors = [n for n in range(1, cells + 1) if cells % n == 0]
    shapes = [
        (a, b, cells // (a * b))
        for a, b in product(divisors, repeat=2)
        if a <= b and cells % (a * b) == 0 and b <= cells // (a * b)
    ]
    return min(shapes, key=lambda shape: shape[2] / shape[0])
