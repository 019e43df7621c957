"""What happens around the steps: checkpoints, and requests to stop."""

from __future__ import annotations

import math
import time
from typing import Any

from lightning.pytorch.callbacks import Callback

from ..errors import GauntError
from ..interruption import Interruption
from .figures import plot_learning_curve
from .folder import TrainingFolder

KEPT = 2
"""Checkpoints that stay, besides the best one."""

SECONDS_BETWEEN_CHECKPOINTS = 300.0
"""Longest time within an epoch without a checkpoint."""

SECONDS_BETWEEN_DRAWINGS = 120.0
"""Shortest time between two pictures of the learning curve; each takes about a second."""


class TrainingStopped(GauntError):  # noqa: N818 - no error, but told like one
    """The training was asked to stop; its checkpoint is saved."""


class Stopping(Interruption):
    """Knows whether the training should stop: by a signal, or because its time is over.

    A signal asks for a checkpoint after the batch under way, be it of training or of validation.
    """

    def __init__(self, minutes: float | None) -> None:
        super().__init__()
        self.deadline = math.inf if minutes is None else time.monotonic() + 60 * minutes

    def check(self) -> str | None:
        """Return why to stop now, or None."""
        if self.signal is None and time.monotonic() > self.deadline:
            return "its time is over"
        return self.reason()


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
        self.stopping.listen()

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        """Save in the middle of an epoch where asked to stop or where it lasts long."""
        if trainer.is_last_batch:
            return  # the end of the epoch follows
        reason = self.stopping.check()
        if reason or time.monotonic() > self.saved + SECONDS_BETWEEN_CHECKPOINTS:
            self._save(trainer)
        if reason:
            self._stop(pl_module, reason)

    def on_validation_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        """Save in the middle of a validation where a signal asks to stop.

        The validation begins anew when the training goes on. So it is not stopped because the
        time is over: one that takes longer than a session would never end.
        """
        if reason := self.stopping.reason():
            # To Lightning, as if it had been stopped within the first batch.
            progress = trainer.fit_loop.epoch_loop.val_loop.batch_progress
            progress.reset()
            progress.increment_ready()
            progress.increment_started()
            self._save(trainer)
            self._stop(pl_module, reason)

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

    def _stop(self, pl_module: Any, reason: str) -> None:
        if pl_module.history:
            plot_learning_curve(pl_module.history, self.folder.curve)
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
