from __future__ import annotations

import json
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms
from scipy.optimize import minimize_scalar

from gaunt_md.errors import InputError
from gaunt_md.simulate.relax import relax, relax_many
from gaunt_md.simulate.symmetry import conventional_cell, point_group_rotations, space_group
from gaunt_md.units import EV_PER_CUBIC_ANGSTROM_TO_GPA


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
    with pytest.raises(
        InputError, match="has no volume and cannot relax; relax the positions alone"
    ):
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


def test_every_structure_relaxes_as_it_does_alone():
    starts = []
    for index, lattice_constant in enumerate((3.5, 3.7, 3.8)):
        starts.append(bulk("Cu", a=lattice_constant, cubic=True))
        starts[-1].rattle(0.05, seed=index)
    together = relax_many(starts, EMT())
    for start, found in zip(starts, together, strict=True):
        alone = relax(start, EMT())
        assert found.steps == alone.steps
        assert found.energy == alone.energy
        assert np.array_equal(found.atoms.positions, alone.atoms.positions)
    assert len({found.steps for found in together}) > 1


def test_cell_under_pressure_balances_it():
    pressure = 7.0
    relaxation = relax(bulk("Cu", a=3.6), EMT(), pressure=pressure)
    stress = relaxation.stress * EV_PER_CUBIC_ANGSTROM_TO_GPA
    assert stress == pytest.approx([-pressure] * 3 + [0.0] * 3, abs=1e-2)
    summary = relaxation.summary()
    assert summary["largest_stress_after_GPa"] < 1e-2
    assert summary["volume_after_A3_per_atom"] < summary["volume_before_A3_per_atom"]


def distorted_zinc_blende() -> Atoms:
    """Return a tetragonal crystal of atoms that EMT knows and would rather have as an alloy."""
    atoms = Atoms(
        "CuAu",
        scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.5]],
        cell=[2.9, 2.9, 4.1],
        pbc=True,
    )
    return atoms * (2, 1, 1)


def test_symmetry_is_kept_on_request_only():
    start = distorted_zinc_blende()
    start.positions[2, 1] += 0.004  # within the 0.01 Å of a symmetry that is to be kept
    assert space_group(start, 0.01) == "P4/mmm (123)"
    kept = relax(start, EMT(), keep_symmetry=True)
    assert kept.converged
    assert space_group(kept.atoms, 1e-6) == "P4/mmm (123)"
    free = relax(start, EMT())
    assert free.energy <= kept.energy + 1e-6
    assert space_group(free.atoms, 1e-6) != "P4/mmm (123)"
    assert kept.atoms.constraints == []


def test_summary_tells_what_changed():
    start = bulk("Cu", a=3.8, cubic=True)
    start.rattle(0.05, seed=1)
    start.calc = EMT()
    summary = relax(start, EMT()).summary()
    assert summary["formula"] == "Cu4"
    assert summary["energy_before_eV_per_atom"] == pytest.approx(start.get_potential_energy() / 4)
    assert summary["volume_before_A3_per_atom"] == pytest.approx(3.8**3 / 4)
    assert summary["space_group_before"] == "P1 (1)"
    assert summary["space_group_after"] == "Fm-3m (225)"
    largest = np.linalg.norm(start.get_forces(), axis=1).max()
    assert summary["largest_force_before_eV_per_A"] == pytest.approx(largest)
    assert summary["largest_force_after_eV_per_A"] < 1e-4
    assert json.loads(json.dumps(summary)) == summary


def test_a_molecule_has_no_volume_stress_or_space_group():
    summary = relax(molecule("N2"), EMT(), cell=False).summary()
    assert summary["converged"]
    assert summary["volume_after_A3_per_atom"] is None
    assert summary["largest_stress_after_GPa"] is None
    assert summary["space_group_after"] is None


def test_constraints_of_the_start_hold():
    start = molecule("N2")
    start.set_constraint(FixAtoms([0]))
    relaxation = relax(start, EMT(), cell=False)
    assert np.array_equal(relaxation.atoms.positions[0], start.positions[0])
    assert relaxation.converged
    assert len(relaxation.atoms.constraints) == 1


def test_relaxed_structure_goes_into_a_file_with_its_energy(tmp_path: Path):
    relaxation = relax(bulk("Cu", a=3.8), EMT())
    ase.io.write(tmp_path / "relaxed.extxyz", relaxation.atoms)
    read = ase.io.read(tmp_path / "relaxed.extxyz")
    assert read.get_potential_energy() == pytest.approx(relaxation.energy, abs=1e-7)
    assert read.get_stress() == pytest.approx(relaxation.stress, abs=1e-7)


def test_large_structures_relax_too():
    start = bulk("Cu", a=3.6, cubic=True) * (5, 4, 4)
    start.rattle(0.03, seed=2)
    relaxation = relax(start, EMT(), cell=False, force_tolerance=0.01)
    assert relaxation.converged
    assert relaxation.largest_force < 0.01


def test_pressure_on_a_fixed_cell_is_refused():
    with pytest.raises(InputError, match=r"pressure of 3\.0 GPa has no effect on a fixed cell"):
        relax(bulk("Cu"), EMT(), cell=False, pressure=3.0)


def test_the_structure_that_cannot_be_relaxed_is_named():
    with pytest.raises(InputError, match=r"structure 1: the cell .* has no volume"):
        relax_many([bulk("Cu"), molecule("N2")], EMT())


def test_point_group_of_silicon_has_48_rotations():
    primitive = bulk("Si", a=5.43)
    primitive.rotate(40, (1, 2, 3), rotate_cell=True)
    rotations = point_group_rotations(primitive)
    assert rotations.shape == (48, 3, 3)
    assert np.allclose(rotations @ rotations.transpose(0, 2, 1), np.eye(3))
    # Every rotation maps the lattice onto itself.
    images = np.einsum("gij,nj->gni", rotations, primitive.cell.array)
    coefficients = images @ np.linalg.inv(primitive.cell.array)
    assert np.allclose(coefficients, coefficients.round(), atol=1e-9)


@pytest.mark.parametrize(
    ("option", "value"), [("pressure", float("nan")), ("force_tolerance", 0.0), ("max_steps", -1)]
)
def test_a_number_that_makes_no_sense_is_named(option: str, value: float):
    with pytest.raises(InputError, match=f"{option} is {value}"):
        relax(bulk("Cu"), EMT(), **{option: value})
