"""What happens around the steps: checkpoints, requests to stop, and progress."""

from __future__ import annotations

import math
import signal
import threading
import time
from types import FrameType
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ..errors import GauntError
from ..units import EV_TO_MEV
from .figures import plot_learning_curve
from .folder import TrainingFolder

KEPT = 2
"""Checkpoints that stay, besides the best one."""

SECONDS_BETWEEN_CHECKPOINTS = 300.0
"""Longest time within an epoch without a checkpoint."""

SECONDS_BETWEEN_DRAWINGS = 20.0
"""Shortest time between two pictures of the learning curve."""


class TrainingStopped(GauntError):  # noqa: N818 - no error, but told like one
    """The training was asked to stop; its checkpoint is saved."""


class Stopping:
    """Knows whether the training should stop: by a signal, or because its time is over.

    The first SIGINT or SIGTERM asks for a checkpoint at the next step; a second one acts as
    usual. `install` begins to listen, `restore` ends it.
    """

    def __init__(self, minutes: float | None) -> None:
        self.deadline = math.inf if minutes is None else time.monotonic() + 60 * minutes
        self.reason: str | None = None
        self._before: dict[int, Any] = {}

    def install(self) -> None:
        """Listen to the signals (only a process's main thread can)."""
        if threading.current_thread() is threading.main_thread() and not self._before:
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._request)

    def restore(self) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def check(self) -> str | None:
        """Return why to stop now, or None."""
        if self.reason is None and time.monotonic() > self.deadline:
            self.reason = "its time is over"
        return self.reason

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.reason = f"{signal.Signals(number).name} received"
        self.restore()


class Checkpoints(Callback):
    """Saves after every epoch, within long ones, and before stopping; keeps the best."""

    def __init__(self, folder: TrainingFolder, stopping: Stopping, patience: int | None) -> None:
        self.folder = folder
        self.stopping = stopping
        self.patience = patience
        self.saved = time.monotonic()
        self.drawn = -math.inf

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Listen to signals after Lightning has set its own handlers."""
        self.stopping.install()

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        """Save in the middle of an epoch where asked to stop or where it lasts long."""
        if trainer.is_last_batch:
            return  # the end of the epoch follows
        reason = self.stopping.check()
        if reason or time.monotonic() > self.saved + SECONDS_BETWEEN_CHECKPOINTS:
            self._save(trainer)
        if reason:
            plot_learning_curve(pl_module.history, self.folder.curve)
            raise TrainingStopped(reason)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Save, note the epoch, and stop where asked to."""
        # The best one first: whoever is killed in between repeats the epoch, and finds it again.
        if best_epoch(pl_module.history) == trainer.current_epoch + 1:
            trainer.save_checkpoint(self.folder.best)
        self._save(trainer)
        self.folder.write_metrics(pl_module.history)
        finished = is_finished(pl_module.history, trainer.max_epochs, self.patience)
        reason = self.stopping.check()
        if finished or reason or time.monotonic() > self.drawn + SECONDS_BETWEEN_DRAWINGS:
            plot_learning_curve(pl_module.history, self.folder.curve)
            self.drawn = time.monotonic()
        if finished:
            trainer.should_stop = True
        elif reason:
            raise TrainingStopped(reason)

    def _save(self, trainer: Any) -> None:
        trainer.save_checkpoint(self.folder.checkpoint_path(trainer.global_step))
        for path in self.folder.checkpoint_paths()[KEPT:]:
            path.unlink()
        self.saved = time.monotonic()


def best_epoch(history: list[dict[str, float | None]]) -> int:
    """Return the epoch, from 1, with the lowest validation loss; without validation the last."""
    losses = [row.get("validation_loss") for row in history]
    known = [(value, k + 1) for k, value in enumerate(losses) if value is not None]
    return min(known)[1] if known else len(history)


def is_finished(history: list[dict[str, float | None]], epochs: int, patience: int | None) -> bool:
    """Tell whether all epochs are done, or none of the last ``patience`` was better."""
    waited = len(history) - best_epoch(history)
    return len(history) >= epochs or (patience is not None and waited >= patience)


class History(Callback):
    """Closes the books of an epoch; stands before the callbacks that read them."""

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Add a row to the history."""
        pl_module.finish_epoch()


class Report(Callback):
    """A bar with the remaining time on a terminal, one line per epoch elsewhere."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bar: Progress | None = None

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Set up the bar, or the head of the lines."""
        self.first = trainer.global_step
        self.started = time.monotonic()
        self.console.print(_HEAD, highlight=False)
        if self.console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
            self.bar = Progress(
                *columns, TimeRemainingColumn(), console=self.console, refresh_per_second=2
            )
            self.bar.start()
            self.task = self.bar.add_task(
                "training", total=pl_module.steps, completed=trainer.global_step
            )

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        """Move the bar."""
        if self.bar is not None:
            description = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
            self.bar.update(self.task, completed=trainer.global_step, description=description)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Print the line of the epoch."""
        elapsed = time.monotonic() - self.started
        steps = trainer.global_step - self.first
        remaining = elapsed / steps * (pl_module.steps - trainer.global_step)
        self.console.print(_line(pl_module.history[-1], remaining), highlight=False)

    def teardown(self, trainer: lightning.Trainer, pl_module: Any, stage: str) -> None:
        """Take the bar away, also after an error."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None


_HEAD = (
    " epoch    train    valid.   energy   force   stress     rate    time   to go\n"
    "           loss     loss      MAE     RMSE    RMSE\n"
    "                           meV/atom  meV/Å    GPa               min     min"
)


def _line(row: dict[str, float | None], remaining: float) -> str:
    force = row.get("force_rmse_eV_per_A")
    cells = [
        _cell(row["train_loss"], 9, ".3g"),
        _cell(row.get("validation_loss"), 9, ".3g"),
        _cell(row.get("energy_mae_meV_per_atom"), 9, ".2f"),
        _cell(None if force is None else force * EV_TO_MEV, 8, ".1f"),
        _cell(row.get("stress_rmse_GPa"), 8, ".3f"),
        _cell(row["learning_rate"], 10, ".1e"),
        _cell((row["seconds"] or 0) / 60, 8, ".1f"),
        _cell(remaining / 60, 8, ".1f"),
    ]
    return f"{row['epoch']:6.0f}" + "".join(cells)


def _cell(value: float | None, width: int, form: str) -> str:
    return f"{'–' if value is None else format(value, form):>{width}}"
