"""Programs that are timed: each in a process of its own, so that memory is theirs alone."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import GauntError

SCRIPTS = Path(__file__).resolve().parent / "scripts"
# Peaks stay on record, and looking more often would disturb what is timed.
_POLL = 0.2  # s


class BenchmarkError(GauntError):
    """A program that was to be timed ended with an error."""


@dataclass(frozen=True)
class Finished:
    """What a program left.

    Attributes
    ----------
    output : str
        Of stdout.
    peak_memory : float or None
        Largest resident memory of the process or of one it started, in MB; None where the system
        does not say.
    """

    output: str
    peak_memory: float | None


def run_program(
    command: Sequence[str], folder: Path, *, threads: int, own_environment: bool = True
) -> Finished:
    """Run a program in a folder with a number of threads, and wait for it.

    Parameters
    ----------
    command : sequence of str
    folder : Path
    threads : int
    own_environment : bool
        Whether it belongs to this Python; what this one is told to import is not for another.

    Raises
    ------
    BenchmarkError
        If it cannot be started or ends with an error; the message has the end of its output.
    """
    variables = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    environment = {**os.environ, **variables}
    if not own_environment:
        environment.pop("PYTHONPATH", None)
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
            )
        except OSError as problem:
            raise BenchmarkError(f"'{command[0]}' cannot be run: {problem.strerror}") from problem
        peak = _wait(process)
        out.seek(0)
        errors.seek(0)
        output, complaints = out.read(), errors.read()
    if process.returncode != 0:
        raise BenchmarkError(
            f"`{shlex.join(command)}` in {folder} ended with exit status {process.returncode}: "
            f"{_last_words(output, complaints)}"
        )
    return Finished(output, peak)


def run_script(
    python: str, name: str, job: dict[str, Any], folder: Path, *, threads: int
) -> tuple[dict[str, Any], float | None]:
    """Run a script of `gaunt_md/bench/scripts` with any Python interpreter.

    It gets the job as JSON and answers with JSON on the last line of its output.

    Returns
    -------
    answer : dict
    peak_memory : float or None
        In MB.
    """
    command = [python, str(SCRIPTS / f"{name}.py"), json.dumps(job)]
    own = python == sys.executable
    finished = run_program(command, folder, threads=threads, own_environment=own)
    lines = finished.output.strip().splitlines()
    try:
        return json.loads(lines[-1]), finished.peak_memory
    except (IndexError, ValueError):
        raise BenchmarkError(f"`{shlex.join(command)}` gave no result") from None


def _wait(process: subprocess.Popen[bytes]) -> float | None:
    """Wait for the end and return the largest memory seen, MB.

    The kernel's own account of an ended process cannot be used: it begins with what its parent had.
    """
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, _peak_of_tree(process.pid))
        time.sleep(_POLL)
    return peak or None


def _peak_of_tree(pid: int) -> float:
    """Return the largest peak of a process and those it started, MB; 0 if unknown."""
    folder = Path("/proc") / str(pid)
    try:
        status = (folder / "status").read_text()
        children = (folder / "task" / str(pid) / "children").read_text().split()
    except OSError:
        return 0.0
    peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    own = 1024e-6 * float(peaks[0]) if peaks else 0.0
    return max([own, *(_peak_of_tree(int(child)) for child in children)])


def _last_words(output: str, complaints: str) -> str:
    lines = [line.strip() for line in (output + "\n" + complaints).splitlines() if line.strip()]
    errors = [line for line in lines if "ERROR" in line]
    return (errors or lines or ["it said nothing"])[-1]
