"""Labelled data from a Lennard-Jones crystal, and a training small enough for seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.lj import LennardJones
from ase.calculators.singlepoint import SinglePointCalculator
from rich.console import Console

from gaunt_md.training.config import Configuration, parse_configuration
from gaunt_md.training.run import train


def lennard_jones_frames(count: int) -> list[Atoms]:
    random = np.random.default_rng(5)
    frames = []
    for k in range(count):
        atoms = bulk("Ar", "fcc", a=5.2 + 0.02 * (k % 5), cubic=True)
        atoms.positions += random.normal(scale=0.12, size=(len(atoms), 3))
        atoms.calc = LennardJones(sigma=3.4, epsilon=0.2, rc=6.0, smooth=True)
        labels = {
            "energy": atoms.get_potential_energy(),
            "forces": atoms.get_forces(),
            "stress": atoms.get_stress(),
        }
        atoms.calc = SinglePointCalculator(atoms, **labels)
        frames.append(atoms)
    return frames


@pytest.fixture(scope="session")
def argon(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with 14 labelled structures of 4 atoms."""
    path = tmp_path_factory.mktemp("data") / "argon.xyz"
    ase.io.write(path, lennard_jones_frames(14))
    return path


@pytest.fixture(scope="session")
def configure(argon: Path) -> Callable[..., Configuration]:
    """Make the configuration of a training with 3 epochs of 4 steps."""

    def make(output: Path, **training: Any) -> Configuration:
        return parse_configuration(
            {
                "name": "argon",
                "output": output,
                "data": {"train": argon, "test": argon, "validation_fraction": 0.15},
                "model": {"cutoff": 4.2, "channels": 4, "radial_width": 8, "dtype": "float64"},
                "training": {"epochs": 3, "batch_size": 3, **training},
            }
        )

    return make


@pytest.fixture(scope="session")
def finished(
    configure: Callable[..., Configuration], tmp_path_factory: pytest.TempPathFactory
) -> Configuration:
    """A training that ran to its end without a stop."""
    configuration = configure(tmp_path_factory.mktemp("finished") / "run")
    train(configuration, Console(quiet=True))
    return configuration
