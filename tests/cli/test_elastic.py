from __future__ import annotations

import json
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase.build import bulk
from cli_runs import gaunt_md
from matplotlib.image import imread


@pytest.fixture
def crystal(tmp_path: Path) -> Path:
    """Return a primitive cell of silicon in an orientation of no meaning."""
    atoms = bulk("Si", a=5.5)
    atoms.rotate(40, (1, 2, 3), rotate_cell=True)
    ase.io.write(tmp_path / "si.extxyz", atoms)
    return tmp_path / "si.extxyz"


def test_silicon_in_words_files_and_pictures(crystal: Path):
    folder = crystal.parent
    finished = gaunt_md("elastic", "si.extxyz", "--potential", "si", cwd=folder)
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    assert finished.stdout.startswith("relaxed in ")
    assert "the volume from 20.7969 to 20." in finished.stdout
    assert "bulk modulus, GPa" in finished.stdout
    tensor = np.loadtxt(folder / "si-elastic/elastic-tensor.txt")
    # Along the axes of the cube, whatever the orientation of the file.
    assert tensor[0, 0] == pytest.approx(tensor[2, 2])
    assert tensor[0, 3] == 0.0
    assert tensor[3, 3] == pytest.approx(75, abs=10)  # DFT, PBE
    assert len(ase.io.read(folder / "si-elastic/crystal.extxyz")) == 8
    assert np.loadtxt(folder / "si-elastic/e-v.dat").shape == (9, 2)
    for name in ("elasticity.png", "equation-of-state.png"):
        assert imread(folder / "si-elastic" / name).std() > 0.05


def test_json_agrees_with_itself(crystal: Path):
    finished = gaunt_md(
        *("elastic", "si.extxyz", "-p", "si-small", "--eos-strain", "0.01"),
        *("-o", "out", "--json"),
        cwd=crystal.parent,
    )
    assert finished.returncode == 0, finished.stderr
    results = json.loads(finished.stdout)
    elasticity, equation = results["elasticity"], results["equation_of_state"]
    assert elasticity["mechanically_stable"]
    assert elasticity["bulk_modulus_hill_GPa"] == pytest.approx(
        equation["bulk_modulus_GPa"], rel=0.01
    )
    assert equation["volume_A3_per_atom"] == pytest.approx(
        results["relaxation"]["volume_after_A3_per_atom"], rel=1e-3
    )
    assert np.loadtxt(crystal.parent / "out/e-v.dat").shape == (9, 2)


def test_stress_that_is_left_is_warned_of(crystal: Path):
    finished = gaunt_md(
        *("elastic", "si.extxyz", "-p", "si-small", "--no-relax", "--quiet"), cwd=crystal.parent
    )
    assert finished.returncode == 0
    assert finished.stdout == ""
    assert "warning: the crystal is under a stress of" in finished.stderr


def test_atoms_that_move_elsewhere_are_warned_of(tmp_path: Path):
    """Hexagonal close-packed silicon: a strain sets free what its symmetry holds."""
    ase.io.write(tmp_path / "hcp.cif", bulk("Si", "hcp", a=2.7, c=4.5))
    finished = gaunt_md("elastic", "hcp.cif", "-p", "si-small", "-q", cwd=tmp_path)
    assert finished.returncode == 0
    assert "warning: these are no elastic constants" in finished.stderr


def test_options_of_the_configuration_are_those_of_the_flags(crystal: Path):
    folder = crystal.parent
    template = gaunt_md("config", "elastic").stdout
    (folder / "elastic.yaml").write_text(
        template.replace("potential: null", "potential: si-small")
        .replace("structure: null", "structure: si.extxyz")
        .replace("clamped: false", "clamped: true")
        .replace("json: false", "json: true")
    )
    finished = gaunt_md("elastic", "--config", "elastic.yaml", cwd=folder)
    assert finished.returncode == 0, finished.stderr
    clamped = json.loads(finished.stdout)["elasticity"]["elastic_tensor_GPa"]
    assert clamped[3][3] > 90
    (folder / "wrong.yaml").write_text("strian: 0.01\n")
    finished = gaunt_md("elastic", "si.extxyz", "--config", "wrong.yaml", cwd=folder)
    assert finished.returncode == 1
    assert "Did you mean 'strain'?" in finished.stderr
