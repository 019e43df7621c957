from __future__ import annotations

from pathlib import Path

import central_forces
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.tersoff import Tersoff
from ase.optimize import BFGS

from gaunt_md import GauntCalculator
from gaunt_md.errors import InputError
from gaunt_md.simulate.elasticity import Elasticity, compute_elasticity
from gaunt_md.simulate.relax import relax
from gaunt_md.units import EV_PER_CUBIC_ANGSTROM_TO_GPA


@pytest.fixture
def copper() -> Elasticity:
    crystal = relax(bulk("Cu", a=3.6), EMT(), force_tolerance=1e-6).atoms
    return compute_elasticity(crystal, EMT())


def curvature(atoms: Atoms, calculator: object, strain: np.ndarray, size: float = 0.004) -> float:
    """Return d²E/dε²/V in GPa for a strain, the atoms relaxed, from energies alone."""
    energies = []
    for sign in (-1, 0, 1):
        strained = atoms.copy()
        deformation = np.eye(3) + sign * size * strain
        strained.set_cell(atoms.cell.array @ deformation, scale_atoms=True)
        strained.calc = calculator
        BFGS(strained, logfile=None).run(fmax=1e-6)
        energies.append(strained.get_potential_energy())
    second = (energies[0] - 2 * energies[1] + energies[2]) / size**2
    return EV_PER_CUBIC_ANGSTROM_TO_GPA * second / atoms.get_volume()


def test_springs_between_neighbours_have_the_constants_of_the_textbook():
    """C11 = 2 k/a, C12 = C44 = k/a: Cauchy's relation holds for central forces."""
    found = compute_elasticity(
        central_forces.crystal(), central_forces.calculator(), strain=0.002
    ).tensor
    stiffness = central_forces.STIFFNESS / central_forces.LATTICE_CONSTANT
    expected = np.zeros((6, 6))
    expected[:3, :3] = stiffness
    expected[np.arange(6), np.arange(6)] = [2 * stiffness] * 3 + [stiffness] * 3
    expected *= EV_PER_CUBIC_ANGSTROM_TO_GPA
    np.testing.assert_allclose(found, expected, atol=1e-3 * expected.max())


def test_constants_are_curvatures_of_the_energy_with_relaxed_atoms(
    silicon: Atoms, tersoff: Tersoff
):
    elasticity = compute_elasticity(silicon, tersoff)
    shear = np.zeros((3, 3))
    shear[1, 2] = shear[2, 1] = 0.5
    c44 = curvature(silicon, tersoff, shear)
    c11 = curvature(silicon, tersoff, np.diag([1.0, 0.0, 0.0]))
    bulk_modulus = curvature(silicon, tersoff, np.eye(3)) / 9
    assert elasticity.tensor[3, 3] == pytest.approx(c44, rel=2e-3)
    assert elasticity.tensor[0, 0] == pytest.approx(c11, rel=2e-3)
    assert elasticity.voigt.bulk == pytest.approx(bulk_modulus, rel=2e-3)
    clamped = compute_elasticity(silicon, tersoff, relax_atoms=False)
    assert clamped.tensor[3, 3] > 1.2 * c44


def test_a_rotated_crystal_has_the_rotated_tensor():
    """The energy of a strain does not depend on the axes; no element of the tensor vanishes."""
    crystal = central_forces.crystal()
    crystal.rotate(35, (1, 2, 3), rotate_cell=True)
    elasticity = compute_elasticity(crystal, central_forces.calculator(), strain=0.002)
    assert elasticity.asymmetry < 0.01
    assert np.abs(elasticity.tensor).min() > 0.01
    shear = np.array([[0.2, 0.5, -0.3], [0.5, -0.4, 0.1], [-0.3, 0.1, 0.6]])
    voigt = shear[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]] * np.array([1, 1, 1, 2, 2, 2])
    expected = curvature(crystal, central_forces.calculator(), shear, size=0.002)
    assert voigt @ elasticity.tensor @ voigt == pytest.approx(expected, rel=2e-3)


def test_symmetry_is_that_of_the_crystal():
    """A tetragonal crystal: six independent constants."""
    start = bulk("CuAu", "cesiumchloride", a=3.0) * (1, 1, 2)
    start.symbols[2:] = "Cu"
    crystal = relax(start, EMT(), keep_symmetry=True, force_tolerance=1e-5).atoms
    found = compute_elasticity(crystal, EMT())
    c = found.tensor
    assert found.summary()["space_group"] == "P4/mmm (123)"
    for one, other in (((0, 0), (1, 1)), ((0, 2), (1, 2)), ((3, 3), (4, 4))):
        assert c[one] == pytest.approx(c[other], rel=1e-10)
    assert abs(c[0, 0] - c[2, 2]) > 1.0
    assert np.abs(c[:3, 3:]).max() < 1e-10
    assert found.asymmetry < 0.1
    np.testing.assert_array_equal(c, c.T)


def test_moduli_of_copper_lie_between_the_bounds(copper: Elasticity):
    c11, c12, c44 = copper.tensor[0, 0], copper.tensor[0, 1], copper.tensor[3, 3]
    assert copper.voigt.bulk == pytest.approx((c11 + 2 * c12) / 3)
    assert copper.reuss.bulk == pytest.approx((c11 + 2 * c12) / 3)
    assert copper.voigt.shear == pytest.approx((c11 - c12 + 3 * c44) / 5)
    reuss = 5 * (c11 - c12) * c44 / (4 * c44 + 3 * (c11 - c12))
    assert copper.reuss.shear == pytest.approx(reuss)
    assert copper.reuss.shear < copper.hill.shear < copper.voigt.shear
    assert copper.hill.young == pytest.approx(2 * copper.hill.shear * (1 + copper.hill.poisson))
    assert copper.anisotropy == pytest.approx(5 * (copper.voigt.shear / reuss - 1))
    along_edge, along_diagonal = copper.young_along(np.array([[1, 0, 0], [2, 2, 2]]))
    assert along_edge == pytest.approx((c11 - c12) * (c11 + 2 * c12) / (c11 + c12))
    bulk_modulus = (c11 + 2 * c12) / 3
    assert along_diagonal == pytest.approx(9 * bulk_modulus * c44 / (3 * bulk_modulus + c44))
    assert copper.stable
    assert copper.residual_stress < 1e-2


def test_a_crystal_on_a_hilltop_is_not_stable():
    """Body-centred copper turns into face-centred copper without a barrier."""
    crystal = relax(bulk("Cu", "bcc", a=2.9), EMT(), keep_symmetry=True).atoms
    elasticity = compute_elasticity(crystal, EMT())
    assert not elasticity.stable
    assert elasticity.tensor[0, 0] < elasticity.tensor[0, 1]


def test_the_file_is_six_lines_of_six_numbers(copper: Elasticity, tmp_path: Path):
    copper.write(tmp_path / "elastic.txt")
    np.testing.assert_allclose(np.loadtxt(tmp_path / "elastic.txt"), copper.tensor, atol=1e-4)


def test_silicon_of_the_shipped_potential():
    """DFT with the same functional (PBE) has C11 153, C12 57, C44 75 GPa."""
    calculator = GauntCalculator("si")
    crystal = relax(bulk("Si", a=5.46), calculator, keep_symmetry=True).atoms
    elasticity = compute_elasticity(crystal, calculator)
    assert elasticity.asymmetry < 1e-3  # would be larger in single precision
    assert elasticity.tensor[3, 3] == pytest.approx(75, abs=10)
    assert elasticity.hill.bulk == pytest.approx(89, abs=10)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(InputError, match=r"strain is 0.5; it must be positive and at most 0.1"):
        compute_elasticity(bulk("Cu"), EMT(), strain=0.5)
    with pytest.raises(InputError, match="periodic in three directions"):
        compute_elasticity(Atoms("Cu2", [[0, 0, 0], [0, 0, 2]]), EMT())
    rattled = bulk("Cu", cubic=True)
    rattled.rattle(0.1)
    with pytest.raises(InputError, match=r"strained cells have not relaxed within 1 steps"):
        compute_elasticity(rattled, EMT(), max_steps=1)
