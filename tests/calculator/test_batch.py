"""Many structures in one evaluation are what each of them is alone."""

from __future__ import annotations

import copy
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from samples import silicon_oxide

from gaunt_md import GauntCalculator
from gaunt_md.batch import ATOMS_PER_BATCH, evaluate_many
from gaunt_md.errors import InputError

PROPERTIES = ("energy", "free_energy", "energies", "forces", "stress")


@pytest.fixture
def calculator(potential_file_float64: Path) -> GauntCalculator:
    return GauntCalculator(potential_file_float64)


def structures() -> list[Atoms]:
    """Return crystals of several sizes, a slab, a molecule, an atom and nothing."""
    slab = silicon_oxide((2, 1, 1))
    slab.pbc = (True, True, False)
    return [
        *(silicon_oxide(seed=seed) for seed in range(35)),
        slab,
        bulk("Si"),
        Atoms("SiO2", [[0, 0, 0], [1.6, 0, 0], [-1.6, 0.1, 0]]),
        Atoms("O"),
        Atoms(),
    ]


def test_every_structure_is_what_it_is_alone(calculator: GauntCalculator) -> None:
    several = structures()
    assert sum(map(len, several)) > ATOMS_PER_BATCH
    evaluated = evaluate_many(calculator, several)
    assert len(evaluated) == len(several)
    for alone, found in zip(several, evaluated, strict=True):
        assert found == alone
        assert alone.calc is None
        alone.calc = calculator
        for name in PROPERTIES:
            if name == "stress" and alone.cell.rank < 3:
                assert name not in found.calc.results
            else:
                expected = calculator.get_property(name, alone)
                np.testing.assert_allclose(found.calc.results[name], expected, atol=1e-12)


def test_progress_is_told_up_to_the_end(calculator: GauntCalculator) -> None:
    told: list[tuple[int, int]] = []
    evaluate_many(
        calculator, structures(), progress=lambda what, done, total: told.append((done, total))
    )
    assert len(told) > 1
    assert told == sorted(told)
    assert told[-1] == (40, 40)


def test_nothing_to_evaluate(calculator: GauntCalculator) -> None:
    assert evaluate_many(calculator, []) == []


def test_other_calculators_go_one_by_one() -> None:
    crystals = [bulk("Cu", a=a, cubic=True) for a in (3.5, 3.6)]
    for seed, crystal in enumerate(crystals):
        crystal.rattle(0.1, seed=seed)
    *evaluated, carbon_monoxide = evaluate_many(EMT(), [*crystals, molecule("CO")])
    assert "stress" not in carbon_monoxide.calc.results
    for alone, found in zip(crystals, evaluated, strict=True):
        alone.calc = EMT()
        assert found.get_potential_energy() == alone.get_potential_energy()
        np.testing.assert_array_equal(found.get_stress(), alone.get_stress())
        np.testing.assert_array_equal(found.get_forces(), alone.get_forces())


def test_results_go_into_files(calculator: GauntCalculator, tmp_path: Path) -> None:
    evaluated = evaluate_many(calculator, [silicon_oxide(seed=seed) for seed in range(3)])
    ase.io.write(tmp_path / "evaluated.extxyz", evaluated)
    read = ase.io.read(tmp_path / "evaluated.extxyz", ":")
    for here, there in zip(evaluated, read, strict=True):
        np.testing.assert_allclose(there.get_forces(), here.get_forces(), atol=1e-7)


def test_a_foreign_element_is_named(calculator: GauntCalculator) -> None:
    with pytest.raises(InputError, match="potential has no element Ge; it knows Si, O"):
        evaluate_many(calculator, [bulk("Si"), bulk("Ge")])


def test_double_precision_is_the_same_potential_without_its_noise(
    potential_file_float32: Path,
) -> None:
    single = GauntCalculator(potential_file_float32)
    double = single.in_double_precision()
    atoms = silicon_oxide()
    atoms.calc = single
    rounded = atoms.get_forces()
    atoms.calc = double
    np.testing.assert_allclose(atoms.get_forces(), rounded, atol=1e-4)
    # Derivatives so fine drown in the rounding errors of single precision.
    step, energies = 1e-4, []
    for sign in (1, -1):
        moved = atoms.copy()
        moved.positions[0, 0] += sign * step
        moved.calc = double
        energies.append(moved.get_potential_energy())
    slope = (energies[0] - energies[1]) / (2 * step)
    assert atoms.get_forces()[0, 0] == pytest.approx(-slope, rel=1e-6)
    np.testing.assert_array_equal(copy.deepcopy(double).get_forces(atoms), atoms.get_forces())


def test_what_is_in_double_precision_stays(calculator: GauntCalculator) -> None:
    assert calculator.in_double_precision() is calculator
