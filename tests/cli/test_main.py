from __future__ import annotations

from pathlib import Path

import pytest
from cli_runs import gaunt_md, gaunt_md_process

from gaunt_md import __version__


def test_version_is_printed():
    assert gaunt_md_process("--version").stdout == f"gaunt-md {__version__}\n"


def test_help_names_every_verb():
    listed = gaunt_md("--help").stdout
    for verb in ("demo", "train", "evaluate", "export", "config", "info", "lammps"):
        assert verb in listed


def test_an_error_is_one_line_and_exit_status_1(tmp_path: Path):
    finished = gaunt_md_process("info", tmp_path / "missing.pt")
    assert finished.returncode == 1
    assert finished.stdout == ""
    assert finished.stderr.startswith("error: there is no potential")
    assert finished.stderr.count("\n") == 1


@pytest.mark.parametrize("content", [b"", b"not a potential"])
def test_a_foreign_file_gives_no_traceback(tmp_path: Path, content: bytes):
    path = tmp_path / "foreign.pt"
    path.write_bytes(content)
    finished = gaunt_md("info", path)
    assert finished.returncode == 1
    assert "Traceback" not in finished.stderr
    assert str(path) in finished.stderr


def test_demo_refuses_a_folder_of_somebody_else(tmp_path: Path, potential_file_float32: Path):
    (tmp_path / "thesis.txt").write_text("years of work")
    finished = gaunt_md("demo", "--output", tmp_path, "--potential", potential_file_float32)
    assert finished.returncode == 1
    assert finished.stderr.startswith("error: the folder")
    assert finished.stderr.count("\n") == 1
