"""A training that starts from the potential of another one."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ase.io
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from rich.console import Console
from typer.testing import CliRunner

from gaunt_md import GauntCalculator, potential_file
from gaunt_md.cli.main import app
from gaunt_md.errors import InputError
from gaunt_md.training.callbacks import TrainingStopped
from gaunt_md.training.checkpoints import CheckpointError
from gaunt_md.training.config import Configuration, parse_configuration
from gaunt_md.training.folder import TrainingFolder
from gaunt_md.training.run import train

QUIET = Console(quiet=True)


def frames_of(path: Path) -> list[Atoms]:
    return ase.io.read(path, ":")


def other_settings(path: Path, folder: Path, energy: float) -> Path:
    """Return a copy of a file with another energy of each atom, as of other pseudopotentials."""
    frames = frames_of(path)
    for atoms in frames:
        atoms.calc.results["energy"] += energy * len(atoms)
    ase.io.write(folder / "other.xyz", frames)
    return folder / "other.xyz"


def further(finished: Configuration, output: Path, data: Path, **training: Any) -> Configuration:
    """Configure a training from the best epoch of another one, without any model option."""
    return parse_configuration(
        {
            "name": "further",
            "output": output,
            "data": {"train": data, "validation_fraction": 0.15},
            "training": {
                "start_from": TrainingFolder(finished).best,
                "epochs": 1,
                "batch_size": 3,
                **training,
            },
        }
    )


def test_a_training_that_changes_nothing_gives_the_same_forces_and_fitting_energies(
    finished: Configuration, argon: Path, tmp_path: Path
) -> None:
    data = other_settings(argon, tmp_path, energy=3.0)
    configuration = further(
        finished, tmp_path / "run", data, learning_rate=1e-12, final_learning_rate=0
    )
    said = io.StringIO()
    path = train(configuration, Console(file=said, width=200))
    assert "best.ckpt: energy MAE" in said.getvalue()
    before, after = GauntCalculator(TrainingFolder(finished).potential), GauntCalculator(path)
    errors = []
    for atoms, labelled in zip(frames_of(argon), frames_of(data), strict=True):
        forces = [x.get_property("forces", atoms) for x in (before, after)]
        assert forces[1] == pytest.approx(forces[0], abs=1e-8)
        energies = [x.get_property("energy", atoms) for x in (before, after)]
        shift = (energies[1] - energies[0]) / len(atoms)
        errors.append((energies[1] - labelled.get_potential_energy()) / len(atoms))
        assert shift == pytest.approx(3.0, abs=0.2)
    # All have the same number of atoms, so that the best shift leaves no error on average.
    assert sum(errors) == pytest.approx(0, abs=1e-6)


def test_the_file_tells_what_it_was_started_from(
    finished: Configuration, argon: Path, tmp_path: Path
) -> None:
    path = train(further(finished, tmp_path / "run", argon), QUIET)
    manifest = potential_file.read_manifest(path)
    theirs = potential_file.read_manifest(TrainingFolder(finished).potential)
    assert manifest["hyperparameters"]["channels"] == theirs["hyperparameters"]["channels"] == 4
    digest = hashlib.sha256(TrainingFolder(finished).best.read_bytes()).hexdigest()
    assert (
        f"potential argon (`best.ckpt`, sha256 `{digest}`)" in path.with_suffix(".md").read_text()
    )
    said = CliRunner().invoke(app, ["info", str(path)]).output
    assert f"argon (best.ckpt, sha256 {digest})" in said


def test_given_reference_energies_are_kept(
    finished: Configuration, argon: Path, tmp_path: Path
) -> None:
    configuration = further(finished, tmp_path / "run", argon)
    data = configuration.data.model_copy(update={"reference_energies": {"Ar": -0.25}})
    path = train(configuration.model_copy(update={"data": data}), QUIET)
    assert potential_file.read_manifest(path)["reference_energies"] == {"Ar": -0.25}


def test_isolated_atoms_in_the_data_decide_the_reference_energies(
    finished: Configuration, argon: Path, tmp_path: Path
) -> None:
    atom = Atoms("Ar", info={"config_type": "IsolatedAtom"})
    atom.calc = SinglePointCalculator(atom, energy=-0.5, forces=[[0.0, 0.0, 0.0]])
    ase.io.write(tmp_path / "atom.xyz", [*frames_of(argon), atom])
    path = train(further(finished, tmp_path / "run", tmp_path / "atom.xyz"), QUIET)
    assert potential_file.read_manifest(path)["reference_energies"] == {"Ar": -0.5}


def test_other_model_options_are_refused_by_name(
    finished: Configuration, configure: Callable[..., Configuration], tmp_path: Path
) -> None:
    configuration = configure(tmp_path / "run", start_from=TrainingFolder(finished).best)
    wider = configuration.model.model_copy(update={"channels": 6, "cutoff": 4.5})
    complaint = r"model.cutoff is 4.5, in '.*best.ckpt' 4.2; model.channels is 6, in '.*' 4\."
    with pytest.raises(InputError, match=complaint):
        train(configuration.model_copy(update={"model": wider}), QUIET)


def test_other_elements_are_refused_by_name(
    finished: Configuration, argon: Path, tmp_path: Path
) -> None:
    frames = frames_of(argon)
    frames[3].symbols[0] = "Ne"
    ase.io.write(tmp_path / "neon.xyz", frames)
    with pytest.raises(InputError, match=r"the data have Ne, but '.*best.ckpt' knows only Ar"):
        train(further(finished, tmp_path / "run", tmp_path / "neon.xyz"), QUIET)


def test_fewer_elements_are_no_hindrance(
    configure: Callable[..., Configuration], argon: Path, tmp_path: Path
) -> None:
    frames = frames_of(argon)
    for atoms in frames:
        atoms.symbols[0] = "Ne"
    ase.io.write(tmp_path / "mixture.xyz", frames)
    mixture = configure(tmp_path / "mixture", epochs=1)
    data = mixture.data.model_copy(update={"train": [tmp_path / "mixture.xyz"], "test": []})
    mixture = mixture.model_copy(update={"data": data})
    train(mixture, QUIET)
    path = train(further(mixture, tmp_path / "run", argon), QUIET)
    assert potential_file.read_manifest(path)["elements"] == ["Ne", "Ar"]


def test_what_was_started_from_is_not_needed_to_go_on(
    configure: Callable[..., Configuration],
    argon: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = configure(tmp_path / "first", epochs=1)
    train(first, QUIET)
    whole, stopped = (further(first, tmp_path / name, argon) for name in ("whole", "stopped"))
    expected = train(whole, QUIET)
    checks = iter([None, "test"])
    with monkeypatch.context() as patch:
        patch.setattr("gaunt_md.training.callbacks.Stopping.check", lambda _: next(checks))
        with pytest.raises(TrainingStopped):
            train(stopped, QUIET)
    TrainingFolder(first).best.unlink()
    found = train(stopped, QUIET)
    a, b = (
        GauntCalculator(path).get_property("energy", frames_of(argon)[0])
        for path in (expected, found)
    )
    assert a == b


def test_whoever_wants_more_epochs_is_told_how(argon: Path, tmp_path: Path) -> None:
    def run(*arguments: object) -> Any:
        common = ["--train", argon, "--channels", 2, "--epochs"]
        return CliRunner().invoke(app, ["train", *map(str, (*common, *arguments))])

    run(1, "--output", tmp_path / "run")
    refused = str(run(2, "--output", tmp_path / "run").exception)
    best = tmp_path / "run/checkpoints/best.ckpt"
    assert "training.epochs was 1, now 2" in refused
    assert f"To train its potential further: --start-from {best} and another --output" in refused
    again = run(2, "--output", tmp_path / "longer", "--start-from", best)
    assert again.exit_code == 0, again.output
    assert f"starting from {best}" in again.output.replace("\n", "")


def test_a_missing_or_wrong_start_is_told_before_the_data_are_read(
    finished: Configuration, tmp_path: Path
) -> None:
    nowhere = tmp_path / "nowhere.xyz"
    with pytest.raises(CheckpointError, match=r"no checkpoint '.*lost.ckpt'"):
        train(further(finished, tmp_path / "a", nowhere, start_from=tmp_path / "lost.ckpt"), QUIET)
    with pytest.raises(CheckpointError, match="is a folder; give a checkpoint in it, such as"):
        train(further(finished, tmp_path / "c", nowhere, start_from=finished.output), QUIET)
    potential = TrainingFolder(finished).potential
    with pytest.raises(InputError, match=r"argon.pt' is no checkpoint.*checkpoints/best.ckpt"):
        train(further(finished, tmp_path / "b", nowhere, start_from=potential), QUIET)
