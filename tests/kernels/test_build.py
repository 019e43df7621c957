"""Kernels are compiled once; without a compiler everything runs in plain torch, and says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gaunt_md.compile_cache import cache_folder

ENERGY = """
import torch
from samples import make_potential, silicon_oxide
from gaunt_md.data.graph import evaluate
from gaunt_md.data.neighbours import build_graph
potential = make_potential("float64")
graph = build_graph(silicon_oxide(), potential.elements, potential.cutoff)
evaluation = evaluate(potential, graph, create_graph=True)
gradient = torch.autograd.grad(evaluation.forces.square().sum(), list(potential.parameters()))
print(float(evaluation.energies), float(evaluation.forces.abs().sum()),
      sum(float(part.abs().sum()) for part in gradient))
"""


def run(cache: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    tests = str(Path(__file__).parents[1])
    variables = os.environ | {"GAUNT_MD_CACHE": str(cache), "PYTHONPATH": tests} | environment
    return subprocess.run(
        [sys.executable, "-c", ENERGY],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )


def numbers(done: subprocess.CompletedProcess[str]) -> list[float]:
    assert done.returncode == 0, done.stderr
    return [float(word) for word in done.stdout.split()]


def test_without_a_compiler_the_results_are_the_same(tmp_path: Path) -> None:
    compiled = run(cache_folder())
    plain = run(tmp_path, CXX="no-such-compiler")
    assert plain.stderr.count("plain torch") == 1
    assert "there is no C++ compiler" in plain.stderr
    assert numbers(plain) == pytest.approx(numbers(compiled), rel=1e-11)


def test_a_compiler_that_fails_is_named_with_its_output(tmp_path: Path) -> None:
    broken = tmp_path / "broken-compiler"
    broken.write_text("#!/bin/sh\necho no licence for this machine >&2\nexit 1\n")
    broken.chmod(0o755)
    done = run(tmp_path / "cache", CXX=str(broken))
    assert done.returncode == 0, done.stderr
    assert "they could not be compiled, see " in done.stderr
    log = done.stderr.partition("see ")[2].split()[0]
    assert "no licence for this machine" in Path(log).read_text()
    again = run(tmp_path / "cache", CXX=str(broken))
    assert "delete it to try again" in again.stderr


@pytest.mark.slow
def test_kernels_are_clean_under_sanitisers(tmp_path: Path) -> None:
    """Their own tests once more, compiled to notice wrong addresses and undefined behaviour."""
    runtime = subprocess.run(
        ["g++", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    environment = {
        "GAUNT_MD_CACHE": str(tmp_path),
        "CXXFLAGS": "-g -fsanitize=address,undefined -fno-sanitize-recover=undefined",
        "LD_PRELOAD": runtime,
        "ASAN_OPTIONS": "detect_leaks=0",
    }
    tests = str(Path(__file__).with_name("test_kernels.py"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "runtime error" not in done.stdout + done.stderr
