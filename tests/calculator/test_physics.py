"""What must hold for the energy of atoms, whatever the potential; in float64 to rounding."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress
from ase.geometry import minkowski_reduce
from samples import silicon_oxide
from scipy.spatial.transform import Rotation

from gaunt_md import GauntCalculator

CUTOFF = 4.0  # of the potentials in conftest


@pytest.fixture(scope="module")
def calculator(potential_file_float64: Path) -> GauntCalculator:
    return GauntCalculator(potential_file_float64)


@pytest.fixture(scope="module")
def single_precision(potential_file_float32: Path) -> GauntCalculator:
    return GauntCalculator(potential_file_float32)


def dimer() -> Atoms:
    return Atoms("SiO", [[0, 0, 0], [0.9, 1.1, 0.7]])


def cluster() -> Atoms:
    ethanol = molecule("CH3CH2OH")
    return Atoms("OSiSi" + "O" * (len(ethanol) - 3), 1.9 * ethanol.positions)


def slab() -> Atoms:
    atoms = fcc111("Si", (2, 1, 2), a=4.2)
    atoms.symbols[1] = "O"
    atoms.rattle(0.1, seed=1)
    return atoms


def triclinic() -> Atoms:
    atoms = bulk("Si")
    atoms.symbols[1] = "O"
    atoms.rattle(0.1, seed=2)
    atoms.set_cell(atoms.cell @ [[1, 0.1, 0], [0, 1.05, 0.2], [-0.1, 0, 0.95]], scale_atoms=True)
    return atoms


def left_handed() -> Atoms:
    atoms = triclinic()
    atoms.set_cell(atoms.cell[[1, 0, 2]])
    return atoms


def one_atom() -> Atoms:
    return Atoms("Si", cell=[[2.3, 0.1, 0], [0, 2.5, 0.2], [0.3, 0, 2.4]], pbc=True)


def hot() -> Atoms:
    atoms = silicon_oxide()
    atoms.rattle(0.4, seed=9)
    return atoms


STRUCTURES = [dimer, cluster, slab, triclinic, left_handed, one_atom, hot]


def richardson(derivative: Callable[..., np.ndarray], atoms: Atoms) -> np.ndarray:
    """Return a derivative by finite differences, free of the errors of second and fourth order."""
    h, h2, h4 = (derivative(atoms, step) for step in (4e-3, 2e-3, 1e-3))
    first, second = (4 * h2 - h) / 3, (4 * h4 - h2) / 3
    return (16 * second - first) / 15


@pytest.mark.parametrize("structure", STRUCTURES)
def test_forces_are_the_gradient_of_the_energy(
    calculator: GauntCalculator, structure: Callable[[], Atoms]
) -> None:
    atoms = structure()
    atoms.calc = calculator
    expected = richardson(calculate_numerical_forces, atoms)
    np.testing.assert_allclose(atoms.get_forces(), expected, rtol=2e-7, atol=1e-8)


@pytest.mark.parametrize("structure", [triclinic, left_handed, one_atom, hot])
def test_stress_is_the_strain_derivative_of_the_energy(
    calculator: GauntCalculator, structure: Callable[[], Atoms]
) -> None:
    atoms = structure()
    atoms.calc = calculator
    expected = richardson(calculate_numerical_stress, atoms)
    np.testing.assert_allclose(atoms.get_stress(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("pbc", list(product([False, True], repeat=3)))
def test_stress_for_every_periodicity(calculator: GauntCalculator, pbc: tuple[bool, ...]) -> None:
    atoms = triclinic()
    atoms.pbc = pbc
    atoms.calc = calculator
    expected = richardson(calculate_numerical_stress, atoms)
    np.testing.assert_allclose(atoms.get_stress(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_rotation_turns_forces_and_stress(
    calculator: GauntCalculator, structure: Callable[[], Atoms], random: np.random.Generator
) -> None:
    atoms = structure()
    rotation = Rotation.random(rng=random).as_matrix()
    for matrix in (rotation, -rotation):  # inversion, too
        turned = Atoms(
            atoms.numbers, atoms.positions @ matrix.T, cell=atoms.cell @ matrix.T, pbc=atoms.pbc
        )
        turned.calc = atoms.calc = calculator
        tolerance = 1e-11 * (1 + np.abs(atoms.get_forces()).max())
        assert turned.get_potential_energy() == pytest.approx(
            atoms.get_potential_energy(), abs=tolerance
        )
        np.testing.assert_allclose(
            turned.get_forces(), atoms.get_forces() @ matrix.T, rtol=0, atol=tolerance
        )
        if atoms.cell.rank == 3:
            np.testing.assert_allclose(
                turned.get_stress(voigt=False),
                matrix @ atoms.get_stress(voigt=False) @ matrix.T,
                rtol=0,
                atol=tolerance,
            )


def test_permutation_permutes_energies_and_forces(
    calculator: GauntCalculator, random: np.random.Generator
) -> None:
    atoms = silicon_oxide((2, 1, 1))
    order = random.permutation(len(atoms))
    shuffled = atoms[order]
    for quantity in ("energies", "forces"):
        np.testing.assert_allclose(
            calculator.get_property(quantity, shuffled),
            calculator.get_property(quantity, atoms)[order],
            rtol=0,
            atol=1e-12,
        )


@pytest.mark.parametrize("shift", [1.0, 1e3, 1e6])
@pytest.mark.parametrize("structure", [cluster, slab, hot])
def test_translation_changes_nothing(
    calculator: GauntCalculator, structure: Callable[[], Atoms], shift: float
) -> None:
    atoms = structure()
    moved = atoms.copy()
    moved.translate([shift, -0.7 * shift, 0.3 * shift])
    # The coordinates themselves are rounded: 1e6 Å holds 1e-10 Å.
    moved.calc = atoms.calc = calculator
    stiffness = 1e3  # eV/Å^2, generous
    tolerance = 1e-11 + stiffness * np.spacing(shift)
    np.testing.assert_allclose(moved.get_forces(), atoms.get_forces(), rtol=0, atol=tolerance)
    assert moved.get_potential_energy() == pytest.approx(
        atoms.get_potential_energy(), abs=tolerance
    )


def test_periodic_images_are_the_same_atom(
    calculator: GauntCalculator, random: np.random.Generator
) -> None:
    atoms = slab()
    images = atoms.copy()
    images.positions += (random.integers(-5, 6, (len(atoms), 3)) * atoms.pbc) @ atoms.cell
    np.testing.assert_allclose(
        calculator.get_property("forces", images),
        calculator.get_property("forces", atoms),
        rtol=0,
        atol=1e-11,
    )


def test_cell_may_be_any_basis_of_the_lattice(calculator: GauntCalculator) -> None:
    atoms = triclinic()
    reduced, _ = minkowski_reduce(atoms.cell)
    skewed = atoms.copy()
    skewed.set_cell([reduced[0], reduced[1] + 100 * reduced[0], reduced[2] - 37 * reduced[1]])
    for quantity in ("energy", "forces", "stress"):
        np.testing.assert_allclose(
            calculator.get_property(quantity, skewed),
            calculator.get_property(quantity, atoms),
            rtol=0,
            atol=1e-11,
        )


@pytest.mark.parametrize("pbc", [pbc for pbc in product([False, True], repeat=3) if any(pbc)])
def test_repeated_cell_has_multiple_energy_and_the_same_forces(
    calculator: GauntCalculator, pbc: tuple[bool, ...]
) -> None:
    # The primitive cell is smaller than the cutoff in every direction.
    atoms = triclinic()
    atoms.pbc = pbc
    repeats = np.where(pbc, [3, 2, 2], 1)
    supercell = atoms.repeat(repeats)
    n = repeats.prod()
    supercell.calc = atoms.calc = calculator
    energy = atoms.get_potential_energy()
    assert supercell.get_potential_energy() == pytest.approx(n * energy, rel=1e-12)
    np.testing.assert_allclose(
        supercell.get_forces(), np.tile(atoms.get_forces(), (n, 1)), rtol=0, atol=1e-11
    )
    np.testing.assert_allclose(supercell.get_stress(), atoms.get_stress(), rtol=0, atol=1e-12)


def test_energies_add_up_and_forces_vanish_together(calculator: GauntCalculator) -> None:
    atoms = hot()
    atoms.calc = calculator
    energies = atoms.get_potential_energies()
    assert energies.shape == (len(atoms),)
    assert energies.sum() == pytest.approx(atoms.get_potential_energy(), rel=1e-13)
    assert np.abs(atoms.get_forces().sum(axis=0)).max() < 1e-11


def test_atoms_beyond_the_cutoff_do_not_know_each_other(calculator: GauntCalculator) -> None:
    alone = {symbol: calculator.get_property("energy", Atoms(symbol)) for symbol in ("Si", "O")}
    pair = Atoms("SiO", [[0, 0, 0], [CUTOFF, 0, 0]])
    pair.calc = calculator
    assert pair.get_potential_energy() == alone["Si"] + alone["O"]
    assert (pair.get_forces() == 0).all()
    pair.positions[1, 0] = CUTOFF - 0.3
    assert (pair.get_forces()[:, 0] != 0).any()


def test_beyond_all_layers_nothing_is_felt(calculator: GauntCalculator) -> None:
    # Two layers: an atom feels neighbours of its neighbours, 8 Å away, and no further.
    chain = Atoms("Si4", [[x, 0, 0] for x in (0.0, 3.0, 6.0, 9.0)])
    longer = chain + Atoms("O", [[12.0, 0, 0]])
    near, far = (calculator.get_property("energies", atoms) for atoms in (chain, longer))
    np.testing.assert_allclose(near[:2], far[:2], rtol=0, atol=1e-15)
    assert abs(near[2] - far[2]) > 1e-9


def test_energy_and_forces_are_smooth_at_the_cutoff(calculator: GauntCalculator) -> None:
    atoms = cluster()
    atoms += Atoms("Si", [atoms.positions[0]])
    rim = []
    for distance in (CUTOFF - 1e-5, CUTOFF + 1e-5):
        atoms.positions[-1] = atoms.positions[0] + [distance, 0, 0]
        rim.append(calculator.get_property("energies", atoms)[0])
    assert abs(rim[0] - rim[1]) < 1e-4 * 2e-5 + 1e-6


def test_single_precision_is_close_to_double(
    calculator: GauntCalculator, single_precision: GauntCalculator
) -> None:
    # The same weights: conftest draws them in one precision and converts them.
    atoms = hot()
    np.testing.assert_allclose(
        single_precision.get_property("forces", atoms),
        calculator.get_property("forces", atoms),
        rtol=2e-5,
        atol=2e-5,
    )
    assert single_precision.get_property("energy", atoms) == pytest.approx(
        calculator.get_property("energy", atoms), abs=2e-6 * len(atoms)
    )
