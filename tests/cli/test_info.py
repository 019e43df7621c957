"""`gaunt-md info` describes a potential file, also to programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gaunt_md import potential_file
from gaunt_md.cli.main import app
from gaunt_md.errors import PotentialFileError


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["info", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_info_in_words(potential_file_float64: Path) -> None:
    words = [line.split() for line in run(str(potential_file_float64)).splitlines()]
    assert ["elements", "Si", "O"] in words
    assert ["licence", "MIT"] in words
    assert ["cutoff", "4", "Å,", "2", "layers"] in words
    assert words[-1] == ["sha256", potential_file.read(potential_file_float64).sha256]


def test_info_for_programs(potential_file_float64: Path) -> None:
    manifest = json.loads(run(str(potential_file_float64), "--json"))
    assert manifest == potential_file.read_manifest(potential_file_float64)


def test_path_only(potential_file_float64: Path) -> None:
    assert run(str(potential_file_float64), "--path") == f"{potential_file_float64.resolve()}\n"


def test_without_a_name_the_shipped_ones_are_listed() -> None:
    names = [line.split()[0] for line in run().splitlines()]
    assert names == list(potential_file.shipped_potentials())


def test_missing_potential_is_named() -> None:
    with pytest.raises(PotentialFileError, match="there is no potential 'nothing'"):
        run("nothing")
