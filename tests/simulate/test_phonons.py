from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import ase.phonons
import central_forces
import numpy as np
import phonopy
import pytest
import yaml
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.calculator import all_changes
from ase.calculators.emt import EMT
from ase.calculators.tersoff import Tersoff
from matplotlib.image import imread

from gaunt_md import GauntCalculator
from gaunt_md.errors import InputError
from gaunt_md.simulate.phonons import (
    Phonons,
    compute_phonons,
    displace,
    phonons_from_forces,
)
from gaunt_md.simulate.relax import relax

EV_TO_THZ = 1e-12 * units._e / units._hplanck


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


def test_springs_between_neighbours_have_the_frequencies_of_the_textbook():
    crystal = central_forces.crystal()
    found = compute_phonons(crystal, central_forces.calculator(), displacement=0.005)
    k = central_forces.STIFFNESS
    for point, transverse, longitudinal in (("X", 4 * k, 8 * k), ("L", 2 * k, 8 * k)):
        expected = [central_forces.frequency(x) for x in (transverse, transverse, longitudinal)]
        assert found.at(point) == pytest.approx(expected, rel=2e-4)


def test_frequencies_are_those_of_ase(silicon: Atoms, tersoff: Tersoff):
    """The supercell of ase.phonons is the same, the cubic cell; it knows no symmetry."""
    phonons = compute_phonons(silicon, tersoff, supercell_width=5.0)
    other = ase.phonons.Phonons(silicon, tersoff, supercell=(1, 1, 1), delta=0.02)
    with chdir_to_nowhere():
        other.run()
        other.read(acoustic=True, symmetrize=10)
    # X of the primitive cell is Γ of the conventional one.
    energies = np.sort(other.band_structure([[0.0, 0.0, 0.0]])[0])
    expected = np.concatenate([phonons.at("Γ"), *[phonons.at("X")] * 3])
    assert EV_TO_THZ * energies == pytest.approx(np.sort(expected), abs=0.02)


@contextmanager
def chdir_to_nowhere() -> Iterator[None]:
    """Give a program that fills the folder it runs in a folder of its own."""
    with TemporaryDirectory() as folder:
        before = Path.cwd()
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def test_random_displacements_give_the_same_phonons(silicon: Atoms, tersoff: Tersoff):
    systematic, random = (
        compute_phonons(
            silicon, tersoff, supercell_width=5.0, displacement=0.002, snapshots=snapshots
        )
        for snapshots in (None, 6)
    )
    assert len(random.phonopy.displacements) == 6
    for point in ("Γ", "X", "L"):
        assert random.at(point) == pytest.approx(systematic.at(point), abs=0.01)


def test_forces_left_in_the_crystal_do_not_matter(phonons, silicon, tersoff):
    """A force that is the same in all supercells, as in a structure relaxed a little."""
    displacements = displace(silicon)
    forces = []
    for supercell in displacements.supercells:
        supercell.calc = tersoff
        forces.append(supercell.get_forces() + np.array([0.1, 0.0, -0.2]))
    found = phonons_from_forces(displacements, forces)
    assert found.at("L") == pytest.approx(phonons.at("L"), abs=1e-5)
    assert displacements.phonopy.force_constants is None
    with pytest.raises(InputError, match="there are forces of 1 supercells and 2 supercells"):
        phonons_from_forces(displacements, forces[1:])


def test_a_stable_crystal_has_no_imaginary_mode(phonons: Phonons):
    assert phonons.imaginary_modes == ()


def test_imaginary_modes_are_named():
    """Body-centred copper shears into the close-packed structure: the lower branch at N."""
    body_centred = compute_phonons(bulk("Cu", "bcc", a=2.87), EMT(), supercell_width=6.0)
    lowest = body_centred.at("N").min()
    worst = body_centred.imaginary_modes[0]
    assert worst.place == "N"
    assert worst.frequency == pytest.approx(lowest)
    assert worst.branches == 1
    assert str(worst) == f"N: {-lowest:.2f}i THz, one branch, q = (0, 0, 0.5)"


def test_polar_modes_split_as_the_macroscopic_field_says(tmp_path: Path):
    """ω_LO² - ω_TO² = e² Z*² / (ε0 ε∞ V μ) in a cubic crystal of two atoms."""
    charge, dielectric = 1.3, 3.1
    (tmp_path / "BORN").write_text(born_file(dielectric, charge, -charge))
    crystal = relax(bulk("CuAu", "cesiumchloride", a=3.1), EMT(), keep_symmetry=True).atoms
    plain, split = (
        compute_phonons(crystal, EMT(), supercell_width=5.0, born=born).at("Γ")
        for born in (None, tmp_path / "BORN")
    )
    copper, gold = crystal.get_masses()
    vacuum = units._eps0 / units._e * 1e-10  # e/(V Å)
    stiffness = charge**2 / (vacuum * dielectric * crystal.get_volume())
    splitting = stiffness * (1 / copper + 1 / gold) * (units.second * 1e-12 / (2 * np.pi)) ** 2
    assert split[:5] == pytest.approx(plain[:5], abs=1e-3)
    assert split[5] ** 2 - plain[5] ** 2 == pytest.approx(splitting, rel=1e-3)


def born_file(dielectric: float, *charges: float) -> str:
    lines = [
        " ".join(f"{x}" for x in (value * np.eye(3)).ravel()) for value in (dielectric, *charges)
    ]
    return "\n".join(["14.399652", *lines]) + "\n"


def test_a_born_file_that_does_not_fit_is_told(tmp_path: Path):
    path = tmp_path / "BORN"
    path.write_text(born_file(3.0, 1.0))
    crystal = bulk("CuAu", "cesiumchloride", a=3.0)
    with pytest.raises(InputError, match=r"the file BORN '.*' cannot be used: Number of lines"):
        compute_phonons(crystal, EMT(), supercell_width=5.0, born=path)
    with pytest.raises(InputError, match=r"'.*missing' cannot be read: No such file"):
        compute_phonons(crystal, EMT(), supercell_width=5.0, born=tmp_path / "missing")


@pytest.mark.parametrize(
    ("option", "value"), [("supercell_width", 0.0), ("displacement", -0.01), ("snapshots", 0)]
)
def test_a_number_that_makes_no_sense_is_named(option: str, value: float):
    with pytest.raises(InputError, match=f"{option} is {value}.*; it must be positive"):
        compute_phonons(bulk("Cu"), EMT(), **{option: value})


def test_phonopy_reads_what_is_written(phonons: Phonons, tmp_path: Path):
    phonons.write(tmp_path / "phonopy.yaml")
    read = phonopy.load(tmp_path / "phonopy.yaml", log_level=0)
    frequencies = read.run_qpoints([[0.5, 0.5, 0.5]]).frequencies[0]
    assert frequencies == pytest.approx(phonons.at("L"), abs=1e-6)
    assert [path.name for path in tmp_path.iterdir()] == ["phonopy.yaml"]


def run_phonopy(folder: Path, *arguments: str) -> str:
    """Run a command of phonopy in a folder, as people do."""
    program, *options = arguments
    finished = subprocess.run(
        [str(Path(sys.executable).parent / program), *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def frequencies_of_qpoints_file(path: Path) -> np.ndarray:
    (point,) = yaml.safe_load(path.read_text())["phonon"]
    return np.array([band["frequency"] for band in point["band"]])


@pytest.mark.parametrize("source", ["phonopy.yaml", "FORCE_CONSTANTS"])
def test_the_command_of_phonopy_finds_the_same_frequencies(
    phonons: Phonons, tmp_path: Path, source: str
):
    phonons.write(tmp_path / "phonopy.yaml")
    if source == "FORCE_CONSTANTS":
        content = yaml.safe_load((tmp_path / "phonopy.yaml").read_text())
        for key in ("force_constants", "displacements"):
            content.pop(key)
        (tmp_path / "phonopy.yaml").write_text(yaml.safe_dump(content))
        phonons.write_force_constants(tmp_path / "FORCE_CONSTANTS")
    output = run_phonopy(tmp_path, "phonopy-load", "phonopy.yaml", "--qpoints", "0.5 0.5 0.5")
    assert f'Force constants were read from "{source}"' in output
    found = frequencies_of_qpoints_file(tmp_path / "qpoints.yaml")
    assert found == pytest.approx(phonons.at("L"), abs=1e-5)


def test_bands_are_drawn_by_the_command_of_phonopy(phonons: Phonons, tmp_path: Path):
    phonons.path.write(tmp_path / "band.yaml")
    run_phonopy(tmp_path, "phonopy-bandplot", "-o", "bands.png", "band.yaml")
    assert imread(tmp_path / "bands.png").std() > 0.05
    labels = yaml.safe_load((tmp_path / "band.yaml").read_text())["labels"]
    assert labels == [[segment.start, segment.end] for segment in phonons.bands]


def test_a_potential_in_single_precision_is_used_in_double(potential_file_float32: Path):
    """The same phonons as with float64 throughout, although only float32 is asked for."""
    calculator = GauntCalculator(potential_file_float32)
    atoms = bulk("Si", a=5.4)
    found = compute_phonons(atoms, calculator, supercell_width=5.0, displacement=1e-4)
    doubled = compute_phonons(
        atoms, calculator.in_double_precision(), supercell_width=5.0, displacement=1e-4
    )
    assert found.at("X") == pytest.approx(doubled.at("X"), abs=1e-9)


def test_a_supercell_of_one_atom_is_refused():
    with pytest.raises(InputError, match=r"supercell_width 2.0 Å the supercell is one atom"):
        compute_phonons(bulk("Cu"), EMT(), supercell_width=2.0)
