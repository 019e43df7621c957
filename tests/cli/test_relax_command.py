from __future__ import annotations

import json
from pathlib import Path

import ase.io
import pytest
from ase import Atoms
from ase.build import bulk
from cli_runs import gaunt_md

from gaunt_md import GauntCalculator


@pytest.fixture
def structures(tmp_path: Path) -> Path:
    """Return a file with two crystals of silicon that are not at rest."""
    frames = []
    for seed, lattice_constant in enumerate((5.40, 5.55)):
        frames.append(bulk("Si", a=lattice_constant, cubic=True))
        frames[-1].rattle(0.02, seed=seed)
    ase.io.write(tmp_path / "two.extxyz", frames)
    return tmp_path / "two.extxyz"


def test_every_structure_of_a_file_relaxes(structures: Path):
    finished = gaunt_md("relax", "two.extxyz", "--potential", "si-small", cwd=structures.parent)
    assert finished.returncode == 0, finished.stderr
    assert "two.extxyz, structure 1: Si8" in finished.stdout
    assert "Fd-3m (227)" in finished.stdout
    assert "written: two-relaxed.extxyz" in finished.stdout
    assert "\x1b" not in finished.stdout
    relaxed = ase.io.read(structures.parent / "two-relaxed.extxyz", ":")
    assert len(relaxed) == 2
    for atoms in relaxed:
        energy = atoms.get_potential_energy()
        atoms.calc = GauntCalculator("si-small")
        assert atoms.get_potential_energy() == pytest.approx(energy, abs=1e-5)
        assert abs(atoms.get_forces()).max() < 2e-4


def test_json_has_units_in_its_names_and_nothing_else_is_printed(structures: Path):
    finished = gaunt_md(
        *(
            "relax",
            "two.extxyz@1",
            "-p",
            "si-small",
            "--pressure",
            "5",
            "-o",
            "pressed.cif",
            "--json",
        ),
        cwd=structures.parent,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    content = json.loads(finished.stdout)
    assert content["output"] == "pressed.cif"
    (summary,) = content["structures"]
    assert summary["volume_before_A3_per_atom"] == pytest.approx(5.55**3 / 8)
    assert summary["pressure_GPa"] == 5.0
    assert summary["largest_stress_after_GPa"] < 0.01
    relaxed = ase.io.read(structures.parent / "pressed.cif")
    volume = relaxed.get_volume() / len(relaxed)
    assert volume == pytest.approx(summary["volume_after_A3_per_atom"], rel=1e-4)


def test_options_come_from_a_file_and_flags_go_first(structures: Path):
    folder = structures.parent
    template = gaunt_md("config", "relax")
    assert template.returncode == 0
    for unit in ("GPa", "eV/Å"):
        assert unit in template.stdout
    (folder / "relax.yaml").write_text(
        "structure: two.extxyz@0\npotential: si-small\nfixed_cell: true\nmax_steps: 1\n"
    )
    short = gaunt_md("relax", "--config", "relax.yaml", "--quiet", cwd=folder)
    assert short.returncode == 2
    assert short.stdout == ""
    assert short.stderr.startswith("warning: 1 of 1 structures did not relax within 1 steps")
    long = gaunt_md(
        *("relax", "--config", "relax.yaml", "--max-steps", "99", "--overwrite", "--json"),
        cwd=folder,
    )
    assert long.returncode == 0
    (summary,) = json.loads(long.stdout)["structures"]
    assert summary["volume_after_A3_per_atom"] == summary["volume_before_A3_per_atom"]


def test_nothing_is_replaced_unasked(structures: Path):
    kept = structures.parent / "two-relaxed.extxyz"
    kept.write_text("years of work")
    finished = gaunt_md("relax", "two.extxyz", "-p", "si-small", cwd=structures.parent)
    assert finished.returncode == 1
    assert finished.stderr == (
        "error: 'two-relaxed.extxyz' is there; choose another --output, or --overwrite it\n"
    )
    assert kept.read_text() == "years of work"


def test_progress_is_told_on_request(structures: Path):
    finished = gaunt_md("relax", "two.extxyz", "-p", "si-small", "--verbose", cwd=structures.parent)
    assert "Relaxing, step 1: 0 of 2" in finished.stderr
    assert finished.stderr.splitlines()[-1].endswith("2 of 2")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["missing.cif", "-p", "si-small"], "no data file 'missing.cif'"),
        (["two.extxyz@5", "-p", "si-small"], "chooses nothing of 2 structures"),
        (["two.extxyz", "-p", "si-small", "-o", "x.unknown"], "has no suffix that ASE writes"),
        (["two.extxyz", "-p", "si-small", "-o", "x.vasp"], "holds one structure and there are 2"),
        (["two.extxyz", "-p", "si-small", "-o", "nowhere/x.cif"], "there is no folder 'nowhere'"),
        (["two.extxyz", "-p", "si-small", "-q", "-v"], "contradict each other"),
        (["oxygen.xyz", "-p", "si-small"], "potential has no element O; it knows Si"),
        (["two.extxyz", "-p", "si-small", "--fixed-cell", "--pressure", "1"], "has no effect"),
    ],
)
def test_mistakes_are_one_line(structures: Path, arguments: list[str], complaint: str):
    folder = structures.parent
    ase.io.write(folder / "oxygen.xyz", Atoms("O", cell=[4, 4, 4], pbc=True))
    finished = gaunt_md("relax", *arguments, cwd=folder)
    assert finished.returncode == 1
    assert finished.stderr.startswith("error: ")
    assert complaint in finished.stderr
    assert finished.stderr.count("\n") == 1
    assert sorted(path.name for path in folder.iterdir()) == ["oxygen.xyz", "two.extxyz"]
