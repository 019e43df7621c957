"""Molecular dynamics recorded in a folder, from which it can go on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ase import Atoms

from ..errors import UnstableRunError
from ..progress import Progress, silent
from .dynamics import Dynamics
from .restart import write_restart
from .structures import write_structures
from .thermodynamics import Thermodynamics, ThermodynamicsFile
from .trajectory_writers import TrajectoryFile

RESTART = "restart.json"
FINAL = "final.extxyz"
LAST_GOOD = "last-good.extxyz"
TABLE = "thermodynamics.csv"

SECONDS_BETWEEN_CHECKPOINTS = 60.0
"""Longest time that a crash of the machine can cost."""

_SECONDS_BETWEEN_REPORTS = 1.0
_SECONDS_PER_DAY = 86400.0
_FS_PER_NS = 1e6


@dataclass(frozen=True)
class Recording:
    """What became of a run.

    Attributes
    ----------
    steps : int
        Number of steps done since the start of the run.
    final : Atoms
        The atoms in the end.
    thermodynamics : Thermodynamics
        Of the whole run, with what was before it was resumed.
    stopped : str or None
        Why it ended before its time.
    seconds : float
        Duration of this part.
    ns_per_day : float
        Speed of this part; nan if it had no step.
    """

    steps: int
    final: Atoms
    thermodynamics: Thermodynamics
    stopped: str | None
    seconds: float
    ns_per_day: float


def record(
    dynamics: Dynamics,
    folder: Path,
    *,
    steps: int,
    interval: int,
    suffix: str,
    options: dict[str, Any],
    stop: Callable[[], str | None] = lambda: None,
    progress: Progress = silent,
) -> Recording:
    """Run dynamics up to a total number of steps; dynamics that has begun goes on in its files.

    The folder gets the trajectory, a table, a restart file (at the start, every minute and in the
    end) and the final structure.

    Parameters
    ----------
    dynamics : Dynamics
        Fresh, or resumed from the restart file of the folder.
    folder : Path
        An existing folder.
    steps : int
        Number of steps since the start of the run.
    interval : int
        Steps between frames.
    suffix : str
        Format of the trajectory, see `TrajectoryFile`.
    options : dict
        What the run was asked for, for the restart file.
    stop : callable
        Asked after every step; a reason ends the run.
    progress : callable
        Told how many steps are done.

    Raises
    ------
    UnstableRunError
        After the frame before the faulty step has been written as ``last-good.extxyz``.
    InputError
        If there are no files to go on with.
    """
    start, begin = dynamics.step, time.perf_counter()
    keep = start // interval + 1 if start else 0
    frame = dynamics.frame
    reason = None
    clock = _Clock(dynamics, steps, progress)
    with (
        TrajectoryFile(folder / f"trajectory{suffix}", frame, keep) as trajectory,
        ThermodynamicsFile(folder / TABLE, len(frame), keep) as table,
    ):
        if not start:
            # At once, so that also a run that is killed in its first minute can go on.
            write_restart(folder / RESTART, dynamics.state, options)
        try:
            for step in dynamics.advance(steps):
                if step % interval == 0 and not (start and step == start):
                    trajectory.write(dynamics.frame)
                    table.write(dynamics)
                if clock.tick():
                    write_restart(folder / RESTART, dynamics.state, options)
                if reason := stop():
                    break
        except UnstableRunError as error:
            assert dynamics.last_good is not None
            write_structures(folder / LAST_GOOD, [dynamics.last_good])
            raise UnstableRunError(
                f"{error} The last good frame is '{folder / LAST_GOOD}'."
            ) from error
        thermodynamics = table.table
    write_restart(folder / RESTART, dynamics.state, options)
    write_structures(folder / FINAL, [dynamics.frame])
    return Recording(
        steps=dynamics.step,
        final=dynamics.frame,
        thermodynamics=thermodynamics,
        stopped=reason if dynamics.step < steps else None,
        seconds=time.perf_counter() - begin,
        ns_per_day=clock.ns_per_day,
    )


class _Clock:
    """Knows the speed, when to tell it, and when to write a restart file."""

    def __init__(self, dynamics: Dynamics, steps: int, progress: Progress) -> None:
        self._dynamics = dynamics
        self._steps = steps
        self._progress = progress
        self._ticks = 0
        self._origin = (0, 0.0)
        self._told = self._saved = time.perf_counter()

    def tick(self) -> bool:
        """Note a step, tell the progress once in a while; return whether to save."""
        now = time.perf_counter()
        step = self._dynamics.step
        self._ticks += 1
        if self._ticks == 2:
            # The first step pays for what is prepared once, so that the speed counts from there.
            self._origin = (step, now)
        if now - self._told > _SECONDS_BETWEEN_REPORTS or step == self._steps:
            self._told = now
            self._progress(self._words(), step, self._steps)
        if now - self._saved > SECONDS_BETWEEN_CHECKPOINTS:
            self._saved = now
            return True
        return False

    @property
    def ns_per_day(self) -> float:
        """Nanoseconds of dynamics in a day at the speed so far."""
        if self._ticks < 3:
            return float("nan")
        steps = self._dynamics.step - self._origin[0]
        seconds = time.perf_counter() - self._origin[1]
        fs = steps * self._dynamics.conditions.timestep
        return fs / _FS_PER_NS / seconds * _SECONDS_PER_DAY

    def _words(self) -> str:
        # How long it still takes is known to the bar of whoever is told.
        speed = self.ns_per_day
        return "Molecular dynamics" + ("" if math.isnan(speed) else f", {speed:.3g} ns/day")
