"""Signals, damaged files, a full disk: a training loses nothing but time."""

from __future__ import annotations

import copy
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
import torch
from ase import Atoms
from rich.console import Console
from typer.testing import CliRunner

from gaunt_md.cli.main import app
from gaunt_md.cli.train import STOPPED
from gaunt_md.data.read import LabelledStructure
from gaunt_md.errors import GauntError, InputError
from gaunt_md.model import Potential
from gaunt_md.training import module
from gaunt_md.training.callbacks import TrainingStopped
from gaunt_md.training.checkpoints import CheckpointError, SealedCheckpoints, load_checkpoint
from gaunt_md.training.config import Configuration
from gaunt_md.training.evaluate import compare
from gaunt_md.training.folder import TrainingFolder
from gaunt_md.training.run import export, train

QUIET = Console(quiet=True)


def at_step(monkeypatch: pytest.MonkeyPatch, step: int, action: Callable[[Any], Any]) -> None:
    """Do something with the loss of a step, which alone has a share of energies."""
    original, calls = module.loss, [0]

    def loss(*arguments: Any) -> Any:
        value = original(*arguments)
        calls[0] += len(arguments) == 5
        return action(value) if calls[0] == step and len(arguments) == 5 else value

    monkeypatch.setattr(module, "loss", loss)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_the_step_and_tells_how_to_go_on(
    number: signal.Signals,
    configure: Callable[..., Configuration],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def send(value: Any) -> Any:
        os.kill(os.getpid(), number)
        return value

    configuration = configure(tmp_path / "run")
    handlers = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)]
    at_step(monkeypatch, 2, send)
    with pytest.raises(TrainingStopped, match=rf"after step 2 of 12: {number.name}.*goes on"):
        train(configuration, QUIET)
    assert [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)] == handlers
    latest = TrainingFolder(configuration).latest()
    assert latest is not None
    assert latest[1]["global_step"] == 2


def test_the_command_stops_when_its_time_is_over(argon: Path, tmp_path: Path) -> None:
    command = ["train", "--train", str(argon), "--output", str(tmp_path / "run")]
    result = CliRunner().invoke(app, [*command, "--channels", "2", "--minutes", "0"])
    assert result.exit_code == STOPPED
    assert "its time is over" in result.output
    assert "the same command goes on from there" in result.output


def test_a_loss_that_is_no_number_ends_the_training(
    configure: Callable[..., Configuration], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = configure(tmp_path / "run")
    at_step(monkeypatch, 7, lambda value: value * float("nan"))
    with pytest.raises(GauntError, match=r"no longer finite at step \d+; choose a lower"):
        train(configuration, QUIET)
    latest = TrainingFolder(configuration).latest()
    assert latest is not None
    assert all(x.isfinite().all() for x in latest[1]["state_dict"].values())


def test_a_gradient_that_is_no_number_ends_the_training_where_the_loss_is_one(
    configure: Callable[..., Configuration], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_step(monkeypatch, 1, lambda value: value + (value - value.detach()).sqrt())
    with pytest.raises(GauntError, match="no longer finite at step 0; choose a lower"):
        train(configure(tmp_path / "run"), QUIET)


def test_weights_that_are_no_numbers_end_the_training_before_a_checkpoint(
    configure: Callable[..., Configuration], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(Potential):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            for parameter in self.parameters():
                torch.nn.init.constant_(parameter, float("nan"))

    monkeypatch.setattr("gaunt_md.training.run.Potential", Broken)
    configuration = configure(tmp_path / "run")
    with pytest.raises(GauntError, match="no longer finite at step 0; choose a lower"):
        train(configuration, QUIET)
    assert TrainingFolder(configuration).checkpoint_paths() == []


def test_errors_of_predictions_that_are_no_numbers_are_not_called_unknown(
    potential: Potential,
) -> None:
    for parameter in (broken := copy.deepcopy(potential)).parameters():
        torch.nn.init.constant_(parameter, float("nan"))
    atoms = Atoms("Si2", [[0, 0, 0], [1.5, 1.5, 1.5]], cell=[4, 4, 4], pbc=True)
    structure = LabelledStructure(
        atoms, 1.0, np.zeros((2, 3)), np.full((3, 3), np.nan), Path("a.xyz"), 0
    )
    summary = compare(broken, [structure]).errors().summary()
    assert np.isnan(summary["force_rmse_eV_per_A"])
    assert summary["stress_rmse_GPa"] is None


def test_torch_reads_a_checkpoint_without_running_anything(finished: Configuration) -> None:
    content = torch.load(TrainingFolder(finished).best, weights_only=True)
    assert set(content["gaunt_md"]) == {"record", "history", "seconds"}


def test_no_flipped_bit_and_no_truncation_goes_unseen(
    finished: Configuration, tmp_path: Path
) -> None:
    whole = TrainingFolder(finished).best.read_bytes()
    path = tmp_path / "a.ckpt"
    random = np.random.default_rng(4)
    for position in random.integers(len(whole), size=150):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << random.integers(8)
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="is damaged"):
            load_checkpoint(path)
    for length in (0, 1, 50, 1000, *random.integers(len(whole), size=20)):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match="is damaged"):
            load_checkpoint(path)
    path.write_bytes(whole)
    load_checkpoint(path)


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "a.ckpt"
    io = SealedCheckpoints()
    io.save_checkpoint({"gaunt_md": {}, "weights": torch.ones(10)}, path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            io.save_checkpoint({"gaunt_md": {}, "weights": torch.ones(10_000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert torch.equal(load_checkpoint(path)["weights"], torch.ones(10))
    assert list(tmp_path.iterdir()) == [path]


def test_files_that_are_no_checkpoint_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint"):
        export(tmp_path / "nowhere.ckpt", tmp_path / "a.pt")
    torch.save({"weights": torch.ones(3)}, tmp_path / "foreign.ckpt")
    with pytest.raises(CheckpointError, match="is damaged, or not one of gaunt-md"):
        export(tmp_path / "foreign.ckpt", tmp_path / "a.pt")
    SealedCheckpoints().save_checkpoint({"weights": torch.ones(3)}, tmp_path / "sealed.ckpt")
    with pytest.raises(CheckpointError, match="is not one of gaunt-md"):
        export(tmp_path / "sealed.ckpt", tmp_path / "a.pt")
    assert not (tmp_path / "a.pt").exists()


def test_what_a_killed_writer_left_is_tidied_up(
    configure: Callable[..., Configuration], tmp_path: Path
) -> None:
    folder = TrainingFolder(configure(tmp_path / "run"))
    with folder.lock():
        leftovers = [folder.checkpoints / ".123.best.ckpt", folder.path / ".123.argon.pt"]
        for leftover in leftovers:
            leftover.write_bytes(b"half")
    with folder.lock():
        assert not any(leftover.exists() for leftover in leftovers)


def test_a_failed_training_gives_its_folder_back(
    configure: Callable[..., Configuration], tmp_path: Path
) -> None:
    folder = TrainingFolder(configure(tmp_path / "run"))
    with pytest.raises(InputError, match="test"), folder.lock():
        raise InputError("test")
    with folder.lock():
        pass


def test_coincident_atoms_are_refused_by_frame(
    argon: Path, configure: Callable[..., Configuration], tmp_path: Path
) -> None:
    frames = ase.io.read(argon, ":")
    frames[5].positions[2] = frames[5].positions[0] + [0.02, 0, 0]
    ase.io.write(tmp_path / "bad.xyz", frames)
    good = configure(tmp_path / "run")
    bad = good.model_copy(
        update={"data": good.data.model_copy(update={"train": [tmp_path / "bad.xyz"]})}
    )
    with pytest.raises(InputError, match=r"bad.xyz, frame 5: atoms 0 and 2 are 0.02 Å apart"):
        train(bad, QUIET)


def test_one_structure_cannot_be_split(
    argon: Path, configure: Callable[..., Configuration], tmp_path: Path
) -> None:
    ase.io.write(tmp_path / "one.xyz", ase.io.read(argon, "0"))
    one = configure(tmp_path / "run")
    one = one.model_copy(
        update={"data": one.data.model_copy(update={"train": [tmp_path / "one.xyz"]})}
    )
    with pytest.raises(InputError, match=r"1 structure cannot be split.*validation_fraction to 0"):
        train(one, QUIET)


def test_an_exported_potential_replaces_no_file(finished: Configuration, tmp_path: Path) -> None:
    best = str(TrainingFolder(finished).best)
    (tmp_path / "a.md").write_text("notes of a year")
    for name, complaint in (
        ("a.pt", r"a.md' exists; delete it or choose another --output"),
        ("a.md", r"a.md' is no name of a potential file; it has to end in .pt"),
    ):
        result = CliRunner().invoke(app, ["export", best, "-o", str(tmp_path / name)])
        assert isinstance(result.exception, InputError)
        assert re.search(complaint, str(result.exception))
    assert [path.name for path in tmp_path.iterdir()] == ["a.md"]
    assert (tmp_path / "a.md").read_text() == "notes of a year"


def test_a_picture_replaces_no_data(finished: Configuration, argon: Path) -> None:
    before = argon.read_bytes()
    arguments = [str(TrainingFolder(finished).potential), str(argon), "--plot", str(argon)]
    result = CliRunner().invoke(app, ["evaluate", *arguments])
    assert "has to be called NAME.png" in str(result.exception)
    assert argon.read_bytes() == before


@pytest.mark.parametrize("name", ["configuration.yaml", "metrics.csv", "argon.pt", "argon.md"])
def test_a_training_overwrites_nothing_of_others(
    name: str, configure: Callable[..., Configuration], tmp_path: Path
) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match=rf"but {name}, which this one would overwrite"):
        train(configure(tmp_path), QUIET)
    assert (tmp_path / name).read_text() == "mine"


def test_an_output_that_is_a_file_is_refused(
    configure: Callable[..., Configuration], argon: Path
) -> None:
    with pytest.raises(InputError, match=r"argon.xyz' is a file, not a folder"):
        train(configure(argon), QUIET)


def test_a_warning_is_one_line_on_the_command_line(
    configure: Callable[..., Configuration], tmp_path: Path
) -> None:
    folder = TrainingFolder(configure(tmp_path / "run", epochs=1))
    train(folder.configuration, QUIET)
    folder.best.unlink()
    folder.potential.unlink()
    command = ["train", folder.path / "configuration.yaml", "--output", folder.path]
    finished = subprocess.run(
        [sys.executable, "-m", "gaunt_md.cli.main", *map(str, command)],
        capture_output=True,
        text=True,
    )
    expected = f"warning: no checkpoint '{folder.best}'; exporting the last epoch instead\n"
    assert (finished.returncode, finished.stderr) == (0, expected)
    assert folder.potential.exists()
