from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import ase.io
import phonopy
import pytest
from matplotlib.image import imread

from gaunt_md import potential_file
from gaunt_md.errors import InputError, PotentialFileError
from gaunt_md.lammps import INSTALL
from gaunt_md.model import Potential
from gaunt_md.simulate.demo import Demo
from gaunt_md.simulate.demo_summary import DFT_LATTICE_CONSTANT, DFT_PHONONS, summary_text
from gaunt_md.simulate.lammps_dynamics import find_program

needs_lammps = pytest.mark.skipif(
    find_program("mpirun") is None or not entry_points(group="lammps.plugins", name="gaunt-md"),
    reason=f"LAMMPS finds the plugin of an installed package. {INSTALL}",
)


@needs_lammps
def test_silicon_is_like_dft_and_both_engines_agree(tmp_path: Path):
    demo = Demo(tmp_path / "demo", "si", dynamics_steps=10)
    for step in demo.steps():
        step.run()
    assert demo.agrees
    folder = tmp_path / "demo"
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["finished"]
    assert summary["relaxation"]["space_group"] == "Fd-3m (227)"
    lattice_constant = summary["relaxation"]["lattice_constant_A"]
    assert lattice_constant == pytest.approx(DFT_LATTICE_CONSTANT, abs=0.01)
    for point, expected in DFT_PHONONS.frequencies.items():
        found = summary["phonons"][f"{point}_THz"]
        for frequency in expected:
            assert min(abs(frequency - value) for value in found) < 0.3
    assert set(summary["dynamics"]) == {"ASE", "LAMMPS, 1 rank", "LAMMPS, 2 ranks"}
    assert (
        f"| lattice constant, Å | {lattice_constant:.3f} |" in (folder / "summary.md").read_text()
    )

    assert len(ase.io.read(folder / "dynamics/ase.traj", index=":")) == 6
    assert len(ase.io.read(folder / "dynamics/ase.extxyz", index=":")) == 6
    assert phonopy.load(folder / "phonons/phonopy.yaml", log_level=0).force_constants is not None
    for picture in (
        *("phonons/bands.png", "dynamics/energies.png"),
        "dynamics/radial-distribution.png",
    ):
        assert imread(folder / picture).std() > 0.05
    assert not list(folder.rglob(".*"))


def test_without_lammps_the_rest_runs_and_the_missing_extra_is_named(
    tmp_path: Path, potential_file_float32: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    steps = {
        step.title: step.run
        for step in Demo(tmp_path / "demo", str(potential_file_float32)).steps()
    }
    lammps: Callable[[], str] = steps["Run the same in LAMMPS"]
    assert lammps() == f"left out: LAMMPS is not installed. {INSTALL}"
    assert "Run molecular dynamics in ASE" in steps


def test_a_summary_without_lammps_tells_how_to_get_it():
    summary = {
        "potential": "si",
        "gaunt_md_version": "1",
        "relaxation": {"lattice_constant_A": 5.4, "space_group": "Fd-3m (227)"},
        "phonons": {"Γ_THz": [0.0, 15.0]},
        "dynamics": {
            "ASE": {"mean_temperature_K": 300.0, "energy_conserved_within_meV_per_atom": 0.1}
        },
    }
    assert f"LAMMPS did not run. {INSTALL}." in summary_text(summary)


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path, potential_file_float32: Path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match=r"not empty.*--output"):
        Demo(tmp_path, str(potential_file_float32))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_only_an_unfinished_demonstration_is_repeated(tmp_path: Path):
    folder = tmp_path / "demo"
    for _ in range(2):
        load, relax, *_ = Demo(folder, "si-small").steps()
        load.run()
        relax.run()
    content = json.loads((folder / "summary.json").read_text())
    assert not content["finished"]
    (folder / "summary.json").write_text(json.dumps(content | {"finished": True}))
    with pytest.raises(InputError, match="holds a finished demonstration"):
        Demo(folder, "si-small")


def test_a_potential_without_silicon_is_told_at_once(tmp_path: Path):
    path = tmp_path / "oxygen.pt"
    oxygen = Potential(
        ["O"], channels=4, average_neighbours=10.0, energy_scale=1.0, reference_energies=[0.0]
    )
    molecule = ase.Atoms("O2", [[0, 0, 0], [0, 0, 1.2]])
    potential_file.save(oxygen, path, reference=molecule, description={})
    load, relax, *_ = Demo(tmp_path / "demo", str(path)).steps()
    load.run()
    with pytest.raises(InputError, match="Si"):
        relax.run()
    assert not (tmp_path / "demo").exists()


def test_a_missing_potential_leaves_no_folder(tmp_path: Path):
    with pytest.raises(PotentialFileError, match="no potential"):
        Demo(tmp_path / "demo", "missing")
    assert not list(tmp_path.iterdir())
