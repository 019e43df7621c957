"""What `gaunt-md lammps doctor` says of an installation that works, and of such as do not."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from pathlib import Path

import pytest
from ase import Atoms
from lammps_runs import plugin
from samples import silicon_oxide
from typer.testing import CliRunner

from gaunt_md import lammps, potential_file
from gaunt_md.cli.lammps import app
from gaunt_md.lammps_doctor import doctor
from gaunt_md.model import Potential
from gaunt_md.simulate.lammps_dynamics import find_program


@pytest.fixture(autouse=True)
def lammps_knows_the_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    tell_lammps(plugin(), monkeypatch)


def tell_lammps(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name this folder alone; in a checkout that is not installed, no entry point does it."""
    # Whoever has imported lammps in this process has told it of another one.
    monkeypatch.delenv("LAMMPS_PLUGIN_PATH", raising=False)
    if "gaunt-md" not in importlib.metadata.entry_points(group="lammps.plugins").names:
        monkeypatch.setenv("LAMMPS_PLUGIN_PATH", str(folder))


def test_report_of_what_works(potential_file_float64: Path) -> None:
    report = CliRunner().invoke(app, ["doctor", "--potential", str(potential_file_float64)])
    assert report.exit_code == 0, report.output
    versions = ("22 Jul 2025", "tagint 32 bit, bigint 64 bit", "MPICH", str(plugin()))
    for expected in (*versions, str(potential_file_float64)):
        assert expected in report.output
    assert "FAIL" not in report.output
    lines = dict(line[5:].split("  ", 1) for line in report.output.splitlines())
    for ranks in ("one rank", "two ranks"):
        assert "of the file's reference" in lines[ranks]
    if platform.system() == "Linux":
        assert "libgomp" in lines["OpenMP"]


def rotated_crystal() -> Atoms:
    atoms = silicon_oxide()
    atoms.rotate(40, (1, 2, 3), rotate_cell=True)
    return atoms


def molecule() -> Atoms:
    return Atoms("SiO2", [[0, 0, 0], [0, 0, 1.5], [0.2, 1.4, -0.3]])


@pytest.mark.parametrize("reference", [rotated_crystal(), molecule()], ids=["crystal", "molecule"])
def test_any_reference_structure_is_reproduced(
    reference: Atoms, potential: Potential, tmp_path: Path
) -> None:
    potential_file.save(potential, tmp_path / "x.pt", reference=reference, description={})
    findings = list(doctor(str(tmp_path / "x.pt")))
    assert all(finding.fine for finding in findings), findings
    assert [finding.subject for finding in findings][-2:] == ["one rank", "two ranks"]


@pytest.mark.parametrize(
    ("launcher", "expected"),
    [
        (None, "the program mpirun was not found"),
        ('shift 2; "$@" & "$@"; wait', "it belongs to another MPI than"),
        ("exit 1", "LAMMPS stopped with exit status 1"),
    ],
    ids=["missing", "of another MPI", "fails"],
)
def test_mpirun_that_does_not_work_is_named(
    launcher: str | None,
    expected: str,
    potential_file_float64: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the mpirun of another MPI, every rank is a run of its own."""
    (tmp_path / "lmp").symlink_to(str(find_program("lmp")))
    if launcher:
        (tmp_path / "mpirun").write_text(f"#!/bin/sh\n{launcher}\n")
        (tmp_path / "mpirun").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    folders = os.environ["PATH"].split(os.pathsep)
    without = [folder for folder in folders if not (Path(folder) / "mpirun").exists()]
    monkeypatch.setenv("PATH", os.pathsep.join(without))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    findings = list(doctor(str(potential_file_float64)))
    assert [finding.subject for finding in findings if not finding.fine] == ["two ranks"]
    assert expected in findings[-1].found


def test_plugin_that_does_not_load_is_named(
    potential_file_float64: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAUNT_MD_CACHE", str(tmp_path))
    folder = lammps.plugin_folder()
    folder.mkdir()
    (folder / lammps.PLUGIN_FILE).write_bytes(b"not a library")
    tell_lammps(folder, monkeypatch)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    failed = [finding for finding in doctor(str(potential_file_float64)) if not finding.fine]
    assert {finding.subject for finding in failed} == {"one rank", "two ranks"}
    assert all("gauntplugin.so failed" in finding.found for finding in failed)
