"""Small untrained potentials: equivariance, forces and files do not depend on training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk

from gaunt_md import potential_file
from gaunt_md.model import Potential


def make_potential(dtype: str, elements: tuple[str, ...] = ("Si", "O")) -> Potential:
    """Return a small random potential that any run with the same version of torch reproduces."""
    with torch.random.fork_rng():
        torch.manual_seed(11)
        return Potential(
            list(elements),
            cutoff=4.0,
            channels=8,
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


@pytest.fixture(scope="session")
def potential() -> Potential:
    return make_potential("float64")


@pytest.fixture(scope="session")
def potential_float32() -> Potential:
    return make_potential("float32")


def _save(potential: Potential, folder: Path) -> Path:
    path = folder / "random.pt"
    potential_file.save(
        potential,
        path,
        reference=silicon_oxide(),
        description={"name": "random", "licence": "MIT"},
    )
    return path


@pytest.fixture(scope="session")
def potential_file_float64(potential: Potential, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _save(potential, tmp_path_factory.mktemp("float64"))


@pytest.fixture(scope="session")
def potential_file_float32(
    potential_float32: Potential, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return _save(potential_float32, tmp_path_factory.mktemp("float32"))


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(2024)
