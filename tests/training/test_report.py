"""What a training shows while it runs."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gaunt_md.training import report
from gaunt_md.training.callbacks import TrainingStopped
from gaunt_md.training.config import Configuration
from gaunt_md.training.module import TrainingModule
from gaunt_md.training.run import train


class Clock:
    """Stands still but for what training and validation are said to take, in seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **durations: float) -> None:
        self.now = 0.0
        monkeypatch.setattr(report, "monotonic", lambda: self.now)
        for name, seconds in durations.items():
            monkeypatch.setattr(TrainingModule, name, self.taking(seconds, name))

    def taking(self, seconds: float, name: str) -> Callable[..., Any]:
        original = getattr(TrainingModule, name)

        def timed(*arguments: Any) -> Any:
            self.now += seconds
            return original(*arguments)

        return timed


def to_go(text: str) -> dict[int, str]:
    """Return the last column of the lines of the epochs."""
    rows = [line.split() for line in text.splitlines()]
    return {int(row[0]): row[-1] for row in rows if row and row[0].isdigit() and len(row) == 9}


@pytest.mark.parametrize("terminal", [False, True])
def test_the_time_to_go_is_that_of_the_session(
    terminal: bool,
    configure: Callable[..., Configuration],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three epochs of four steps; the second session begins with the last step of the first."""
    configuration = configure(tmp_path / "run")
    checks = iter([None, None, "test"])
    with monkeypatch.context() as patch:
        patch.setattr("gaunt_md.training.callbacks.Stopping.check", lambda _: next(checks))
        patch.setattr(TrainingModule, "training_step", Clock(patch).taking(1000, "training_step"))
        with pytest.raises(TrainingStopped):
            train(configuration, Console(quiet=True))
    Clock(monkeypatch, training_step=2.0, validation_step=30.0)
    said = io.StringIO()
    train(configuration, Console(file=said, width=110, force_terminal=terminal, color_system=None))
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "\n", said.getvalue())  # moves of the cursor
    assert to_go(text) == {1: "0:01:16", 2: "0:00:38", 3: "0:00:00"}
    assert ("epoch 3/3, 0:00:00 to go" in text) == terminal
