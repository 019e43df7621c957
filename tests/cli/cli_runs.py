"""Running the command line as users do."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from gaunt_md.cli.main import main


def gaunt_md(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `gaunt-md` within this process, where torch is loaded: in a tenth of the time."""
    command = ["gaunt-md", *map(str, arguments)]
    stdout, stderr = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        warnings.catch_warnings(record=True) as told,
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
    ):
        patch.chdir(cwd or Path.cwd())
        patch.setattr(sys, "argv", command)
        patch.setattr(warnings, "formatwarning", warnings.formatwarning)
        # As Python does for programs.
        warnings.simplefilter("ignore", DeprecationWarning)
        with pytest.raises(SystemExit) as end:
            main()
        lines = [
            warnings.formatwarning(one.message, one.category, one.filename, one.lineno)
            for one in told
        ]
    status = end.value.code or 0
    assert isinstance(status, int)
    return subprocess.CompletedProcess(
        command, status, stdout.getvalue(), "".join([*lines, stderr.getvalue()])
    )


def gaunt_md_process(
    *arguments: str | Path, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `gaunt-md` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "gaunt_md.cli.main", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=300,
    )
