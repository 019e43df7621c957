"""The folder of a training: what lies where, who may write, and from where to go on."""

from __future__ import annotations

import csv
import io
import shutil
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock
import yaml

from ..errors import InputError
from ..files import write_whole
from .checkpoints import CheckpointError, load_checkpoint
from .config import Configuration, load_configuration, parse_configuration

_FIRST_LINE = b"# Written by gaunt-md train.\n"


class TrainingFolder:
    """The files of one training.

    Parameters
    ----------
    configuration : Configuration
        Its ``output`` is the folder.
    """

    def __init__(self, configuration: Configuration) -> None:
        assert configuration.output is not None
        self.path = configuration.output
        self.configuration = configuration
        self.checkpoints = self.path / "checkpoints"
        self.best = self.checkpoints / "best.ckpt"
        self.metrics = self.path / "metrics.csv"
        self.curve = self.path / "learning_curve.png"
        self.potential = self.path / f"{configuration.name}.pt"
        self._record = self.path / "configuration.yaml"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Make the folder, or tidy it up, and hold it against other trainings.

        A folder into which nothing has been written in the end, since the data could not be used,
        is not left behind.

        Raises
        ------
        InputError
            If it is no folder, or another training holds it.
        """
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"'{self.path}' is a file, not a folder; choose another --output")
        made = not self.path.exists()
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        held = self.path / ".lock"
        lock = filelock.FileLock(held)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise InputError(
                f"another training is at work in '{self.path}'; wait for it or choose another "
                "--output"
            ) from None
        try:
            for folder in (self.path, self.checkpoints):
                for leftover in folder.glob(".[0-9]*.*"):  # of a run killed while it wrote
                    leftover.unlink()
            yield
        finally:
            if made and set(self.path.rglob("*")) == {self.checkpoints, held}:
                shutil.rmtree(self.path)
            lock.release()

    def refuse_another(self) -> None:
        """Check that the folder is free or holds a training with the same configuration.

        Raises
        ------
        InputError
            If it holds another training, or files that this one would overwrite.
        """
        if not self.checkpoint_paths():
            self._refuse_other_files()
            return
        if not self._record.exists():
            raise InputError(
                f"'{self.path}' holds a training without its configuration.yaml; choose another "
                "--output"
            )
        recorded = load_configuration(self._record)
        # Versions without this option knew no other optimiser.
        recorded["training"] = {"optimiser": "adamw", **recorded.get("training", {})}
        theirs = parse_configuration(recorded)
        # Test files change nothing in a training; a mistake in them must not lose it.
        before, now = (_plain(x, without={"test"}) for x in (theirs, self.configuration))
        differences = _differences(before, now)
        if differences:
            raise InputError(
                f"'{self.path}' holds a training with another configuration: "
                f"{'; '.join(differences)}. Choose another --output or restore the value"
                + f". To train its potential further: --start-from {self.best} and another --output"
                * self.best.exists()
            )

    def _refuse_other_files(self) -> None:
        files = [self.metrics, self.curve, self.potential, self.potential.with_suffix(".md")]
        # What a training left that was stopped before its first checkpoint may be overwritten.
        if self._record.exists() and not self._record.read_bytes().startswith(_FIRST_LINE):
            files.append(self._record)
        there = [path.name for path in files if path.exists()]
        if there:
            raise InputError(
                f"'{self.path}' holds no training that could go on, but {', '.join(there)}, which "
                "this one would overwrite; choose another --output"
            )

    def record_configuration(self) -> None:
        """Write the configuration into the folder."""
        text = yaml.safe_dump(_plain(self.configuration), sort_keys=False, allow_unicode=True)
        write_whole(self._record, _FIRST_LINE + text.encode())

    def checkpoint_paths(self) -> list[Path]:
        """Return the checkpoints of the run, newest first, without the best one."""
        return sorted(self.checkpoints.glob("step-*.ckpt"), reverse=True)

    def checkpoint_path(self, step: int) -> Path:
        """Return the path of the checkpoint after a step."""
        return self.checkpoints / f"step-{step:09d}.ckpt"

    def latest(self) -> tuple[Path, dict[str, Any]] | None:
        """Return the newest checkpoint that is whole, and its content; None before the first.

        Raises
        ------
        CheckpointError
            If there are checkpoints but none is whole.
        """
        paths = self.checkpoint_paths()
        for path in paths:
            try:
                return path, load_checkpoint(path)
            except CheckpointError as error:
                warnings.warn(f"{error}; using the one before", stacklevel=2)
        if paths:
            raise CheckpointError(
                f"no checkpoint in '{self.checkpoints}' is whole; delete the folder to start again"
            )
        return None

    def write_metrics(self, history: list[dict[str, float | None]]) -> None:
        """Write the history of the training as CSV, one row per epoch."""
        columns = list(dict.fromkeys(name for row in history for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)
        write_whole(self.metrics, text.getvalue().encode())


def _plain(configuration: Configuration, without: Collection[str] = ()) -> dict[str, Any]:
    """Return the configuration as YAML and JSON know it, without some of the data options."""
    return configuration.model_dump(mode="json", exclude={"output": True, "data": set(without)})


def _differences(theirs: Any, mine: Any, path: str = "") -> list[str]:
    if isinstance(theirs, dict) and isinstance(mine, dict):
        return [
            difference
            for key in dict.fromkeys([*theirs, *mine])
            for difference in _differences(
                theirs.get(key), mine.get(key), f"{path}.{key}" if path else str(key)
            )
        ]
    return [] if theirs == mine else [f"{path} was {theirs}, now {mine}"]
