"""Ranks without atoms, ranks of unequal shape, and atoms that change the rank."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from lammps_runs import (
    HOT,
    MEASURE,
    assert_same,
    evaluate,
    read_evaluation,
    run_to_end,
    setup,
    style,
    with_vacuum,
)
from samples import silicon_oxide


@pytest.mark.parametrize("layout", ["brick", "tiled"])
def test_ranks_may_be_empty(layout: str, potential_file_float64: Path, tmp_path: Path) -> None:
    atoms = with_vacuum(silicon_oxide((2, 2, 1)))
    alone = evaluate(tmp_path, atoms, potential_file_float64)
    commands = ["processors 1 1 3", f"comm_style {layout}"]
    shared = evaluate(tmp_path, atoms, potential_file_float64, ranks=3, before=commands)
    assert_same(shared, alone)


def test_tiled_domains_of_unequal_shape(potential_file_float64: Path, tmp_path: Path) -> None:
    atoms = silicon_oxide((2, 2, 2))
    alone = evaluate(tmp_path, atoms, potential_file_float64)
    lines = [
        "comm_style tiled",
        *setup(tmp_path, atoms),
        "balance 1.0 rcb",
        *style(potential_file_float64),
        *MEASURE,
    ]
    run_to_end(tmp_path, lines, ranks=3)
    assert_same(read_evaluation(tmp_path), alone)


def test_no_atoms_at_all(potential_file_float64: Path, tmp_path: Path) -> None:
    lines = [
        *setup(tmp_path, silicon_oxide()),
        "delete_atoms group all",
        *style(potential_file_float64),
        "run 0",
        'print "energy $(pe)"',
    ]
    assert "energy 0\n" in run_to_end(tmp_path, lines, ranks=2)


def energies_along_run(folder: Path, lines: list[str], ranks: int) -> np.ndarray:
    lines = [*lines, 'fix out all print 1 "$(pe:%.17g)" file energies.txt screen no', "run 100"]
    output = run_to_end(folder, lines, ranks=ranks)
    assert "Neighbor list builds = 0" not in output
    return np.loadtxt(folder / "energies.txt")


def test_dynamics_do_not_depend_on_the_number_of_ranks(
    potential_file_float64: Path, tmp_path: Path
) -> None:
    """Through many rebuilt neighbour lists and atoms that change the rank, step by step."""
    lines = [
        *setup(tmp_path, silicon_oxide((2, 1, 1))),
        *style(potential_file_float64),
        *HOT,
    ]
    alone = energies_along_run(tmp_path, lines, 1)
    shared = energies_along_run(tmp_path, lines, 3)
    assert np.ptp(alone) > 0.1
    np.testing.assert_allclose(shared, alone, rtol=1e-8)


def test_next_pair_style_has_no_wide_ghosts(potential_file_float64: Path, tmp_path: Path) -> None:
    """On several ranks, a potential of two layers needs ghosts up to two cutoffs away."""
    lines = [
        *setup(tmp_path, silicon_oxide((2, 1, 1))),
        "neighbor 0.5 bin",
        f"pair_style gaunt {potential_file_float64} mode ghost",
        *("pair_coeff * * Si O", "run 0", "run 0"),
        *("pair_style zero 5.0", "pair_coeff * *", "run 0"),
    ]
    output = run_to_end(tmp_path, lines, ranks=2)
    shells = [float(width) for width in re.findall(r"ghost atom cutoff = (\S+)", output)]
    assert shells == [8.5, 5.5]  # LAMMPS prints it when the neighbour lists change
