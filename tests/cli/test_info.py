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
    assert ["licence", "of", "the", "data", "MIT"] in words
    assert ["cutoff", "4", "Å,", "2", "layers"] in words
    assert words[-1] == ["sha256", potential_file.read(potential_file_float64).sha256]


def test_errors_and_data_of_a_training_are_told_with_units() -> None:
    text = " ".join(run("si").split())
    manifest = potential_file.read_manifest("si")
    test = manifest["errors"]["test"]
    for sentence in (
        f"test errors energy MAE {test['energy_mae_meV_per_atom']:.4g} meV/atom",
        f"test errors force RMSE {test['force_rmse_eV_per_A']:.4g} eV/Å",
        f"test errors stress RMSE {test['stress_rmse_GPa']:.4g} GPa",
        f"{manifest['training']['structures']['train']} structures trained on",
        f"potential of epoch {manifest['training']['epochs']}, after",
    ):
        assert sentence in text
    assert "mae_meV" not in text


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
