"""What is wrong with a file is told before the first step, and all files are read alike."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.units import GPa
from rich.console import Console
from typer.testing import CliRunner

from gaunt_md import potential_file
from gaunt_md.cli.main import app
from gaunt_md.errors import InputError
from gaunt_md.training.config import Configuration
from gaunt_md.training.folder import TrainingFolder
from gaunt_md.training.prepare import prepare
from gaunt_md.training.run import export, train

QUIET = Console(quiet=True)


def with_files(configuration: Configuration, **files: list[Path]) -> Configuration:
    data = configuration.data.model_copy(update=files)
    return configuration.model_copy(update={"data": data})


def renamed(path: Path, folder: Path, **names: str) -> Path:
    """Return a copy of a file whose labels have other names."""
    text = path.read_text()
    for old, new in names.items():
        text = text.replace(f"{old}=", f"{new}=").replace(f":{old}:", f":{new}:")
    (folder / "renamed.xyz").write_text(text)
    return folder / "renamed.xyz"


def test_a_mistyped_test_file_is_noticed_at_the_start(
    configure: Callable[..., Configuration], tmp_path: Path
) -> None:
    configuration = with_files(configure(tmp_path / "run"), test=[tmp_path / "tset.xyz"])
    with pytest.raises(InputError, match=r"no data file '.*tset.xyz'"):
        train(configuration, QUIET)
    assert TrainingFolder(configuration).checkpoint_paths() == []


@pytest.mark.parametrize("which", ["test", "validation"])
def test_files_that_name_labels_differently_are_noticed_at_the_start(
    which: str, argon: Path, configure: Callable[..., Configuration], tmp_path: Path
) -> None:
    other = renamed(argon, tmp_path, forces="REF_forces")
    configuration = with_files(configure(tmp_path / "run"), **{which: [other]})
    with pytest.raises(InputError, match=r"renamed.xyz' has 'forces', the forces in the training"):
        prepare(configuration, QUIET)


def test_a_label_without_part_in_the_training_is_not_validated(
    argon: Path, configure: Callable[..., Configuration], tmp_path: Path
) -> None:
    bare = renamed(argon, tmp_path, stress="not_used")
    configuration = with_files(configure(tmp_path / "run"), train=[bare], validation=[argon])
    data = prepare(configuration, QUIET)
    assert data.record["keys"] == {"energy": "energy", "forces": "forces", "stress": None}
    assert all(batch.virials.isnan().all() for batch in data.validation)


def test_export_reads_test_data_by_the_names_of_the_training(
    finished: Configuration, argon: Path, tmp_path: Path
) -> None:
    other = renamed(argon, tmp_path, energy="REF_energy")
    with pytest.raises(InputError, match=r"renamed.xyz' has 'energy', the energy in the training"):
        export(TrainingFolder(finished).best, tmp_path / "a.pt", [other])
    errors = export(TrainingFolder(finished).best, tmp_path / "a.pt", [argon])
    assert errors["test"]["energy_mae_meV_per_atom"] is not None


def test_crystals_of_one_atom_make_a_potential(
    configure: Callable[..., Configuration], tmp_path: Path
) -> None:
    frames: list[Atoms] = []
    for a in np.linspace(5.0, 5.6, 6):
        atoms = bulk("Ar", "fcc", a=a)
        atoms.calc = SinglePointCalculator(atoms, energy=(a - 5.3) ** 2, forces=np.zeros((1, 3)))
        frames.append(atoms)
    ase.io.write(tmp_path / "cells.xyz", frames)
    configuration = configure(tmp_path / "run", epochs=1)
    path = train(with_files(configuration, train=[tmp_path / "cells.xyz"], test=[]), QUIET)
    assert potential_file.read_manifest(path)["reference"]["numbers"] == [18]
    potential_file.load(path)


def run(*arguments: object) -> Any:
    small = ["--channels", 2, "--epochs", 1, "--batch-size", 6]
    return CliRunner().invoke(app, ["train", *map(str, (*arguments, *small))])


def test_labels_are_named_on_the_command_line(argon: Path, tmp_path: Path) -> None:
    named = renamed(argon, tmp_path, energy="U", forces="F", stress="sigma")
    keys = ["--energy-key", "U", "--forces-key", "F", "--stress-key", "sigma"]
    result = run("--train", named, "--output", tmp_path / "run", *keys)
    assert result.exit_code == 0, result.output
    rows = [line.split("│") for line in result.output.splitlines() if line.count("│") > 5]
    assert [(row[2].strip(), row[6].strip()) for row in rows] == [
        ("U", "eV/atom"),
        ("F", "eV/Å"),
        ("sigma", "GPa"),
    ]
    pressures = [-atoms.get_stress()[:3].mean() / GPa for atoms in ase.io.read(argon, ":")]
    shown = [float(rows[2][4]), float(rows[2][5])]
    assert shown == pytest.approx([min(pressures), max(pressures)], rel=1e-3)


MISTAKES = {
    "mistyped": (["--energy-key", "enregy"], r"no frame has 'enregy'.*Did you mean 'energy'\?"),
    "not named": ([], r"no frame has forces under a usual name.*Found: .*Name the right one by"),
    "of another label": (["--energy-key", "F"], r"'F' has the shape \(4, 3\), not \(\)"),
}


@pytest.mark.parametrize(("keys", "complaint"), MISTAKES.values(), ids=MISTAKES)
def test_wrong_names_of_labels_are_told_with_the_option_that_mends_them(
    keys: list[str], complaint: str, argon: Path, tmp_path: Path
) -> None:
    named = renamed(argon, tmp_path, forces="F")
    if "F" in keys:
        keys = [*keys, "--forces-key", "F"]
    result = run("--train", named, "--output", tmp_path / "run", *keys)
    assert isinstance(result.exception, InputError)
    assert re.search(complaint, str(result.exception))
    if "shape" not in complaint:
        assert re.search(r"(energy|forces)_key \(--\1-key\)", str(result.exception))


def test_an_empty_file_is_called_empty(tmp_path: Path) -> None:
    (tmp_path / "empty.xyz").touch()
    result = run("--train", tmp_path / "empty.xyz", "--output", tmp_path / "run")
    assert re.search(r"empty.xyz' is empty", str(result.exception))
