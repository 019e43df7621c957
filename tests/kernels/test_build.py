"""Kernels are compiled once; without a compiler everything runs in plain torch, and says so."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gaunt_md.compile_cache import cache_folder

TOLERANCE = {"float32": 1e-5, "float64": 1e-12}

EVALUATION = """
import sys
import torch
from samples import make_potential, silicon_oxide
from gaunt_md.data.graph import evaluate
from gaunt_md.data.neighbours import build_graph
results = {}
for dtype in ("float32", "float64"):
    potential = make_potential(dtype)
    graph = build_graph(silicon_oxide(), potential.elements, potential.cutoff)
    found = evaluate(potential, graph, create_graph=True)
    loss = found.forces.square().sum() + found.virials.square().sum()
    gradients = torch.autograd.grad(loss, list(potential.parameters()))
    names = [name for name, _ in potential.named_parameters()]
    results[dtype] = {
        "energies": found.atomic_energies.detach(),
        "forces": found.forces.detach(),
        "virials": found.virials.detach(),
        **dict(zip(names, gradients)),
    }
torch.save(results, sys.argv[1])
"""


def run(
    cache: Path, results: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Evaluate a potential in a program of its own, or just start it."""
    tests = str(Path(__file__).parents[1])
    code = ["import gaunt_md.kernels"] if results is None else [EVALUATION, str(results)]
    done = subprocess.run(
        [sys.executable, "-c", *code],
        env=os.environ | {"GAUNT_MD_CACHE": str(cache), "PYTHONPATH": tests} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def test_without_a_compiler_the_results_are_the_same(tmp_path: Path) -> None:
    run(cache_folder(), tmp_path / "compiled.pt")
    plain = run(tmp_path, tmp_path / "plain.pt", CXX="no-such-compiler")
    assert plain.stderr.count("plain torch") == 1
    assert "there is no C++ compiler" in plain.stderr
    compiled, other = (torch.load(tmp_path / name) for name in ("compiled.pt", "plain.pt"))
    for dtype, tolerance in TOLERANCE.items():
        for name, expected in other[dtype].items():
            deviation = (compiled[dtype][name] - expected).abs().max()
            assert deviation <= tolerance * expected.abs().max(), (dtype, name)


def test_a_compiler_that_fails_is_named_with_its_output(tmp_path: Path) -> None:
    broken = tmp_path / "broken-compiler"
    broken.write_text("#!/bin/sh\necho no licence for this machine >&2\nexit 1\n")
    broken.chmod(0o755)
    done = run(tmp_path / "cache", CXX=str(broken))
    assert "they could not be compiled, see " in done.stderr
    log = done.stderr.partition("see ")[2].split()[0]
    assert "no licence for this machine" in Path(log).read_text()
    again = run(tmp_path / "cache", CXX=str(broken))
    assert "delete it to try again" in again.stderr


def run_tests_of_kernels(**environment: str) -> str:
    """Return what the kernels' own tests have to say in another environment."""
    tests = str(Path(__file__).with_name("test_kernels.py"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="there is one instruction set")
def test_kernels_for_old_processors_are_right() -> None:
    environment = {"ATEN_CPU_CAPABILITY": "default"}
    code = "from gaunt_md import kernels; import torch; print(torch.ops.gaunt.instruction_set())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "baseline\n"
    run_tests_of_kernels(**environment)


@pytest.mark.slow
def test_kernels_are_clean_under_sanitisers(tmp_path: Path) -> None:
    """Their own tests once more, compiled to notice wrong addresses and undefined behaviour."""
    # Python is no C++: without its library the sanitiser knows no exceptions.
    libraries = [
        subprocess.run(
            ["g++", f"-print-file-name={name}"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in ("libasan.so", "libstdc++.so")
    ]
    environment = {
        "GAUNT_MD_CACHE": str(tmp_path),
        "CXXFLAGS": "-g -fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all",
        "LD_PRELOAD": " ".join(libraries),
        "ASAN_OPTIONS": "detect_leaks=0",
    }
    assert "runtime error" not in run_tests_of_kernels(**environment)
