"""After a mistake there is one line, and no file or folder that was not there before."""

from __future__ import annotations

from pathlib import Path

import ase.io
import pytest
from ase import Atoms
from ase.build import bulk
from cli_runs import gaunt_md, gaunt_md_process

from gaunt_md.simulate.trajectory_writers import write_trajectory

GIVEN = ("born", "broken.pt", "ge.cif", "molecule.xyz", "run.extxyz", "si.cif", "typo.yaml")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ase.io.write(tmp_path / "si.cif", bulk("Si", a=5.47))
    ase.io.write(tmp_path / "ge.cif", bulk("Ge"))
    molecule = Atoms("Si2", [[0, 0, 0], [0, 0, 2.2]], info={"time_fs": 0.0, "step": 0})
    ase.io.write(tmp_path / "molecule.xyz", molecule, format="extxyz")
    molecule.positions[1, 2] = 9.0
    write_trajectory(tmp_path / "run.extxyz", [molecule])
    (tmp_path / "born").write_text("no charges")
    (tmp_path / "broken.pt").write_text("no potential")
    (tmp_path / "typo.yaml").write_text("superzell: 2\n")
    return tmp_path


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - set(GIVEN)


@pytest.mark.parametrize("verb", ["relax", "md", "phonons", "elastic"])
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("missing.cif -p si-small", "no data file 'missing.cif'"),
        ("ge.cif -p si-small", "potential has no element Ge"),
        ("si.cif -p nowhere.pt", "there is no potential 'nowhere.pt'"),
        ("si.cif -p broken.pt", "broken.pt"),
        ("si.cif -p si-small --config typo.yaml", "unknown key 'superzell'"),
        ("si.cif -p si-small --config missing.yaml", "no configuration 'missing.yaml'"),
        ("si.cif -p si-small -o nowhere/x.cif", "there is no folder 'nowhere'"),
    ],
)
def test_of_any_verb(folder: Path, verb: str, arguments: str, complaint: str):
    options = ("--temperature", "300") if verb == "md" else ()
    finished = gaunt_md(verb, *arguments.split(), *options, cwd=folder)
    assert finished.returncode == 1
    assert finished.stderr.startswith("error: ")
    assert complaint in finished.stderr
    assert finished.stderr.count("\n") == 1
    assert finished.stdout == ""
    assert left(folder) == set()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("md si.cif -p si-small", "needs a temperature"),
        ("md molecule.xyz -p si-small --temperature 300 --ensemble npt", "periodic in three"),
        ("phonons molecule.xyz -p si-small", "periodic in three directions"),
        ("phonons si.cif -p si-small --born born", "the file BORN 'born' cannot be used"),
        (
            "phonons si.cif -p si-small --born born --engine lammps",
            "the file BORN 'born' cannot be used",
        ),
        ("elastic molecule.xyz -p si-small", "periodic in three directions"),
        ("analyse missing.extxyz", "there is no trajectory 'missing.extxyz'"),
        ("analyse run.extxyz --only radial", "periodic in three directions"),
        ("analyse run.extxyz", "nothing can be computed: g(r) needs"),
        ("demo -p broken.pt -o demo", "broken.pt"),
        ("train --train missing.xyz -o out", "missing.xyz"),
        ("train --train si.cif -o out", "energy"),
        ("bench train missing.xyz -o out", "missing.xyz"),
        ("bench product --panel interactoin -o out", "Did you mean 'interaction'?"),
    ],
)
def test_of_one_verb(folder: Path, arguments: str, complaint: str):
    finished = gaunt_md(*arguments.split(), cwd=folder)
    assert finished.returncode == 1
    assert finished.stderr.splitlines()[-1].startswith("error: ")
    assert complaint in finished.stderr
    assert left(folder) == set()


def test_of_the_program_itself(folder: Path):
    finished = gaunt_md_process("elastic", "ge.cif", "-p", "si-small", cwd=folder)
    assert finished.returncode == 1
    assert finished.stderr.startswith("error: potential has no element Ge")
    assert left(folder) == set()


def test_a_folder_that_was_there_stays(folder: Path):
    (folder / "mine").mkdir()
    finished = gaunt_md("phonons", "ge.cif", "-p", "si-small", "-o", "mine", cwd=folder)
    assert finished.returncode == 1
    assert left(folder) == {"mine"}
