"""LAMMPS and ASE give the same numbers, whatever the box and the number of ranks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from lammps_runs import Evaluation, evaluate, to_lammps_orientation
from samples import make_potential, silicon_oxide

from gaunt_md import GauntCalculator, potential_file


def strained() -> Atoms:
    atoms = silicon_oxide(seed=5)
    strain = np.array([[0.05, 0.02, 0], [0.03, -0.04, 0.02], [0, 0.01, 0.03]])
    atoms.set_cell(atoms.cell @ (np.eye(3) + strain), scale_atoms=True)
    return atoms


def strongly_tilted() -> Atoms:
    atoms = silicon_oxide(seed=6)
    atoms.set_cell([[5.4, 0, 0], [4.9, 5.3, 0], [-4.7, 4.8, 5.5]], scale_atoms=True)
    return atoms


def smaller_than_the_cutoff() -> Atoms:
    atoms = bulk("Si", a=5.3)
    atoms.symbols[1] = "O"
    atoms.rattle(0.1, seed=7)
    return atoms


def one_atom() -> Atoms:
    return Atoms("Si", cell=[2.6, 2.7, 2.8], pbc=True)


def slab() -> Atoms:
    atoms = silicon_oxide((1, 1, 2), seed=8)
    atoms.center(vacuum=3.0, axis=2)
    atoms.pbc = (True, True, False)
    return atoms


def cluster() -> Atoms:
    atoms = silicon_oxide((2, 1, 1), seed=9)
    atoms.center(vacuum=2.0)
    atoms.pbc = False
    return atoms


def far_apart() -> Atoms:
    """No atom has a neighbour."""
    return Atoms("SiOSi", [[1, 1, 1], [7, 7, 1], [1, 7, 9]], cell=[12, 12, 14], pbc=True)


STRUCTURES = [
    silicon_oxide,
    strained,
    strongly_tilted,
    smaller_than_the_cutoff,
    one_atom,
    slab,
    cluster,
    far_apart,
]


def in_ase(atoms: Atoms, potential: Path) -> Evaluation:
    atoms = atoms.copy()
    atoms.calc = GauntCalculator(potential)
    return Evaluation(
        atoms.get_potential_energy(),
        atoms.get_potential_energies(),
        atoms.get_forces(),
        atoms.get_stress(),
    )


def assert_equal(got: Evaluation, expected: Evaluation, *, relative: float) -> None:
    for name in ("energy", "energies", "forces", "stress"):
        values = np.asarray(getattr(expected, name))
        scale = max(1.0, np.abs(values).max()) if name != "stress" else np.abs(values).max()
        np.testing.assert_allclose(
            getattr(got, name), values, rtol=0, atol=relative * scale, err_msg=name
        )


@pytest.mark.parametrize("ranks", [1, 2, 4])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_equals_ase_in_double_precision(
    structure, ranks: int, potential_file_float64: Path, tmp_path: Path
) -> None:
    atoms = to_lammps_orientation(structure())
    assert_equal(
        evaluate(tmp_path, atoms, potential_file_float64, ranks=ranks),
        in_ase(atoms, potential_file_float64),
        relative=1e-10,
    )


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [3, 8])
@pytest.mark.parametrize("mode", ["exchange", "ghost"])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_equals_ase_on_many_ranks(
    structure, mode: str, ranks: int, potential_file_float64: Path, tmp_path: Path
) -> None:
    atoms = to_lammps_orientation(structure())
    got = evaluate(tmp_path, atoms, potential_file_float64, ranks=ranks, keywords=f"mode {mode}")
    assert_equal(got, in_ase(atoms, potential_file_float64), relative=1e-10)


@pytest.mark.parametrize("structure", [strongly_tilted, smaller_than_the_cutoff, slab, far_apart])
def test_mode_ghost_gives_the_same(structure, potential_file_float64: Path, tmp_path: Path) -> None:
    atoms = to_lammps_orientation(structure())
    got = evaluate(tmp_path, atoms, potential_file_float64, ranks=2, keywords="mode ghost")
    assert_equal(got, in_ase(atoms, potential_file_float64), relative=1e-10)


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("mode", ["exchange", "ghost"])
def test_one_and_three_layers(mode: str, layers: int, tmp_path: Path) -> None:
    potential = tmp_path / "layers.pt"
    made = make_potential("float64", layers=layers)
    potential_file.save(made, potential, reference=silicon_oxide(), description={})
    atoms = to_lammps_orientation(strained())
    got = evaluate(tmp_path, atoms, potential, ranks=2, keywords=f"mode {mode}")
    assert_equal(got, in_ase(atoms, potential), relative=1e-10)


@pytest.mark.parametrize(
    "ranks", [1, 2, *(pytest.param(ranks, marks=pytest.mark.slow) for ranks in (3, 4, 8))]
)
@pytest.mark.parametrize("structure", [silicon_oxide, strained, slab])
def test_equals_ase_in_single_precision(
    structure, ranks: int, potential_file_float32: Path, tmp_path: Path
) -> None:
    atoms = to_lammps_orientation(structure())
    got = evaluate(tmp_path, atoms, potential_file_float32, ranks=ranks)
    expected = in_ase(atoms, potential_file_float32)
    np.testing.assert_allclose(got.energies, expected.energies, rtol=0, atol=1e-6)
    assert got.energy == pytest.approx(expected.energy, abs=1e-6 * len(atoms))
    np.testing.assert_allclose(got.forces, expected.forces, rtol=0, atol=1e-5)
    np.testing.assert_allclose(got.stress, expected.stress, rtol=0, atol=1e-5)
