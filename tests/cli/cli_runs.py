"""Running the command line as users do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def gaunt_md(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `gaunt-md` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "gaunt_md.cli.main", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=300,
    )
