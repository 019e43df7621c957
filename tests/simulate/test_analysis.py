from __future__ import annotations

import mdtraj
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from gaunt_md.errors import InputError
from gaunt_md.simulate.analysis import radial_distribution, to_mdtraj
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
    shell = (found.distances > 2.0) & (found.distances < 3.0)
    density = len(crystal) / crystal.get_volume()
    integrand = 4 * np.pi * density * found.distances**2 * found.values
    assert integrand[shell].sum() * 0.05 == pytest.approx(4.0, abs=0.05)
    assert found.distances[-1] <= 1.5 * 5.43


def test_a_cluster_is_refused():
    with pytest.raises(InputError, match=r"pbc is \[False, False, False\]"):
        radial_distribution(single(Atoms("Ar2", [[0, 0, 0], [0, 0, 3]])))
