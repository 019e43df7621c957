"""Small untrained potentials and structures that many tests use."""

from __future__ import annotations

import torch
from ase import Atoms
from ase.build import bulk

from gaunt_md.model import Potential


def make_potential(
    dtype: str,
    elements: tuple[str, ...] = ("Si", "O"),
    layers: int = 2,
    cutoff: float = 4.0,
) -> Potential:
    """Return a small random potential that any run with the same version of torch reproduces."""
    with torch.random.fork_rng():
        torch.manual_seed(11)
        return Potential(
            list(elements),
            cutoff=cutoff,
            channels=8,
            layers=layers,
            radial_width=16,
            average_neighbours=15.0,
            energy_scale=0.7,
            reference_energies=[-1.5, -3.25][: len(elements)],
            dtype=dtype,
        )


def silicon_oxide(repeats: tuple[int, int, int] = (1, 1, 1), seed: int = 3) -> Atoms:
    """Return rattled silicon in which every fourth atom is oxygen."""
    atoms = bulk("Si", cubic=True).repeat(repeats)
    atoms.symbols[::4] = "O"
    atoms.rattle(0.12, seed=seed)
    return atoms
