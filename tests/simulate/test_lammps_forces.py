from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.tersoff import Tersoff

from gaunt_md import GauntCalculator
from gaunt_md.errors import InputError
from gaunt_md.lammps import INSTALL
from gaunt_md.simulate.lammps_dynamics import find_program
from gaunt_md.simulate.lammps_forces import lammps_forces
from gaunt_md.simulate.phonons import compute_phonons, displace, phonons_from_forces

needs_lammps = pytest.mark.skipif(
    find_program("lmp") is None, reason=f"LAMMPS is not installed. {INSTALL}"
)
needs_plugin = pytest.mark.skipif(
    not entry_points(group="lammps.plugins", name="gaunt-md"),
    reason="LAMMPS finds the plugin of an installed package",
)


@needs_lammps
@pytest.mark.parametrize("cubic", [True, False])
def test_forces_are_those_of_ase_in_any_orientation(
    tmp_path: Path, tersoff: Tersoff, tersoff_file: Path, cubic: bool
):
    structures = []
    for seed in range(3):
        atoms = bulk("Si", cubic=cubic) * (2 if cubic else 3)
        atoms.rattle(0.1, seed=seed)
        atoms.rotate(37, (1, 2, 3), rotate_cell=True)
        atoms.positions -= 4.0  # some atoms outside of the cell
        structures.append(atoms)
    potential = ["pair_style tersoff", f"pair_coeff * * {tersoff_file} Si"]
    found = lammps_forces(structures, potential, tmp_path / "forces.in")
    assert len(found) == 3
    for atoms, forces in zip(structures, found, strict=True):
        np.testing.assert_allclose(forces, tersoff.get_forces(atoms), atol=1e-8)


@needs_lammps
@needs_plugin
def test_phonons_are_the_same_through_lammps(tmp_path: Path):
    silicon = bulk("Si", a=5.468)
    displacements = displace(silicon)
    potential = ["pair_style gaunt si.pt", "pair_coeff * * Si"]
    forces = lammps_forces(displacements.supercells, potential, tmp_path / "forces.in")
    in_lammps = phonons_from_forces(displacements, forces)
    in_ase = compute_phonons(silicon, GauntCalculator("si"))
    for here, there in zip(in_ase.bands, in_lammps.bands, strict=True):
        np.testing.assert_allclose(there.frequencies, here.frequencies, atol=1e-3)


def test_structures_that_do_not_fit_together_are_refused(tmp_path: Path):
    path = tmp_path / "forces.in"
    with pytest.raises(InputError, match="structure 1 has other atoms or another cell"):
        lammps_forces([bulk("Si"), bulk("Si", a=5.5)], [], path)
    with pytest.raises(InputError, match=r"pbc \[False, False, False\]"):
        lammps_forces([Atoms("Si")], [], path)
    assert list(tmp_path.iterdir()) == []
