from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import ase.io
import pytest
from ase import Atoms
from ase.build import bulk
from cli_runs import gaunt_md
from typer.testing import CliRunner

from gaunt_md.cli.main import app
from gaunt_md.errors import GauntError

RUN = ("md", "si.extxyz", "-p", "si-small", "--temperature", "300")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ase.io.write(tmp_path / "si.extxyz", bulk("Si", a=5.468, cubic=True))
    return tmp_path


def test_a_run_at_constant_pressure_writes_what_it_says(folder: Path):
    finished = gaunt_md(*RUN, "--ensemble", "npt", "--steps", "20", cwd=folder)
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    assert "Si8, npt, time step 2 fs, 20 steps, 0.04 ps" in finished.stdout
    for words in ("temperature, K", "pressure, GPa", "volume, Å^3", "ns/day", "written: si-md"):
        assert words in finished.stdout
    assert sorted(path.name for path in (folder / "si-md").iterdir()) == [
        *("final.extxyz", "restart.json", "thermodynamics.csv", "thermodynamics.png"),
        "trajectory.extxyz",
    ]
    frames = ase.io.read(folder / "si-md/trajectory.extxyz", ":")
    assert [frame.info["time_fs"] for frame in frames] == [0.0, 20.0, 40.0]
    assert frames[0].get_volume() != frames[-1].get_volume()


def test_a_run_and_its_analysis_come_from_printed_configurations(folder: Path):
    for verb, values in {
        "md": {
            "structure: null": "structure: si.extxyz",
            "potential: null": "potential: si-small",
            "temperature: null": "temperature: 300",
            "ensemble: nvt-bussi": "ensemble: nve",
            "interval: 10": "interval: 1",
            "steps: 1000": "steps: 60",
        },
        "analyse": {
            "trajectory: null": "trajectory: si-md/trajectory.extxyz",
            "skip: 0.0": "skip: 0.02",
            "only: null": "only: [geometry, diffusion]",
        },
    }.items():
        text = gaunt_md("config", verb).stdout
        for default, value in values.items():
            assert f"\n{default}\n" in text
            text = text.replace(f"\n{default}\n", f"\n{value}\n")
        (folder / f"{verb}.yaml").write_text(text)
        finished = gaunt_md(verb, "--config", f"{verb}.yaml", cwd=folder)
        assert finished.returncode == 0, finished.stderr
    assert "51 frames of 8 atoms, 0.1 ps" in finished.stdout
    assert {path.name for path in (folder / "si-md/trajectory-analysis").glob("*.png")} == {
        *("geometry.png", "diffusion.png")
    }


def test_a_run_stopped_by_a_signal_goes_on_exactly(folder: Path):
    options = (*RUN, "--ensemble", "nvt-langevin", "--interval", "1", "--steps")
    process = subprocess.Popen(
        [sys.executable, "-m", "gaunt_md.cli.main", *options, "90000"],
        cwd=folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    table = folder / "si-md/thermodynamics.csv"
    until = time.monotonic() + 120.0
    while time.monotonic() < until and not (table.exists() and table.read_text().count("\n") > 4):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert "warning: SIGTERM received: the same command with --resume goes on at" in complaint
    done = json.loads((folder / "si-md/restart.json").read_text())["state"]["step"]
    total = str(done + 5)
    resumed = gaunt_md(*options, total, "--resume", "--json", cwd=folder)
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout)["steps"] == done + 5
    whole = gaunt_md(*options, total, "-o", "whole", "-q", cwd=folder)
    assert (whole.returncode, whole.stdout) == (0, "")
    for name in ("trajectory.extxyz", "final.extxyz", "thermodynamics.csv"):
        assert (folder / "whole" / name).read_bytes() == (folder / "si-md" / name).read_bytes()


def test_a_run_that_blows_up_is_one_line_and_names_the_atom(folder: Path):
    finished = gaunt_md(
        *("md", "si.extxyz", "-p", "si-small", "--temperature", "300", "--timestep", "400"),
        cwd=folder,
    )
    assert finished.returncode == 1
    warning, error = finished.stderr.splitlines()
    assert warning.startswith("warning: atoms ")
    assert error.startswith("error: the run has become unstable in step ")
    assert "(Si)" in error
    assert "'si-md/last-good.extxyz'" in error
    assert len(ase.io.read(folder / "si-md/last-good.extxyz")) == 8


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (
            ["si.extxyz", "--ensemble", "nve"],
            "the structure has no velocities to start from; give a temperature",
        ),
        (["si.extxyz", "--temperature", "300", "--pressure", "1"], "no barostat"),
        (["si.extxyz", "--temperature", "300", "--resume"], "no run to resume"),
        (["si.extxyz", "--temperature", "300", "--timestep", "-1"], "timestep is -1.0 fs"),
        (["si.extxyz", "--temperature", "300", "--timestep", "0"], "timestep is 0.0 fs"),
        (["oxygen.xyz", "--temperature", "300"], "potential has no element O"),
    ],
)
def test_mistakes_leave_nothing(
    folder: Path, arguments: list[str], complaint: str, monkeypatch: pytest.MonkeyPatch
):
    ase.io.write(folder / "oxygen.xyz", Atoms("O2", [[0, 0, 0], [0, 0, 1.2]]))
    monkeypatch.chdir(folder)
    with pytest.raises(GauntError, match=complaint):
        CliRunner().invoke(app, ["md", *arguments, "-p", "si-small"], catch_exceptions=False)
    assert sorted(path.name for path in folder.iterdir()) == ["oxygen.xyz", "si.extxyz"]


def test_the_formats_of_the_command_are_those_of_the_library():
    from gaunt_md.cli.md import Format
    from gaunt_md.simulate.trajectory_writers import WRITERS

    assert [f".{one}" for one in Format] == list(WRITERS)
