"""Stress of single atoms and heat flux, beside their definitions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from lammps_runs import (
    BAR_PER_EV_PER_CUBIC_ANGSTROM,
    run_to_end,
    setup,
    style,
    to_lammps_orientation,
)
from samples import make_potential, silicon_oxide

from gaunt_md import GauntCalculator, potential_file


@pytest.fixture(scope="session")
def three_layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("layers") / "three.pt"
    potential = make_potential("float64", layers=3)
    potential_file.save(potential, path, reference=silicon_oxide(), description={})
    return path


def cluster() -> Atoms:
    """Twenty-four atoms, wider than the potential sees."""
    atoms = silicon_oxide((3, 1, 1), seed=4)
    atoms.center(vacuum=1.5)
    atoms.pbc = False
    return atoms


def tilted_crystal() -> Atoms:
    """Every atom sees the nearest image of another only, and some see them across the boundary."""
    atoms = silicon_oxide((3, 3, 3), seed=2)
    strain = np.array([[0.02, 0, 0], [0.06, -0.01, 0], [-0.05, 0.04, 0.03]])
    atoms.set_cell(atoms.cell @ (np.eye(3) + strain), scale_atoms=True)
    return to_lammps_orientation(atoms)


def atomic_virials(
    folder: Path,
    atoms: Atoms,
    potential: Path,
    ranks: int,
    *,
    compute: str = "centroid/stress/atom",
    pair_style: Sequence[str] = (),
) -> np.ndarray:
    """Return Σ_i (r_i - r_j) ∂U_i/∂r_j of each atom j, xx yy zz xy xz yz (yx zx zy), eV."""
    components = 9 if compute.startswith("centroid") else 6
    lines = [
        *setup(folder, atoms),
        *(pair_style or (f"pair_style gaunt {potential}", "pair_coeff * * Si O")),
        f"compute s all {compute} NULL pair",
        "dump d all custom 1 stress.dump id "
        + " ".join(f"c_s[{k + 1}]" for k in range(components)),
        "dump_modify d sort id format float %.17g",
        "thermo_style custom pe pxx pyy pzz pxy pxz pyz vol",
        "run 0 post no",
        'print "$(pxx*vol:%.17g) $(pyy*vol:%.17g) $(pzz*vol:%.17g) $(pxy*vol:%.17g) '
        '$(pxz*vol:%.17g) $(pyz*vol:%.17g)" file virial.txt screen no',
    ]
    run_to_end(folder, lines, ranks=ranks)
    table = np.loadtxt(folder / "stress.dump", skiprows=9)[:, 1:]
    return -table / BAR_PER_EV_PER_CUBIC_ANGSTROM


def total_virial(folder: Path) -> np.ndarray:
    """Return the virial of the whole box in the last run, xx yy zz xy xz yz, eV."""
    return np.loadtxt(folder / "virial.txt") / BAR_PER_EV_PER_CUBIC_ANGSTROM


def symmetric(virials: np.ndarray) -> np.ndarray:
    """Return the six components of nine."""
    sums = virials[:, :6].copy()
    sums[:, 3:] = (virials[:, 3:6] + virials[:, 6:]) / 2
    return sums


def change_of_energies(atoms: Atoms, motion: np.ndarray) -> np.ndarray:
    """Return how atomic energies change per unit of a motion, by differences of fourth order."""
    change = np.zeros(len(atoms))
    for weight, step in ((-1, 2e-3), (1, -2e-3), (8, 1e-3), (-8, -1e-3)):
        moved = atoms.copy()
        moved.calc = atoms.calc
        moved.positions += step * motion
        change += weight * moved.get_potential_energies() / 12e-3
    return change


def virial_by_differences(atoms: Atoms, potential: Path, index: int) -> np.ndarray:
    """Return the same of one atom from energies of all others as it moves, (3, 3)."""
    atoms = atoms.copy()
    atoms.calc = GauntCalculator(potential)
    towards = atoms.get_distances(index, range(len(atoms)), mic=True, vector=True)
    virial = np.zeros((3, 3))
    for axis in range(3):
        motion = np.zeros((len(atoms), 3))
        motion[index, axis] = 1
        virial[:, axis] = change_of_energies(atoms, motion) @ towards
    return virial


ORDER = [(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2), (1, 0), (2, 0), (2, 1)]


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("structure", [cluster, tilted_crystal])
def test_centroid_stress_is_the_derivative_of_atomic_energies(
    structure, ranks: int, potential_file_float64: Path, tmp_path: Path
) -> None:
    atoms = structure()
    virials = atomic_virials(tmp_path, atoms, potential_file_float64, ranks)
    for index in (0, 13):
        expected = virial_by_differences(atoms, potential_file_float64, index)
        np.testing.assert_allclose(
            virials[index], [expected[component] for component in ORDER], rtol=0, atol=1e-8
        )


@pytest.mark.parametrize("ranks", [1, 2])
def test_centroid_stress_of_three_layers(ranks: int, three_layers: Path, tmp_path: Path) -> None:
    atoms = cluster()
    virials = atomic_virials(tmp_path, atoms, three_layers, ranks)
    expected = virial_by_differences(atoms, three_layers, 7)
    np.testing.assert_allclose(
        virials[7], [expected[component] for component in ORDER], rtol=0, atol=1e-8
    )


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("structure", [cluster, silicon_oxide])
def test_stress_of_atoms_adds_up_to_that_of_the_box(
    structure, ranks: int, potential_file_float64: Path, tmp_path: Path
) -> None:
    """A cell of one unit too, in which an atom has several images of another as neighbours."""
    atoms = structure()
    nine = atomic_virials(tmp_path, atoms, potential_file_float64, ranks)
    total = total_virial(tmp_path)
    scale = np.abs(nine).max()
    np.testing.assert_allclose(nine[:, :6].sum(0), total, rtol=0, atol=1e-10 * scale)
    np.testing.assert_allclose(nine[:, 6:].sum(0), total[3:], rtol=0, atol=1e-10 * scale)
    # It is not what dividing every edge's virial between its ends gives.
    assert np.abs(nine[:, 3:6] - nine[:, 6:]).max() > 1e-3 * scale
    six = atomic_virials(tmp_path, atoms, potential_file_float64, ranks, compute="stress/atom")
    np.testing.assert_allclose(six, symmetric(nine), rtol=0, atol=1e-10 * scale)


def test_stress_in_single_precision(
    potential_file_float64: Path, potential_file_float32: Path, tmp_path: Path
) -> None:
    atoms = silicon_oxide((2, 1, 1))
    exact = atomic_virials(tmp_path, atoms, potential_file_float64, 1)
    single = atomic_virials(tmp_path, atoms, potential_file_float32, 2)
    np.testing.assert_allclose(single, exact, rtol=0, atol=2e-5 * np.abs(exact).max())


def test_stress_of_hybrid_styles_adds(potential_file_float64: Path, tmp_path: Path) -> None:
    atoms = silicon_oxide()
    one = atomic_virials(tmp_path, atoms, potential_file_float64, 2)
    gaunt = f"gaunt {potential_file_float64}"
    style = [f"pair_style hybrid/overlay {gaunt} {gaunt} mode ghost"]
    style += [f"pair_coeff * * gaunt {k} Si O" for k in (1, 2)]
    twice = atomic_virials(tmp_path, atoms, potential_file_float64, 2, pair_style=style)
    np.testing.assert_allclose(twice, 2 * one, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("ranks", [1, 2])
def test_heat_flux_is_the_motion_of_energy(
    ranks: int, potential_file_float64: Path, tmp_path: Path
) -> None:
    """The derivative of Σ r_i E_i by time, with the energies E_i of ASE's calculator.

    d/dt Σ r_i E_i = Σ v_i E_i + Σ r_i (F_i · v_i + dU_i/dt), E_i with its kinetic part.
    """
    atoms = cluster()
    velocities = np.random.default_rng(5).normal(scale=0.3, size=(len(atoms), 3))  # Å/ps
    lines = [
        *setup(tmp_path, atoms),
        *style(potential_file_float64),
        *(
            f"set atom {i} vx {v[0]:.16g} vy {v[1]:.16g} vz {v[2]:.16g}"
            for i, v in enumerate(velocities, 1)
        ),
        "compute ke all ke/atom",
        "compute pe all pe/atom",
        "compute s all centroid/stress/atom NULL virial",
        "compute flux all heat/flux ke pe s",
        "thermo_style custom pe c_flux[1] c_flux[2] c_flux[3] vol",
        "run 0 post no",
        'print "$(c_flux[1]:%.17g) $(c_flux[2]:%.17g) $(c_flux[3]:%.17g)" file flux.txt screen no',
        "write_dump all custom kinetic.dump id c_ke modify sort id format float %.17g",
    ]
    run_to_end(tmp_path, lines, ranks=ranks)
    kinetic = np.loadtxt(tmp_path / "kinetic.dump", skiprows=9)[:, 1]

    atoms.calc = GauntCalculator(potential_file_float64)
    change = change_of_energies(atoms, velocities)
    power = (atoms.get_forces() * velocities).sum(1)
    flux = (kinetic + atoms.get_potential_energies()) @ velocities
    flux += (power + change) @ atoms.positions
    np.testing.assert_allclose(np.loadtxt(tmp_path / "flux.txt"), flux, rtol=1e-7)
