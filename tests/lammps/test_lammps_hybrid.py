"""Beside other pair styles: types left to them, contributions that add up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from lammps_runs import (
    MEASURE,
    assert_same,
    evaluate,
    read_evaluation,
    run_script,
    run_to_end,
    setup,
    with_vacuum,
)
from samples import silicon_oxide


@pytest.mark.parametrize("ranks", [1, 2])
def test_hybrid_leaves_null_types_to_the_other_style(
    ranks: int, potential_file_float64: Path, tmp_path: Path
) -> None:
    """All Si atoms lie in the lower half of the box, so that one of two ranks has only Ar."""
    atoms = silicon_oxide()
    argon = Atoms("Ar4", cell=atoms.cell, scaled_positions=np.random.default_rng(1).random((4, 3)))
    argon.positions[:, 2] += atoms.cell[2, 2] * 1.5
    both = with_vacuum(atoms) + argon
    alone = evaluate(tmp_path, with_vacuum(atoms), potential_file_float64)
    lines = [
        "processors 1 1 *",
        *setup(tmp_path, both, ["Si", "O", "Ar"]),
        f"pair_style hybrid gaunt {potential_file_float64} zero 5.0",
        "pair_coeff * * gaunt Si O NULL",
        "pair_coeff * 3 zero",
        *MEASURE,
    ]
    run_to_end(tmp_path, lines, ranks=ranks)
    got = read_evaluation(tmp_path)
    np.testing.assert_allclose(got.energies[: len(atoms)], alone.energies, atol=1e-10)
    np.testing.assert_allclose(got.forces[: len(atoms)], alone.forces, atol=1e-9)
    np.testing.assert_allclose(got.forces[len(atoms) :], 0.0)
    np.testing.assert_allclose(got.stress, alone.stress, atol=1e-12)


@pytest.mark.parametrize("ranks", [1, 2])
def test_hybrid_overlay_adds(ranks: int, potential_file_float64: Path, tmp_path: Path) -> None:
    """Energies, forces and virial of two styles add up: also of two potentials of this style."""
    atoms = silicon_oxide()

    def measured(style: str, *coefficients: str):
        lines = [*setup(tmp_path, atoms), f"pair_style {style}", *coefficients, *MEASURE]
        run_to_end(tmp_path, lines, ranks=ranks)
        return read_evaluation(tmp_path)

    gaunt = f"gaunt {potential_file_float64}"
    nuclei = ("1 1 {} 14 14", "1 2 {} 14 8", "2 2 {} 8 8")
    one = measured(gaunt, "pair_coeff * * Si O")
    other = measured("zbl 3.0 4.0", *[f"pair_coeff {line.format('')}" for line in nuclei])
    sum_of_both = measured(
        f"hybrid/overlay {gaunt} zbl 3.0 4.0",
        "pair_coeff * * gaunt Si O",
        *[f"pair_coeff {line.format('zbl')}" for line in nuclei],
    )
    twice = measured(
        f"hybrid/overlay {gaunt} {gaunt}",
        "pair_coeff * * gaunt 1 Si O",
        "pair_coeff * * gaunt 2 Si O",
    )
    for name in ("energy", "energies", "forces", "stress"):
        first, second = getattr(one, name), getattr(other, name)
        np.testing.assert_allclose(getattr(sum_of_both, name), first + second, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(getattr(twice, name), 2 * first, rtol=1e-9, atol=1e-9)


def test_hybrid_wants_the_elements_again_after_a_restart(
    potential_file_float64: Path, tmp_path: Path
) -> None:
    """As LAMMPS says of all its sub-styles."""
    gaunt = f"pair_style hybrid/overlay gaunt {potential_file_float64} zero 3.0"
    elements = ["pair_coeff * * gaunt Si O", "pair_coeff * * zero"]
    start = [*setup(tmp_path, silicon_oxide()), gaunt, *elements, *MEASURE]
    run_to_end(tmp_path, [*start, "write_restart a.restart"])
    before = read_evaluation(tmp_path)
    refused = run_script(tmp_path, ["read_restart a.restart", "run 0"], ranks=2)
    assert "ERROR: All pair coeffs are not set" in refused.stdout
    run_to_end(tmp_path, ["read_restart a.restart", *elements, *MEASURE], ranks=2)
    assert_same(read_evaluation(tmp_path), before)
