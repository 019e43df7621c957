"""`gaunt-md bench train` times real training."""

from __future__ import annotations

import json
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from typer.testing import CliRunner

from gaunt_md.cli.main import app


def labelled(seed: int) -> Atoms:
    atoms = bulk("Si", cubic=True)
    atoms.rattle(0.1, seed=seed)
    random = np.random.default_rng(seed)
    atoms.info = {"REF_energy": -40.0 + seed, "REF_stress": 0.01 * np.eye(3)}
    atoms.set_array("REF_forces", random.normal(size=(8, 3)))
    return atoms


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "silicon.xyz"
    ase.io.write(path, [labelled(seed) for seed in range(5)])
    return path


TINY = ["--shape", "8,1,2", "--rounds", "1", "--threads", "1"]


@pytest.mark.parametrize("steps", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_an_epoch_is_timed(data: Path, tmp_path: Path, steps: int) -> None:
    folder = tmp_path / "out"
    fewer = [] if steps == 3 else ["--steps", str(steps)]
    command = ["bench", "train", str(data), *TINY, *fewer, "-o", str(folder)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert "seconds per epoch" in result.output
    assert ("from 1 step of each turn" in " ".join(result.output.split())) == (steps < 3)
    content = json.loads((folder / "train.json").read_text())
    ours = content["results"][0]
    assert (ours["steps"], ours["steps_per_epoch"]) == (steps, 3)  # 5 structures in batches of 2
    assert ours["seconds_per_epoch"] > 0
    assert (folder / "train.png").read_bytes()[:4] == b"\x89PNG"


def test_structures_without_stress_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "silicon.xyz"
    atoms = labelled(0)
    del atoms.info["REF_stress"]
    ase.io.write(path, [atoms])
    arguments = ["bench", "train", str(path), "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(app, arguments)
    assert "no stress" in str(result.exception)
