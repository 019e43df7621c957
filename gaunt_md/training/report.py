"""What a training shows while it runs: one line per epoch, and on a terminal a bar."""

from __future__ import annotations

from time import monotonic
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn


class TimeToGo:
    """Estimates how long a training still takes, from this session's steps and validations alone.

    Both are timed apart: a session may begin just before the end of an epoch.

    Parameters
    ----------
    steps, epochs : int
        Still to be made when the session begins, at the end of each epoch a validation.
    """

    def __init__(self, steps: int, epochs: int) -> None:
        self._left = {"step": steps, "validation": epochs}
        self._done = {"step": 0, "validation": 0}
        self._spent = {"step": 0.0, "validation": 0.0}

    def add(self, kind: str, seconds: float) -> None:
        """Count a "step" or a "validation"."""
        self._left[kind] -= 1
        self._done[kind] += 1
        self._spent[kind] += seconds

    def seconds(self) -> float:
        """Return the estimate; a validation counts nothing before the first one."""
        return sum(
            self._left[kind] * self._spent[kind] / max(1, done) for kind, done in self._done.items()
        )


class Report(Callback):
    """A bar with the time to go on a terminal, one line per epoch everywhere."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bar: Progress | None = None

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Set up the bar, and print the head of the lines."""
        step = trainer.global_step
        self.to_go = TimeToGo(pl_module.steps - step, trainer.max_epochs - trainer.current_epoch)
        self.last = monotonic()
        self.console.print(_HEAD, highlight=False)
        if self.console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn())
            self.bar = Progress(*columns, console=self.console, refresh_per_second=2)
            self.bar.start()
            self.task = self.bar.add_task("training", total=pl_module.steps, completed=step)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        """Move the bar."""
        self._count("step", trainer)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Print the line of the epoch."""
        self._count("validation", trainer)
        self.console.print(_line(pl_module.history[-1], self.to_go.seconds()), highlight=False)

    def teardown(self, trainer: lightning.Trainer, pl_module: Any, stage: str) -> None:
        """Take the bar away, also after an error."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None

    def _count(self, kind: str, trainer: Any) -> None:
        before, self.last = self.last, monotonic()
        self.to_go.add(kind, self.last - before)
        if self.bar is not None:
            description = (
                f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}, "
                f"{_duration(self.to_go.seconds())} to go"
            )
            self.bar.update(self.task, completed=trainer.global_step, description=description)


_HEAD = (
    " epoch    train    valid.   energy    force   stress     rate     time    to go\n"
    "           loss     loss      MAE     RMSE     RMSE\n"
    "                           meV/atom    eV/Å      GPa           h:mm:ss  h:mm:ss"
)


def _line(row: dict[str, float | None], to_go: float) -> str:
    cells = [
        _cell(row["train_loss"], 9, ".3g"),
        _cell(row.get("validation_loss"), 9, ".3g"),
        _cell(row.get("energy_mae_meV_per_atom"), 9, ".2f"),
        _cell(row.get("force_rmse_eV_per_A"), 9, ".4f"),
        _cell(row.get("stress_rmse_GPa"), 9, ".3f"),
        _cell(row["learning_rate"], 9, ".1e"),
        f"{_duration(row['seconds'] or 0):>9}",
        f"{_duration(to_go):>9}",
    ]
    return f"{row['epoch']:6.0f}" + "".join(cells)


def _cell(value: float | None, width: int, form: str) -> str:
    return f"{'–' if value is None else format(value, form):>{width}}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
