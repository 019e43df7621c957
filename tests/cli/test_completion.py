"""Shells complete verbs, options, potentials and files with what `--install-completion` writes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gaunt_md import potential_file

PROGRAM = Path(sys.executable).parent / "gaunt-md"

# How each shell is asked what the last word of $LINE may become, one candidate a line.
ASK = {
    "bash": """
        source ~/.bashrc
        COMP_WORDS=($LINE); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _gaunt_md_completion gaunt-md
        printf "%s\\n" "${COMPREPLY[@]}"
    """,
    "zsh": """
        compdef() { : }
        _files() { : }
        _arguments() { print -r -- "$1" }
        words=(${=LINE}); CURRENT=${#words}
        source ~/.zfunc/_gaunt-md
        _gaunt_md_completion
    """,
    "fish": 'complete -C "$LINE"',
}


@pytest.mark.skipif(not PROGRAM.exists(), reason="gaunt-md is not installed: pip install -e .")
@pytest.mark.parametrize("shell", ASK)
def test_what_is_installed_completes(tmp_path: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    (tmp_path / "silly.pt").touch()
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}",
    }

    def run(script: str, **variables: str) -> str:
        finished = subprocess.run(
            [shell, "-c", script],
            env={**environment, **variables},
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert not finished.stderr
        return finished.stdout

    assert f"{shell} completion installed" in run("gaunt-md --install-completion; true")
    for line, expected in {
        "gaunt-md config ph": {"phonons"},
        "gaunt-md phonons si.cif --thermal": {"--thermal-expansion"},
        "gaunt-md relax si.cif --potential s": {*potential_file.shipped_potentials(), "silly.pt"},
        "gaunt-md md si.cif --ensemble npt": {"npt", "npt-cell"},
    }.items():
        assert candidates(shell, run(ASK[shell], LINE=line)) >= expected, line


def candidates(shell: str, output: str) -> set[str]:
    """Return the words without what they mean, which zsh and fish show beside them."""
    if shell == "zsh":
        return set(re.findall(r'"([^":]+)"(?::"[^"]*")?', output))
    return {line.split("\t")[0] for line in output.splitlines()}
