"""The shell completes verbs, options and potentials; as bash asks, with what typer installs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gaunt_md import potential_file

PROGRAM = Path(sys.executable).parent / "gaunt-md"


@pytest.mark.skipif(not PROGRAM.exists(), reason="gaunt-md is not installed: pip install -e .")
@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_what_is_installed_for_bash_completes(tmp_path: Path):
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}",
    }
    installed = subprocess.run(
        ["bash", "-c", "gaunt-md --install-completion bash; true"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert "bash completion installed" in installed.stdout, installed.stderr
    for words, expected in {
        "gaunt-md ph": ["phonons"],
        "gaunt-md phonons si.cif --thermal": ["--thermal-expansion"],
        "gaunt-md relax si.cif --potential s": sorted(potential_file.shipped_potentials()),
    }.items():
        script = (
            "source ~/.bashrc\n"
            f"COMP_WORDS=({words})\nCOMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n"
            "_gaunt_md_completion gaunt-md\n"
            'printf "%s\\n" "${COMPREPLY[@]}"'
        )
        finished = subprocess.run(
            ["bash", "-c", script], env=environment, capture_output=True, text=True
        )
        assert finished.stdout.split() == expected, finished.stderr
