from __future__ import annotations

import mdtraj
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from gaunt_md.errors import InputError
from gaunt_md.simulate.mdtraj_conversion import to_mdtraj
from gaunt_md.simulate.radial import radial_distribution, radial_distributions
from gaunt_md.simulate.trajectory import Trajectory


def single(*frames: Atoms) -> Trajectory:
    return Trajectory(np.arange(len(frames), dtype=float), frames)


def test_distances_survive_in_a_cell_of_any_orientation():
    """mdtraj takes a standard orientation for granted; ASE's primitive cells have another."""
    crystal = bulk("Si") * 3
    crystal.rattle(0.1, seed=1)
    converted = to_mdtraj(single(crystal))
    pairs = converted.topology.select_pairs("all", "all")
    found = 10 * mdtraj.compute_distances(converted, pairs)[0]
    expected = crystal.get_all_distances(mic=True)[tuple(pairs.T)]
    assert np.abs(found - expected).max() < 1e-5


def test_an_ideal_gas_has_no_structure(random: np.random.Generator):
    cell = np.array([[20.0, 0.0, 0.0], [3.0, 19.0, 0.0], [1.0, -4.0, 18.0]])
    frames = [
        Atoms("Ar600", scaled_positions=random.random((600, 3)), cell=cell, pbc=True)
        for _ in range(10)
    ]
    found = radial_distribution(single(*frames), bin_width=0.5)
    assert found.distances[-1] > 8.0
    assert found.values[4:] == pytest.approx(1.0, abs=0.03)


def test_an_atom_of_silicon_has_four_neighbours():
    crystal = bulk("Si", a=5.43, cubic=True) * 3
    crystal.rattle(0.05, seed=1)
    found = radial_distribution(single(crystal))
    assert found.coordination_number == pytest.approx(4.0, abs=0.01)
    assert 2.6 < found.first_minimum < 3.6
    assert found.distances[-1] <= 1.5 * 5.43
    assert found.coordination[-1] == pytest.approx(
        (crystal.get_all_distances(mic=True) < 8.12).sum() / len(crystal) - 1, rel=0.02
    )


def test_pairs_of_elements_have_their_own_numbers_of_neighbours():
    salt = bulk("NaCl", "rocksalt", a=5.6, cubic=True) * 2
    salt.rattle(0.05, seed=1)
    found = radial_distributions(single(salt, salt))
    assert list(found) == ["Cl-Cl", "Cl-Na", "Na-Na"]
    assert found["Cl-Na"].coordination_number == pytest.approx(6.0, abs=0.02)
    assert found["Na-Na"].coordination_number == pytest.approx(12.0, abs=0.05)


def test_beyond_half_the_cell_is_refused():
    with pytest.raises(InputError, match=r"r_max is 6.0 Å; it must be .* half the cell, 5.430 Å"):
        radial_distribution(single(bulk("Si", a=5.43, cubic=True) * 2), r_max=6.0)


def test_a_cluster_is_refused():
    with pytest.raises(InputError, match=r"pbc is \[False, False, False\]"):
        radial_distribution(single(Atoms("Ar2", [[0, 0, 0], [0, 0, 3]])))


@pytest.mark.parametrize("width", [0.0, 6.0])
def test_bins_that_make_no_sense_are_refused(width: float):
    with pytest.raises(InputError, match=f"bin_width is {width} Å; .* largest distance, 5.430 Å"):
        radial_distribution(single(bulk("Si", a=5.43, cubic=True) * 2), width)
