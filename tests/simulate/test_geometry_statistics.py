from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule

from gaunt_md.errors import InputError
from gaunt_md.simulate.geometry_statistics import bond_geometry
from gaunt_md.simulate.trajectory import Trajectory


def single(*frames: Atoms) -> Trajectory:
    return Trajectory(np.arange(len(frames), dtype=float), frames)


def test_water_has_two_bonds_and_one_angle():
    water = molecule("H2O")
    lengths, angles = bond_geometry(single(water, water))
    assert set(lengths) == {"H-O"}
    assert set(angles) == {"H-O-H"}
    assert (lengths["H-O"].count, angles["H-O-H"].count) == (4, 2)
    assert lengths["H-O"].mean == pytest.approx(water.get_distance(0, 1))
    assert angles["H-O-H"].mean == pytest.approx(water.get_angle(1, 0, 2))
    width = np.diff(lengths["H-O"].centres)[0]
    assert (lengths["H-O"].density * width).sum() == pytest.approx(1.0)


@pytest.mark.parametrize("repeats", [1, 2])
def test_diamond_is_right_in_cells_smaller_than_two_bonds(repeats: int):
    lengths, angles = bond_geometry(single(bulk("Si", a=5.43) * repeats))
    atoms = 2 * repeats**3
    assert lengths["Si-Si"].count == 2 * atoms
    assert lengths["Si-Si"].mean == pytest.approx(5.43 * np.sqrt(3) / 4)
    assert lengths["Si-Si"].spread < 1e-9
    assert angles["Si-Si-Si"].count == 6 * atoms
    assert angles["Si-Si-Si"].mean == pytest.approx(109.4712, abs=1e-3)


def test_an_atom_bonded_to_its_own_images_counts_each_bond_once():
    lengths, _ = bond_geometry(single(bulk("Cu", a=3.6)))
    assert lengths["Cu-Cu"].count == 6  # twelve neighbours


def test_apart_atoms_have_no_bonds():
    with pytest.raises(InputError, match=r"no two atoms are within 1\.25 times the sum"):
        bond_geometry(single(Atoms("Ar2", [[0, 0, 0], [0, 0, 9]])))
