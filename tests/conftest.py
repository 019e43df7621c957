"""Small untrained potentials: equivariance, forces and files do not depend on training."""

from __future__ import annotations

import os
from pathlib import Path

# Before torch is imported, and for all programs that tests start: the structures are so small that
# threads only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from samples import make_potential, silicon_oxide

from gaunt_md import potential_file
from gaunt_md.model import Potential


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
