from __future__ import annotations

from pathlib import Path

import numpy as np
import phonopy
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.calculator import all_changes
from ase.calculators.emt import EMT
from ase.calculators.tersoff import Tersoff

from gaunt_md.errors import InputError
from gaunt_md.simulate.phonons import Phonons, compute_phonons


class NoisyTersoff(Tersoff):
    """Forces with the rounding errors of a network in single precision."""

    noise = 1e-5

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        random = np.random.default_rng(len(atoms))
        self.results["forces"] += self.noise * random.standard_normal((len(atoms), 3))


@pytest.fixture
def phonons(silicon: Atoms, tersoff: Tersoff) -> Phonons:
    return compute_phonons(silicon, tersoff)


def optical_frequency_from_energies(silicon: Atoms, tersoff: Tersoff) -> float:
    """Return the frequency in THz of the sublattices moving against each other."""
    displaced = silicon.copy()
    displaced.calc = tersoff
    energies = []
    for shift in (-0.01, 0.0, 0.01):
        displaced.positions = silicon.positions
        displaced.positions[::2, 0] += shift / 2
        displaced.positions[1::2, 0] -= shift / 2
        energies.append(displaced.get_potential_energy())
    curvature = (energies[0] - 2 * energies[1] + energies[2]) / 0.01**2
    reduced_mass = silicon.get_masses().sum() / 4
    return np.sqrt(curvature / reduced_mass) * units.second * 1e-12 / (2 * np.pi)


def test_optical_frequency_is_the_curvature_of_the_energy(phonons, silicon, tersoff):
    expected = optical_frequency_from_energies(silicon, tersoff)
    assert phonons.at("Γ")[3:] == pytest.approx(expected, rel=1e-3)


def test_a_translation_costs_nothing_even_with_noise_in_the_forces(silicon, tersoff_file):
    noisy = compute_phonons(silicon, NoisyTersoff.from_lammps(tersoff_file))
    assert np.abs(noisy.at("Γ")[:3]).max() < 1e-3


def test_primitive_and_conventional_cell_have_the_same_phonons(phonons, silicon, tersoff):
    primitive = silicon.copy()
    primitive.set_cell(silicon.cell.lengths()[0] / 2 * (1 - np.eye(3)))
    primitive = primitive[[0, 1]]
    same_supercell = compute_phonons(primitive, tersoff, supercell_width=12.0)
    for point in ("Γ", "X", "L"):
        assert same_supercell.at(point) == pytest.approx(phonons.at(point), abs=2e-2)


def test_path_is_the_one_of_a_face_centred_cubic_crystal(phonons: Phonons):
    pairs = [(segment.start, segment.end) for segment in phonons.bands]
    assert pairs[:4] == [("Γ", "X"), ("X", "U"), ("K", "Γ"), ("Γ", "L")]
    with pytest.raises(InputError, match="no point 'M'; its points are K, L, W, X, Γ"):
        phonons.at("M")


def test_points_do_not_depend_on_which_axis_is_the_long_one():
    """A tetragonal crystal with its long axis along z, and the same crystal along x."""
    frequencies = []
    for stretch in ([1, 1, 1.08], [1.08, 1, 1]):
        atoms = bulk("Cu", a=3.6, cubic=True)
        atoms.set_cell(atoms.cell * np.array(stretch), scale_atoms=True)
        crystal = compute_phonons(atoms, EMT(), supercell_width=7.0)
        names = {segment.start for segment in crystal.bands}
        frequencies.append({name: np.sort(crystal.at(name)) for name in names})
    along_z, along_x = frequencies
    assert along_z.keys() == along_x.keys()
    for name in along_z:
        assert along_x[name] == pytest.approx(along_z[name], abs=1e-3), name


def test_a_cluster_has_no_phonons():
    with pytest.raises(InputError, match=r"periodic in three directions; pbc is \[False"):
        compute_phonons(Atoms("Cu2", positions=[[0, 0, 0], [0, 0, 2]]), EMT())


def test_phonopy_reads_what_is_written(phonons: Phonons, tmp_path: Path):
    phonons.write(tmp_path / "phonopy.yaml")
    read = phonopy.load(tmp_path / "phonopy.yaml", log_level=0)
    frequencies = read.run_qpoints([[0.5, 0.5, 0.5]]).frequencies[0]
    assert frequencies == pytest.approx(phonons.at("L"), abs=1e-6)
    assert [path.name for path in tmp_path.iterdir()] == ["phonopy.yaml"]
