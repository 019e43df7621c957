"""A training that was interrupted ends with the same numbers as one that never was."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from gaunt_md.data.read import read_labelled
from gaunt_md.errors import InputError
from gaunt_md.training.callbacks import Stopping, TrainingStopped
from gaunt_md.training.checkpoints import CheckpointError, SealedCheckpoints, load_checkpoint
from gaunt_md.training.config import Configuration
from gaunt_md.training.evaluate import compare
from gaunt_md.training.folder import TrainingFolder
from gaunt_md.training.module import TrainingModule
from gaunt_md.training.parameters import averaged_potential
from gaunt_md.training.run import train

QUIET = Console(quiet=True)
LABELS = ("energy", "forces", "stress")


class StopAfter(Stopping):
    """Asks for a stop after a number of steps of this run, as a signal would."""

    steps = 0

    def check(self) -> str | None:
        self.steps -= 1
        return "test" if self.steps == 0 else None


def train_until(monkeypatch: pytest.MonkeyPatch, steps: int, configuration: Configuration) -> bool:
    """Train for some steps and tell whether the training was stopped before its end."""

    class After(StopAfter):
        pass

    After.steps = steps
    with monkeypatch.context() as patch:
        patch.setattr("gaunt_md.training.run.Stopping", After)
        try:
            train(configuration, QUIET)
        except TrainingStopped:
            return True
    return False


def newest(configuration: Configuration) -> dict[str, Any]:
    latest = TrainingFolder(configuration).latest()
    assert latest is not None
    return latest[1]


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Return all that a checkpoint holds, by path, but for the time it took."""
    if isinstance(tree, dict | list | tuple):
        items = tree.items() if isinstance(tree, dict) else enumerate(tree)
        for key, value in items:
            yield from leaves(value, f"{path}/{key}")
    elif not path.endswith("/seconds"):
        yield path, tree


def same(a: Any, b: Any) -> bool:
    return torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


@pytest.mark.parametrize("steps", [1, 4, 7])
def test_interrupted_training_is_bitwise_the_same(
    steps: int,
    finished: Configuration,
    configure: Callable[..., Configuration],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configuration = configure(tmp_path / "run")
    stops = 0
    while train_until(monkeypatch, steps, configuration):
        stops += 1
    assert stops >= 12 // steps - 1  # 12 steps in all; a stop in every third of them counts
    expected, found = dict(leaves(newest(finished))), dict(leaves(newest(configuration)))
    assert expected.keys() == found.keys()
    different = [path for path in expected if not same(expected[path], found[path])]
    assert different == []
    a, b = (load_checkpoint(TrainingFolder(c).best) for c in (finished, configuration))
    assert all(same(a["state_dict"][k], b["state_dict"][k]) for k in a["state_dict"])


@pytest.fixture(scope="module")
def whole(
    configure: Callable[..., Configuration], tmp_path_factory: pytest.TempPathFactory
) -> Configuration:
    """A training without a stop, with three validations of two batches each."""
    configuration = configure(tmp_path_factory.mktemp("whole") / "run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gaunt_md.training.run.VALIDATION_BATCH", 1)
        train(configuration, QUIET)
    return configuration


@pytest.mark.parametrize("batch", [1, 2, 3, 6])
def test_a_signal_within_a_validation_is_answered_there_and_loses_nothing(
    batch: int,
    whole: Configuration,
    configure: Callable[..., Configuration],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The signal comes within one of the six batches of validation."""
    monkeypatch.setattr("gaunt_md.training.run.VALIDATION_BATCH", 1)
    stopped = configure(tmp_path / "stopped")
    original, done = TrainingModule.validation_step, [0]

    def validation_step(module: TrainingModule, *arguments: Any) -> None:
        done[0] += 1
        if done[0] == batch:
            os.kill(os.getpid(), signal.SIGTERM)
        original(module, *arguments)

    monkeypatch.setattr(TrainingModule, "validation_step", validation_step)
    step = 4 * ((batch + 1) // 2)
    with pytest.raises(TrainingStopped, match=rf"after step {step} of 12: SIGTERM received"):
        train(stopped, QUIET)
    assert done[0] == batch
    assert newest(stopped)["global_step"] == step
    train(stopped, QUIET)
    # The validation that was broken off is made again, whole.
    assert done[0] == 6 + 2 - batch % 2
    expected, found = newest(whole), newest(stopped)
    for content in (expected, found):
        # Lightning counts the batch of validation that was begun twice.
        del content["loops"]["fit_loop"]["epoch_loop.val_loop.batch_progress"]["total"]
    a, b = dict(leaves(expected)), dict(leaves(found))
    assert [path for path in a if not same(a[path], b[path])] == []


def test_another_seed_gives_other_numbers(
    finished: Configuration, configure: Callable[..., Configuration], tmp_path: Path
) -> None:
    other = configure(tmp_path / "run", seed=2)
    train(other, QUIET)
    a, b = (newest(c)["state_dict"]["averaged.embedding"] for c in (finished, other))
    assert not torch.equal(a, b)


def test_a_damaged_checkpoint_is_passed_over(
    finished: Configuration,
    configure: Callable[..., Configuration],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configuration = configure(tmp_path / "run")
    train_until(monkeypatch, 10, configuration)
    first, _ = TrainingFolder(configuration).checkpoint_paths()
    content = bytearray(first.read_bytes())
    content[len(content) // 2] ^= 4
    first.write_bytes(content)
    with pytest.warns(UserWarning, match=r"is damaged.*using the one before"):
        train(configuration, QUIET)
    a, b = (dict(leaves(newest(c)["state_dict"])) for c in (finished, configuration))
    assert all(same(a[k], b[k]) for k in a)


def test_no_whole_checkpoint_is_an_error_and_no_new_start(
    configure: Callable[..., Configuration], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = configure(tmp_path / "run")
    train_until(monkeypatch, 6, configuration)
    for path in TrainingFolder(configuration).checkpoint_paths():
        path.write_bytes(path.read_bytes()[:-100])
    with (
        pytest.warns(UserWarning, match="is damaged"),
        pytest.raises(CheckpointError, match=r"no checkpoint in .* is whole"),
    ):
        train(configuration, QUIET)


def test_a_training_from_before_there_was_a_choice_of_optimisers_goes_on(
    configure: Callable[..., Configuration], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Versions without the option knew AdamW alone, and took other scales from the data."""

    def validated(**training: Any) -> Configuration:
        options = configure(tmp_path / "run", **training)
        data = options.data.model_copy(update={"validation": options.data.train})
        return options.model_copy(update={"data": data})

    old = validated(optimiser="adamw")
    folder = TrainingFolder(old)
    train_until(monkeypatch, 5, old)
    written = folder.path / "configuration.yaml"
    written.write_text(written.read_text().replace("  optimiser: adamw\n", ""))
    path, checkpoint = folder.checkpoint_paths()[0], newest(old)
    scales = checkpoint["gaunt_md"]["record"]["hyperparameters"]
    scales["average_neighbours"] *= 2
    SealedCheckpoints().save_checkpoint(checkpoint, path)

    with pytest.raises(InputError, match=r"training\.optimiser was adamw, now soap.*--start-from"):
        train(validated(), QUIET)
    train(old, QUIET)
    finished = newest(old)
    assert finished["gaunt_md"]["record"]["hyperparameters"] == scales
    # What was validated is what is written down.
    structures = read_labelled(old.data.train, dict.fromkeys(LABELS), LABELS)[0]
    errors = compare(averaged_potential(finished, "run"), structures).errors().summary()
    last = finished["gaunt_md"]["history"][-1]
    assert errors == pytest.approx({name: last[name] for name in errors})
    # Or another training, by the other optimiser, begins with it.
    train(configure(tmp_path / "further", epochs=1, start_from=folder.best), QUIET)


def test_a_finished_training_is_left_alone(finished: Configuration) -> None:
    folder = TrainingFolder(finished)
    before = {path: path.stat().st_mtime_ns for path in folder.path.rglob("*.*t")}
    assert len(before) == 4  # two checkpoints, the best one, the potential
    said = io.StringIO()
    assert train(finished, Console(file=said)) == folder.potential
    assert "this training is finished" in said.getvalue()
    assert before == {path: path.stat().st_mtime_ns for path in folder.path.rglob("*.*t")}


def test_a_lost_potential_is_written_again(finished: Configuration) -> None:
    folder = TrainingFolder(finished)
    folder.potential.unlink()
    train(finished, QUIET)
    assert folder.potential.exists()


def test_another_configuration_in_a_used_folder_is_refused(
    finished: Configuration, configure: Callable[..., Configuration]
) -> None:
    assert finished.output is not None
    with pytest.raises(InputError, match=r"training\.epochs was 3, now 9.*another --output"):
        train(configure(finished.output, epochs=9), QUIET)


def test_other_test_files_are_no_other_training(finished: Configuration) -> None:
    data = finished.data.model_copy(update={"test": []})
    train(finished.model_copy(update={"data": data}), QUIET)


def test_changed_data_are_refused(
    argon: Path,
    configure: Callable[..., Configuration],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configuration = configure(tmp_path / "run")
    train_until(monkeypatch, 6, configuration)
    before = argon.read_text()
    try:
        argon.write_text(before.replace("energy=-", "energy=-1", 1))
        with pytest.raises(InputError, match=r"'argon.xyz' has changed since"):
            train(configuration, QUIET)
    finally:
        argon.write_text(before)


def test_a_mistake_in_the_data_options_can_be_corrected_in_the_same_folder(
    configure: Callable[..., Configuration], tmp_path: Path
) -> None:
    configuration = configure(tmp_path / "run", epochs=1)
    mistaken = configuration.model_copy(
        update={"data": configuration.data.model_copy(update={"energy_key": "enregy"})}
    )
    with pytest.raises(InputError, match="enregy"):
        train(mistaken, QUIET)
    train(configuration, QUIET)


def test_two_trainings_in_one_folder_are_refused(
    configure: Callable[..., Configuration], tmp_path: Path
) -> None:
    configuration = configure(tmp_path / "run")
    with (
        TrainingFolder(configuration).lock(),
        pytest.raises(InputError, match=r"another training is at work"),
    ):
        train(configuration, QUIET)


def test_training_leaves_torch_as_it_was(
    configure: Callable[..., Configuration], tmp_path: Path
) -> None:
    torch.manual_seed(77)
    expected = torch.rand(3)
    torch.manual_seed(77)
    before = (torch.get_default_dtype(), torch.get_num_threads())
    train(configure(tmp_path / "run", epochs=1), QUIET)
    assert (torch.get_default_dtype(), torch.get_num_threads()) == before
    assert torch.is_grad_enabled()
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.utils.deterministic.fill_uninitialized_memory
    assert torch.equal(torch.rand(3), expected)
