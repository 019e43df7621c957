from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import ase.io
import numpy as np
import pytest
import yaml
from ase import Atoms
from ase.build import bulk
from cli_runs import gaunt_md
from matplotlib.image import imread

from gaunt_md import GauntCalculator
from gaunt_md.lammps import INSTALL
from gaunt_md.simulate.demo_summary import DFT_PHONONS
from gaunt_md.simulate.lammps_dynamics import find_program
from gaunt_md.simulate.phonons import compute_phonons
from gaunt_md.simulate.relax import relax


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phonons")
    ase.io.write(folder / "si.cif", bulk("Si", a=5.5))
    finished = gaunt_md(
        *("phonons", "si.cif", "--potential", "si-small", "--thermal-expansion", "--json"),
        cwd=folder,
    )
    assert finished.returncode == 0, finished.stderr
    (folder / "printed.json").write_text(finished.stdout)
    return folder


def test_silicon_is_like_dft(folder: Path):
    results = json.loads((folder / "printed.json").read_text())
    summary = results["phonons"]
    assert summary["space_group"] == "Fd-3m (227)"
    assert summary["imaginary_modes"] == []
    for point, expected in DFT_PHONONS.frequencies.items():
        found = summary["frequencies_THz"][point]
        for frequency in expected:
            assert min(abs(frequency - value) for value in found) < 0.7  # of the small potential
    # Experiment: 2 × 20.0 J/K/mol; 3 × 2.6e-6/K at 300 K.
    room = results["thermal_properties_at_300_K"]
    assert room["heat_capacity_J_per_K_mol"] == pytest.approx(40.0, abs=1.0)
    expansion = results["thermal_expansion"]
    found = np.interp(300, expansion["temperatures_K"], expansion["volumetric_expansion_per_K"])
    assert 5e-6 < found < 20e-6


def test_command_and_function_agree(folder: Path):
    calculator = GauntCalculator("si-small", double_precision=True)
    start = ase.io.read(folder / "si.cif")
    crystal = relax(start, calculator, keep_symmetry=True, force_tolerance=1e-5).atoms
    found = compute_phonons(crystal, calculator)
    summary = json.loads((folder / "printed.json").read_text())["phonons"]
    for point, frequencies in summary["frequencies_THz"].items():
        assert frequencies == pytest.approx(found.at(point).tolist(), abs=1e-4)


def test_files_open_in_phonopy(folder: Path, tmp_path: Path):
    written = folder / "si-phonons"
    program = Path(sys.executable).parent / "phonopy-load"
    finished = subprocess.run(
        [program, str(written / "phonopy.yaml"), "--qpoints", "0.5 0.5 0.5"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stdout
    (point,) = yaml.safe_load((tmp_path / "qpoints.yaml").read_text())["phonon"]
    found = [band["frequency"] for band in point["band"]]
    summary = json.loads((folder / "printed.json").read_text())["phonons"]
    assert found == pytest.approx(summary["frequencies_THz"]["L"], abs=1e-4)
    names = {path.name for path in written.iterdir()}
    assert names == {
        *("phonopy.yaml", "FORCE_CONSTANTS", "band.yaml", "total_dos.dat"),
        *("thermal_properties.yaml", "bands.png", "thermal-properties.png"),
        *("thermal-expansion", "thermal-expansion.png"),
    }
    for picture in written.glob("*.png"):
        assert imread(picture).std() > 0.05


@pytest.mark.skipif(
    find_program("lmp") is None or not entry_points(group="lammps.plugins", name="gaunt-md"),
    reason=f"LAMMPS finds the plugin of an installed package. {INSTALL}",
)
def test_lammps_gives_the_same(folder: Path):
    finished = gaunt_md(
        *("phonons", "si.cif", "-p", "si-small", "--engine", "lammps", "-o", "in-lammps", "--json"),
        cwd=folder,
    )
    assert finished.returncode == 0, finished.stderr
    here = json.loads((folder / "printed.json").read_text())["phonons"]["frequencies_THz"]
    there = json.loads(finished.stdout)["phonons"]["frequencies_THz"]
    for point in here:
        assert there[point] == pytest.approx(here[point], abs=1e-3)
    assert (folder / "in-lammps/lammps/forces.in").is_file()


def test_imaginary_modes_are_warned_of(tmp_path: Path):
    """Face-centred cubic silicon, stretched beyond what holds it together."""
    ase.io.write(tmp_path / "fcc.cif", bulk("Si", "fcc", a=4.3))
    finished = gaunt_md(
        *("phonons", "fcc.cif", "-p", "si-small", "--supercell-width", "6", "--no-relax"),
        *("--highest-temperature", "100"),
        cwd=tmp_path,
    )
    assert finished.returncode == 0, finished.stderr
    assert "warning: the crystal is unstable; imaginary modes:" in finished.stderr
    assert "i THz" in finished.stderr
    assert "frequencies at Γ, THz" in finished.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["molecule.xyz"], "periodic in three directions"),
        (["si.cif", "--engine", "lammps", "--thermal-expansion"], "leave out --engine lammps"),
        (["si.cif", "--thermal-expansion", "--strain", "5"], "--strain is 5.0; it must be"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, arguments: list[str], complaint: str):
    ase.io.write(tmp_path / "si.cif", bulk("Si", a=5.47))
    ase.io.write(tmp_path / "molecule.xyz", Atoms("Si2", [[0, 0, 0], [0, 0, 2.2]]), format="extxyz")
    finished = gaunt_md("phonons", *arguments, "-p", "si-small", cwd=tmp_path)
    assert finished.returncode == 1
    assert finished.stderr.startswith("error: ")
    assert complaint in finished.stderr
    assert finished.stderr.count("\n") == 1


@pytest.mark.parametrize("option", ["--born missing", "--displacement 0", "--snapshots -1"])
def test_options_are_judged_before_the_work(tmp_path: Path, option: str):
    ase.io.write(tmp_path / "si.cif", bulk("Si", a=5.47))
    finished = gaunt_md("phonons", "si.cif", "-p", "si-small", *option.split(), cwd=tmp_path)
    assert finished.returncode == 2
    assert f"Invalid value for '{option.split()[0]}'" in finished.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["si.cif"]


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path):
    ase.io.write(tmp_path / "si.cif", bulk("Si", a=5.47))
    (tmp_path / "si-phonons").mkdir()
    (tmp_path / "si-phonons/thesis.txt").write_text("years of work")
    finished = gaunt_md("phonons", "si.cif", "-p", "si-small", cwd=tmp_path)
    assert finished.returncode == 1
    assert "the folder 'si-phonons' is not empty" in finished.stderr
