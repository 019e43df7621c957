"""A run says once where it leaves what its potential has seen, and that processors are too few."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ase import Atoms
from lammps_runs import environment, run_to_end, setup, style
from samples import make_potential, silicon_oxide

from gaunt_md import potential_file


@pytest.fixture(scope="module")
def potentials(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return one that has seen silicon alone and oxygen alone, and one that has seen all."""
    folder = tmp_path_factory.mktemp("range")
    seen: list[dict[str, float]] = [
        {"Si-Si": 1.9, "O-O": 1.6},
        {"Si-Si": 1.5, "Si-O": 1.2, "O-O": 1.6},
    ]
    paths = []
    for index, distances in enumerate(seen):
        paths.append(folder / f"{index}.pt")
        potential_file.save(
            make_potential("float64"),
            paths[-1],
            reference=silicon_oxide(),
            description={"shortest_distances": distances},
        )
    return paths


def atoms_in_a_row() -> Atoms:
    """Return a pair of silicon atoms 1.75 Å apart, and far from it one of Si and O."""
    atoms = Atoms("Si2OSi", cell=[24, 9, 9], pbc=True)
    atoms.positions[:, 0] = [3, 4.75, 15, 17]
    return atoms


def warnings(folder: Path, style: str, runs: int = 1, ranks: int = 1) -> list[str]:
    lines = [
        *setup(folder, atoms_in_a_row()),
        f"pair_style gaunt {style}",
        "pair_coeff * * Si O",
        "fix d all nve",
        "timestep 1e-6",
        *["run 3"] * runs,
    ]
    output = run_to_end(folder, lines, ranks=ranks)
    return re.findall(r"^WARNING: Pair style gaunt: (atom .*)\(\S+:\d+\)$", output, re.MULTILINE)


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("mode", ["exchange", "ghost"])
def test_each_kind_is_said_once_per_run(
    mode: str, ranks: int, potentials: list[Path], tmp_path: Path
) -> None:
    said = warnings(tmp_path, f"{potentials[0]} mode {mode}", runs=2, ranks=ranks)
    assert len(said) == 4
    for first, (closer, never_seen) in zip((0, 3), (said[:2], said[2:]), strict=True):
        assert re.match(
            r"atom [12] \(Si\) and atom [12] \(Si\) are 1.75 Angstrom apart at step "
            f"{first}; the shortest such distance in training was 1.9, so forces may be wrong",
            closer,
        )
        assert re.match(
            r"atom [34] \((Si|O)\) and atom [34] \((Si|O)\) are 2 Angstrom apart at step "
            f"{first}; training never had these elements as neighbours",
            never_seen,
        )


def test_within_training_nothing_is_said(
    potentials: list[Path], potential_file_float64: Path, tmp_path: Path
) -> None:
    """Nor where the file does not tell."""
    assert warnings(tmp_path, str(potentials[1])) == []
    assert warnings(tmp_path, str(potential_file_float64)) == []


def test_all_of_a_committee_must_have_seen_it(potentials: list[Path], tmp_path: Path) -> None:
    said = warnings(tmp_path, f"{potentials[1]} committee {potentials[0]}")
    assert ["1.9" in line for line in said] == [True, False]


# --- more threads than processors ----------------------------------------------------------------


@pytest.fixture
def one_processor() -> Iterator[None]:
    """Let this process, and those it starts, run on one processor only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


def crowded(folder: Path, potential: Path, ranks: int, **variables: str) -> list[str]:
    """Return what two runs say of the processors."""
    lines = [*setup(folder, atoms_in_a_row()), *style(potential), "run 0", "run 0"]
    output = run_to_end(folder, lines, ranks=ranks, env=environment() | variables)
    return re.findall(r"^WARNING: Pair style gaunt: (.* processor\(s\).*)$", output, re.MULTILINE)


@pytest.mark.skipif(sys.platform != "linux", reason="chooses a processor")
@pytest.mark.parametrize(
    ("ranks", "threads", "expected"),
    [
        (1, 1, None),
        (2, 1, "2 MPI rank(s) with 2 thread(s) .*: start at most 1 rank(s), OMP_NUM_THREADS=1"),
        (1, 3, "1 MPI rank(s) with 3 thread(s) .*: set OMP_NUM_THREADS=1"),
        (2, 2, "2 MPI rank(s) with 4 thread(s) .*: start at most 1 rank(s), OMP_NUM_THREADS=1"),
    ],
)
def test_more_threads_than_processors_are_said_once(
    ranks: int,
    threads: int,
    expected: str | None,
    one_processor: None,
    potential_file_float64: Path,
    tmp_path: Path,
) -> None:
    said = crowded(tmp_path, potential_file_float64, ranks, OMP_NUM_THREADS=str(threads))
    assert len(said) == (expected is not None)
    if expected:
        pattern = re.escape(expected).replace(r"\.\*", ".* share the 1 processor.*")
        assert re.match(pattern, said[0])


@pytest.mark.skipif(sys.platform != "linux", reason="reads on which processors a process may run")
def test_threads_that_openmp_binds_have_the_processors_of_all(
    potential_file_float64: Path, tmp_path: Path
) -> None:
    """It binds the first one before LAMMPS starts, to one of several processors."""
    processors = len(os.sched_getaffinity(0))
    bound = {"OMP_PROC_BIND": "true", "OMP_NUM_THREADS": str(processors)}
    assert crowded(tmp_path, potential_file_float64, 1, **bound) == []
