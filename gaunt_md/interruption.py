"""Ctrl-C and SIGTERM as a request that long work asks for, not as an end in its middle."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self


class Interruption:
    """While it listens, the first SIGINT or SIGTERM is noted; a second one acts as usual.

    A block ``with Interruption() as interruption:`` listens while it lasts. Work that others begin
    and end calls `listen` and `restore`.

    Attributes
    ----------
    signal : int or None
        Number of the signal that came.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before: dict[int, Any] = {}

    def reason(self) -> str | None:
        """Return in words why to stop, or None."""
        return None if self.signal is None else f"{signal.Signals(self.signal).name} received"

    def listen(self) -> None:
        """Begin to note signals (only a process's main thread can)."""
        if threading.current_thread() is threading.main_thread() and not self._before:
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)

    def restore(self) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def __enter__(self) -> Self:
        self.listen()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.restore()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.signal = number
        self.restore()
