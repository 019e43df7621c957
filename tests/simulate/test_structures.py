from __future__ import annotations

from pathlib import Path

import ase.io
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from gaunt_md.errors import InputError
from gaunt_md.simulate.structures import (
    read_structure,
    read_structures,
    require_format,
    write_structures,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    ase.io.write(tmp_path / "several.extxyz", [bulk("Cu", a=a) for a in (3.5, 3.6, 3.7)])
    return tmp_path / "several.extxyz"


@pytest.mark.parametrize(
    ("choice", "edges"),
    [("", (3.5, 3.6, 3.7)), ("@1", (3.6,)), ("@-1", (3.7,)), ("@1:", (3.6, 3.7))],
)
def test_structures_are_chosen_as_ase_does(path: Path, choice: str, edges: tuple[float, ...]):
    found = read_structures(Path(f"{path}{choice}"))
    assert [atoms.get_volume() for atoms in found] == pytest.approx([a**3 / 4 for a in edges])
    assert all(atoms.calc is None for atoms in found)


def test_a_choice_that_is_not_there_is_told(path: Path):
    with pytest.raises(InputError, match=r"chooses nothing of 3 structures; .* the last '.*@2'"):
        read_structures(Path(f"{path}@3"))
    with pytest.raises(InputError, match=r"holds 3 structures where one is needed"):
        read_structure(path)
    assert read_structure(Path(f"{path}@0")).get_volume() == pytest.approx(3.5**3 / 4)


def test_results_are_written_with_the_structures(tmp_path: Path):
    atoms = bulk("Cu")
    atoms.calc = EMT()
    atoms.get_stress()
    write_structures(tmp_path / "copper.extxyz", [atoms, atoms])
    read = ase.io.read(tmp_path / "copper.extxyz", ":")
    assert len(read) == 2
    assert read[1].get_potential_energy() == pytest.approx(atoms.get_potential_energy())


@pytest.mark.parametrize("name", ["x.extxyz", "x.traj", "x.cif", "POSCAR", "x.vasp"])
def test_formats_that_ase_writes_are_accepted(name: str, tmp_path: Path):
    require_format(tmp_path / name, 1)
    write_structures(tmp_path / name, [Atoms("Si", cell=[3, 3, 3], pbc=True)])
    assert len(read_structure(tmp_path / name)) == 1


def test_formats_that_do_not_do_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match="has no suffix that ASE writes"):
        require_format(tmp_path / "x.unknown", 1)
    with pytest.raises(InputError, match="holds one structure and there are 2"):
        require_format(tmp_path / "x.vasp", 2)
