from __future__ import annotations

import csv
import json
from pathlib import Path

import ase.io
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.lj import LennardJones
from cli_runs import gaunt_md
from matplotlib.image import imread
from typer.testing import CliRunner

from gaunt_md.cli.main import app
from gaunt_md.errors import GauntError
from gaunt_md.simulate.dynamics import run_nve
from gaunt_md.simulate.trajectory_writers import write_trajectory
from gaunt_md.simulate.velocities import thermalised


@pytest.fixture(scope="module")
def trajectory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return argon, 60 frames 20 fs apart."""
    folder = tmp_path_factory.mktemp("argon")
    start = thermalised(bulk("Ar", a=5.3, cubic=True) * 2, 60.0, seed=1)
    calculator = LennardJones(sigma=3.4, epsilon=0.0104, rc=5.0)
    run = run_nve(start, calculator, timestep=10.0, steps=120, interval=2)
    write_trajectory(folder / "argon.extxyz", run.frames)
    return folder / "argon.extxyz"


def test_everything_has_a_figure_and_numbers(trajectory: Path):
    finished = gaunt_md("analyse", trajectory, "--longest-bond", "4.4", "--json")
    assert finished.returncode == 0, finished.stderr
    results = json.loads(finished.stdout)
    folder = trajectory.with_name("argon-analysis")
    assert results["output"] == str(folder)
    assert results["left_out"] == {}
    assert results["radial"]["Ar-Ar"]["coordination_number"] == pytest.approx(12.0, abs=0.2)
    assert results["geometry"]["bonds"]["Ar-Ar"]["mean_A"] == pytest.approx(3.75, abs=0.1)
    assert 0.0 < results["vibrations"]["highest_peak_THz"] < 3.0
    # The atoms of a crystal stay where they are, whatever slope their displacements have.
    assert "warning: Ar has moved by 0." in finished.stderr
    for name in ("radial", "geometry", "diffusion", "vibrations"):
        assert imread(folder / f"{name}.png").std() > 0.05
    with open(folder / "radial.csv", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["distance_A", "g_Ar-Ar", "neighbours_Ar-Ar"]
    assert float(rows[-1][0]) <= 5.3


def test_what_is_not_possible_is_left_out_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    frames = [
        Atoms("H2", [[0, 0, 0], [0, 0, 0.74]], info={"time_fs": t, "step": t}) for t in (0, 1)
    ]
    write_trajectory(tmp_path / "short.extxyz", frames)
    result = CliRunner().invoke(app, ["analyse", "short.extxyz"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "bond H-H, Å" in result.output
    assert "left out: radial: g(r) needs a structure periodic in three directions" in result.output
    assert "left out: diffusion: diffusion needs 40 frames" in result.output
    with pytest.raises(GauntError, match="diffusion needs 40 frames"):
        CliRunner().invoke(
            app,
            ["analyse", "short.extxyz", "--only", "diffusion", "--overwrite"],
            catch_exceptions=False,
        )


def test_a_single_structure_needs_no_times(tmp_path: Path):
    ase.io.write(tmp_path / "argon.cif", bulk("Ar", a=5.3, cubic=True) * 2)
    finished = gaunt_md("analyse", "argon.cif", "--longest-bond", "4.4", "--json", cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    results = json.loads(finished.stdout)
    assert results["radial"]["Ar-Ar"]["coordination_number"] == pytest.approx(12.0, abs=0.01)
    assert results["geometry"]["bonds"]["Ar-Ar"]["mean_A"] == pytest.approx(5.3 / 2**0.5)
    assert set(results["left_out"]) == {"diffusion", "vibrations"}


def test_more_than_the_run_cannot_be_skipped(trajectory: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(trajectory.parent)
    with pytest.raises(GauntError, match=r"--skip is 9.0 ps, and the trajectory lasts 1.2 ps"):
        CliRunner().invoke(
            app, ["analyse", trajectory.name, "--skip", "9", "-o", "x"], catch_exceptions=False
        )
    assert not (trajectory.parent / "x").exists()
