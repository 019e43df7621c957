"""Second derivatives, descriptors, stresses of atoms, committees: each against its definition."""

from __future__ import annotations

import copy
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.calculators.fd import FiniteDifferenceCalculator
from ase.vibrations import VibrationsData
from samples import make_potential, silicon_oxide

from gaunt_md import CommitteeCalculator, GauntCalculator, potential_file
from gaunt_md.calculator import NoStressError, StructureError
from gaunt_md.model import Potential


@pytest.fixture
def calculator(potential_file_float64: Path) -> GauntCalculator:
    return GauntCalculator(potential_file_float64)


def molecule() -> Atoms:
    return Atoms("SiO2", [[0, 0, 0], [1.6, 0.1, 0], [-1.5, 0.3, 0.2]])


def numerical_hessian(calculator: GauntCalculator, atoms: Atoms, step: float = 1e-4) -> np.ndarray:
    rows = []
    for atom in range(len(atoms)):
        for axis in range(3):
            forces = []
            for sign in (1, -1):
                moved = atoms.copy()
                moved.positions[atom, axis] += sign * step
                forces.append(calculator.get_property("forces", moved).ravel())
            rows.append((forces[1] - forces[0]) / (2.0 * step))
    return np.array(rows)


@pytest.mark.parametrize("make", [molecule, silicon_oxide])
def test_hessian_is_the_derivative_of_the_forces(calculator: GauntCalculator, make) -> None:
    """In a crystal smaller than its cutoff too, where atoms are neighbours of themselves."""
    atoms = make()
    found = calculator.get_hessian(atoms)
    expected = numerical_hessian(calculator, atoms)
    assert found.shape == (3 * len(atoms),) * 2
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_array_equal(found, found.T)
    # Moving all atoms alike costs nothing.
    assert np.abs(found.reshape(-1, len(atoms), 3).sum(axis=1)).max() < 1e-9


def test_hessian_is_in_double_precision_whatever_the_potential(
    potential_file_float32: Path,
) -> None:
    calculator = GauntCalculator(potential_file_float32)
    double = calculator.in_double_precision()
    np.testing.assert_array_equal(
        calculator.get_hessian(molecule()), double.get_hessian(molecule())
    )
    vibrations = VibrationsData.from_2d(molecule(), calculator.get_hessian(molecule()))
    assert len(vibrations.get_energies()) == 9


def test_hessian_of_an_atom_alone_is_zero(calculator: GauntCalculator) -> None:
    np.testing.assert_array_equal(calculator.get_hessian(Atoms("Si")), np.zeros((3, 3)))
    with pytest.raises(StructureError, match="there is no structure"):
        calculator.get_hessian()


def test_descriptors_do_not_depend_on_orientation_and_tell_atoms_apart(
    calculator: GauntCalculator,
) -> None:
    atoms = silicon_oxide()
    found = calculator.get_descriptors(atoms)
    assert found.shape == (8, 16)  # two layers of eight channels
    turned = atoms.copy()
    turned.rotate(37.0, (1.0, 2.0, 3.0), rotate_cell=True)
    np.testing.assert_allclose(calculator.get_descriptors(turned), found, atol=1e-10)
    order = np.random.default_rng(1).permutation(8)
    np.testing.assert_allclose(calculator.get_descriptors(atoms[order]), found[order], atol=1e-10)
    twice = calculator.get_descriptors(atoms * (2, 1, 1))
    np.testing.assert_allclose(twice, np.concatenate([found, found]), atol=1e-10)
    assert np.abs(found[1] - found[2]).max() > 1e-3


def test_finite_differences_of_ase_agree(calculator: GauntCalculator) -> None:
    atoms = silicon_oxide()
    numerical = FiniteDifferenceCalculator(calculator, eps_disp=1e-4, eps_strain=1e-5)
    for name, tolerance in (("forces", 1e-6), ("stress", 1e-7)):
        np.testing.assert_allclose(
            numerical.get_property(name, atoms),
            calculator.get_property(name, atoms),
            atol=tolerance,
        )


def test_stresses_of_atoms_sum_to_the_stress(calculator: GauntCalculator) -> None:
    atoms = silicon_oxide()
    atoms.calc = calculator
    stresses = atoms.get_stresses()
    np.testing.assert_allclose(stresses.sum(axis=0), atoms.get_stress(), atol=1e-14)
    # Intensive: the same atoms in a cell twice as large have half of it each.
    twice = atoms * (1, 1, 2)
    twice.calc = calculator
    np.testing.assert_allclose(twice.get_stresses()[:8], stresses / 2.0, atol=1e-12)
    cluster = molecule()
    cluster.calc = calculator
    with pytest.raises(NoStressError, match="no volume"):
        cluster.get_stresses()


def test_stresses_survive_files(calculator: GauntCalculator, tmp_path: Path) -> None:
    atoms = silicon_oxide()
    atoms.calc = calculator
    stresses = atoms.get_stresses()
    for suffix in ("traj", "extxyz"):
        ase.io.write(tmp_path / f"x.{suffix}", atoms)
        read = ase.io.read(tmp_path / f"x.{suffix}")
        np.testing.assert_allclose(read.get_stresses(), stresses, atol=1e-7)


@pytest.fixture(scope="module")
def committee(tmp_path_factory: pytest.TempPathFactory) -> CommitteeCalculator:
    """Return two potentials that differ by the scale of their readouts."""
    folder, paths = tmp_path_factory.mktemp("committee"), []
    for index, scale in enumerate((0.7, 0.9)):
        potential: Potential = make_potential("float64")
        potential.energy_scale = scale
        paths.append(folder / f"{index}.pt")
        potential_file.save(potential, paths[-1], reference=silicon_oxide(), description={})
    return CommitteeCalculator(paths)


def test_a_committee_gives_the_mean_and_the_spread(committee: CommitteeCalculator) -> None:
    atoms = silicon_oxide()
    atoms.calc = committee
    forces = [member.get_property("forces", atoms) for member in committee.members]
    np.testing.assert_allclose(atoms.get_forces(), np.mean(forces, axis=0), atol=1e-14)
    half = np.linalg.norm(forces[0] - forces[1], axis=1) / 2.0
    np.testing.assert_allclose(committee.force_deviations, half, atol=1e-12)
    assert committee.largest_force_deviation == pytest.approx(half.max())
    energies = [member.results["energy"] for member in committee.members]
    assert committee.energy_deviation == pytest.approx(abs(energies[0] - energies[1]) / 2.0)
    assert set(committee.export_properties()) == {
        *("energy", "free_energy", "energies", "forces", "stress", "stresses", "natoms")
    }


def test_a_committee_keeps_the_conventions_of_ase(committee: CommitteeCalculator) -> None:
    twin = copy.deepcopy(committee)
    atoms = silicon_oxide(seed=5)
    np.testing.assert_array_equal(
        twin.get_property("forces", atoms), committee.get_property("forces", atoms)
    )
    with pytest.raises(NoStressError):
        committee.get_property("stress", molecule())
    with pytest.raises(StructureError, match="no element Ge"):
        Atoms("Ge").calc = committee
    with pytest.raises(StructureError, match="a committee of 1 potential"):
        CommitteeCalculator(["si"])
