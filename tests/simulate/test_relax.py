from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from scipy.optimize import minimize_scalar

from gaunt_md.errors import InputError
from gaunt_md.simulate.relax import relax
from gaunt_md.simulate.symmetry import conventional_cell, space_group


def energy_of_fcc(lattice_constant: float) -> float:
    atoms = bulk("Cu", a=lattice_constant)
    atoms.calc = EMT()
    return atoms.get_potential_energy()


def test_strained_copper_returns_to_the_minimum_of_the_energy():
    start = bulk("Cu", a=3.8, cubic=True)
    start.rattle(0.05, seed=1)
    relaxation = relax(start, EMT())
    best = minimize_scalar(energy_of_fcc, bracket=(3.5, 3.7), options={"xtol": 1e-8})
    assert relaxation.converged
    assert relaxation.energy / 4 == pytest.approx(best.fun, abs=1e-6)
    assert space_group(relaxation.atoms) == "Fm-3m (225)"
    assert conventional_cell(relaxation.atoms).cell.lengths() == pytest.approx(best.x, abs=1e-3)
    assert np.abs(relaxation.stress).max() < 1e-4


def test_start_keeps_its_positions_and_its_calculator():
    start = bulk("Cu", a=3.8, cubic=True)
    before = start.copy()
    relax(start, EMT(), max_steps=2)
    assert start == before
    assert start.calc is None


def test_cell_stays_when_only_positions_relax():
    start = bulk("Cu", a=3.7, cubic=True)
    start.rattle(0.05, seed=1)
    relaxation = relax(start, EMT(), cell=False)
    assert relaxation.converged
    assert relaxation.largest_force < 1e-4
    assert np.array_equal(relaxation.atoms.cell, start.cell)


def test_a_molecule_has_no_cell_to_relax():
    with pytest.raises(InputError, match="has no volume and cannot relax; use cell=False"):
        relax(Atoms("Cu2", positions=[[0, 0, 0], [0, 0, 2]]), EMT())


def test_running_out_of_steps_is_told():
    start = bulk("Cu", a=3.8, cubic=True)
    start.rattle(0.05, seed=1)
    relaxation = relax(start, EMT(), max_steps=2)
    assert not relaxation.converged
    assert relaxation.steps == 2


def test_conventional_cell_of_a_rotated_primitive_one():
    primitive = bulk("Si", a=5.43)
    primitive.rotate(40, (1, 2, 3), rotate_cell=True)
    conventional = conventional_cell(primitive)
    assert len(conventional) == 8
    assert np.allclose(conventional.cell, 5.43 * np.eye(3))


def test_a_molecule_has_no_space_group():
    atoms = bulk("Si")
    atoms.pbc = [True, True, False]
    with pytest.raises(InputError, match=r"periodic in three directions.*\[True, True, False\]"):
        space_group(atoms)
