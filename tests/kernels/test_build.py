"""Kernels are compiled once; without a compiler everything runs in plain torch, and says so."""

from __future__ import annotations

import os
import platform
import shutil
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
from gaunt_md.model import Potential
from gaunt_md.model.first_interaction import FirstInteraction
from gaunt_md.potential_file import scripted

def named(found, prefix):
    return {
        prefix + name: getattr(found, name).detach()
        for name in ("atomic_energies", "forces", "virials")
    }

results = {}
for dtype in ("float32", "float64"):
    potential = make_potential(dtype)
    graph = build_graph(silicon_oxide(), potential.elements, potential.cutoff)
    found = evaluate(potential, graph, create_graph=True)
    loss = found.forces.square().sum() + found.virials.square().sum()
    gradients = torch.autograd.grad(loss, list(potential.parameters()))
    names = [name for name, _ in potential.named_parameters()]
    results[dtype] = named(found, "in training: ") | dict(zip(names, gradients))
    # So few hidden radial functions that the first interaction sums by species.
    torch.manual_seed(0)
    used = Potential(**{**potential.hyperparameters, "radial_width": 4}).tabulated()
    assert isinstance(used.interactions[0], FirstInteraction)
    results[dtype] |= named(evaluate(scripted(used), graph), "in use: ")
torch.save(results, sys.argv[1])
"""


def run(
    cache: Path, results: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Evaluate a potential in a program of its own, or just start it."""
    paths = [str(Path(__file__).parents[1]), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    code = ["import gaunt_md.kernels"] if results is None else [EVALUATION, str(results)]
    done = subprocess.run(
        [sys.executable, "-c", *code],
        env=os.environ
        | {"GAUNT_MD_CACHE": str(cache), "PYTHONPATH": os.pathsep.join(paths)}
        | environment,
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
    assert "there is no C++ compiler 'no-such-compiler', which CXX names" in plain.stderr
    compiled, other = (torch.load(tmp_path / name) for name in ("compiled.pt", "plain.pt"))
    for dtype, tolerance in TOLERANCE.items():
        for name, expected in other[dtype].items():
            deviation = (compiled[dtype][name] - expected).abs().max()
            assert deviation <= tolerance * expected.abs().max(), (dtype, name)


def make_compiler(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\nexit 1\n")
    path.chmod(0o755)
    return path


def test_a_compiler_that_fails_is_named_with_its_output(tmp_path: Path) -> None:
    broken = make_compiler(tmp_path / "broken", 'echo "error: no licence for $1" >&2')
    done = run(tmp_path / "cache", CXX=f"{broken} this-machine")
    assert f"compiling the kernels, once, into {tmp_path / 'cache'}" in done.stderr
    assert "they could not be compiled (error: no licence for this-machine), see " in done.stderr
    log = done.stderr.partition(", see ")[2].split()[0]
    assert "no licence for this-machine" in Path(log).read_text()
    again = run(tmp_path / "cache", CXX=f"{broken} this-machine")
    assert "compiling the kernels" not in again.stderr
    assert "no licence for this-machine" in again.stderr
    assert "delete it to try again" in again.stderr


def test_a_process_says_that_it_waits_for_another_one(tmp_path: Path) -> None:
    slow = make_compiler(tmp_path / "slow", f"until [ -e {tmp_path}/go ]; do sleep 0.1; done")
    started = []
    for said in ("compiling the kernels, once", "waiting for another process"):
        process = subprocess.Popen(
            [sys.executable, "-c", "import gaunt_md.kernels"],
            env=os.environ | {"GAUNT_MD_CACHE": str(tmp_path / "cache"), "CXX": str(slow)},
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stderr is not None
        assert said in process.stderr.readline()
    (tmp_path / "go").touch()
    for process in started:
        assert "they could not be compiled" in process.communicate()[1]
        assert process.returncode == 0


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"GAUNT_MD_CACHE": "/dev/null/cache"}, "set GAUNT_MD_CACHE to a folder that can"),
        ({"CXXFLAGS": "-DNAME='a"}, "CXXFLAGS is `-DNAME='a`: No closing quotation"),
    ],
)
def test_what_is_wrong_with_the_environment_is_said(
    environment: dict[str, str], said: str, tmp_path: Path
) -> None:
    assert said in run(tmp_path, **environment).stderr


def run_tests_of_kernels(**environment: str) -> str:
    """Return what all other tests of the kernels have to say in another environment."""
    tests = sorted(set(Path(__file__).parent.glob("test_*.py")) - {Path(__file__)})
    # Pytest would keep to itself what a sanitiser says before it ends the program.
    options = ["-q", "-p", "no:cacheprovider", "--capture=no"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *map(str, tests)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def instruction_set(**environment: str) -> str:
    """Return which of them the kernels have chosen."""
    code = "from gaunt_md import kernels; import torch; print(torch.ops.gaunt.instruction_set())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


OLD_PROCESSOR = {"ATEN_CPU_CAPABILITY": "default"}


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="there is one instruction set")
def test_kernels_for_old_processors_are_right() -> None:
    assert instruction_set(**OLD_PROCESSOR) == "baseline"
    run_tests_of_kernels(**OLD_PROCESSOR)


def libraries_of_sanitisers() -> list[str]:
    """Return what a program that is no C++ has to load first: without, they know no exceptions."""
    if not shutil.which("g++"):
        return []
    names = ("libasan.so", "libubsan.so", "libstdc++.so")
    found = [
        subprocess.run(
            ["g++", f"-print-file-name={name}"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in names
    ]
    return found if all(map(os.path.isabs, found)) else []


@pytest.mark.slow
@pytest.mark.skipif(not libraries_of_sanitisers(), reason="there is no g++ with its sanitisers")
def test_kernels_are_clean_under_sanitisers(tmp_path: Path) -> None:
    """Their own tests once more, compiled to notice wrong addresses and undefined behaviour."""
    environment = {
        "GAUNT_MD_CACHE": str(tmp_path),
        # Compilers take many times as long if they are watched, too.
        "CXX": "env --unset=LD_PRELOAD g++",
        # Null pointers and sizes of objects are noticed by their addresses. These are looked at by
        # functions, since code in line takes twice as long to compile.
        "CXXFLAGS": "-O1 -g1 -D_GLIBCXX_ASSERTIONS -fsanitize=address,undefined,float-cast-overflow"
        " -fno-sanitize=null,object-size,vptr -fno-sanitize-recover=all"
        " --param asan-instrumentation-with-call-threshold=0",
        "LD_PRELOAD": " ".join(libraries_of_sanitisers()),
        "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=1",
    }
    assert instruction_set(**environment) == instruction_set()
    for processor in ({}, OLD_PROCESSOR):
        assert "runtime error" not in run_tests_of_kernels(**environment, **processor)
