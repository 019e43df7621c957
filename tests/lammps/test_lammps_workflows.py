"""What people do with a potential in LAMMPS, each thing once, compared with ASE at its end."""

from __future__ import annotations

import re
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase.geometry import find_mic
from ase.mep import NEB
from lammps_runs import (
    BAR_PER_EV_PER_CUBIC_ANGSTROM,
    FOLLOW,
    MEASURE,
    assert_equals_ase,
    keep,
    read_evaluation,
    run_to_end,
    setup,
    style,
    table,
    to_lammps_orientation,
)
from samples import silicon_oxide

from gaunt_md import GauntCalculator
from gaunt_md.resources import resource_folder

SILICON = resource_folder("potentials") / "si-small.pt"


# --- ensembles -----------------------------------------------------------------------------------

ENSEMBLES = {
    "nve": ["fix d all nve"],
    "nvt": ["fix d all nvt temp 900 900 0.02"],
    "npt iso": ["fix d all npt temp 900 900 0.02 iso 5e4 5e4 0.1"],
    "npt aniso": ["fix d all npt temp 900 900 0.02 aniso 5e4 5e4 0.1"],
    "npt tri": [
        "change_box all triclinic",
        "fix d all npt temp 900 900 0.02 tri 5e4 5e4 0.1",
    ],
    "nph": ["fix d all nph x 5e4 5e4 0.1"],
    "langevin": ["fix d all nve", "fix bath all langevin 900 900 0.02 17 tally yes"],
}


@pytest.mark.parametrize("ensemble", ENSEMBLES)
def test_ensembles_conserve_energy(
    ensemble: str, potential_file_float64: Path, tmp_path: Path
) -> None:
    """What bath and piston have taken is accounted for; forces and stress at the end are ASE's."""
    lines = [
        *setup(tmp_path, silicon_oxide()),
        *style(potential_file_float64),
        *FOLLOW,
        "neighbor 0.3 bin",
        "timestep 0.00025",
        "velocity all create 600 11 mom yes",
        *ENSEMBLES[ensemble],
        "run 60",
        # Without the forces of the bath.
        *(["unfix bath", "run 0"] if ensemble == "langevin" else []),
        *keep(),
    ]
    thermo = table(run_to_end(tmp_path, lines, ranks=2), run=0)
    conserved = np.ptp(thermo["Econserve"]) / 8
    assert conserved < 1e-3
    if ensemble != "nve":
        assert np.ptp(thermo["TotEng"]) / 8 > 20 * conserved
    sizes = [np.ptp(thermo[side]) > 0.01 for side in ("Lx", "Ly", "Lz")]
    assert sizes == [ensemble[:2] == "np", ensemble[:3] == "npt", ensemble[:3] == "npt"]
    atoms = assert_equals_ase(tmp_path, potential_file_float64)
    assert np.count_nonzero(np.abs(atoms.cell) > 1e-3) == (6 if ensemble == "npt tri" else 3)


def test_work_of_deforming_the_box_is_stress_times_strain(
    potential_file_float64: Path, tmp_path: Path
) -> None:
    """Stretched and compressed by fix deform, atoms moving with the box: dE = -Σ W_aa d(ln L_a)."""
    lines = [
        *setup(tmp_path, silicon_oxide()),
        *style(potential_file_float64),
        *FOLLOW,
        "fix d all deform 1 x scale 1.06 z scale 0.97 remap x",
        "thermo_modify format float %.12g",
        "run 40",
    ]
    thermo = table(run_to_end(tmp_path, lines, ranks=2))
    assert thermo["Lx"][-1] == pytest.approx(1.06 * thermo["Lx"][0])
    volume = thermo["Lx"] * thermo["Ly"] * thermo["Lz"]
    work = 0.0
    for side, pressure in (("Lx", "c_virial[1]"), ("Lz", "c_virial[3]")):
        virial = thermo[pressure] * volume / BAR_PER_EV_PER_CUBIC_ANGSTROM
        # The box changes after a step's forces are known and before they are printed.
        work -= np.trapezoid(virial[1:], np.log(thermo[side][:-1]))
    gained = thermo["PotEng"][-1] - thermo["PotEng"][1]
    assert abs(gained) > 0.05
    assert work == pytest.approx(gained, rel=1e-3)


@pytest.mark.parametrize("box", ["iso", "aniso", "tri"])
def test_box_relaxes_to_the_pressure_asked_for(box: str, tmp_path: Path) -> None:
    lines = [
        *setup(tmp_path, to_lammps_orientation(silicon()), ["Si"]),
        "change_box all triclinic",
        *style(SILICON, "Si"),
        *FOLLOW,
        f"fix relax all box/relax {box} 2e4 vmax 0.005",
        "min_modify line quadratic",
        "minimize 0 1e-3 60 200",
        *keep("Si"),
    ]
    thermo = table(run_to_end(tmp_path, lines))
    pressures = np.array([thermo[f"c_virial[{k}]"][-1] for k in range(1, 7)])
    assert pressures[:3].mean() == pytest.approx(2e4, abs=300)
    if box != "iso":
        np.testing.assert_allclose(pressures[:3], 2e4, atol=300)
    if box == "tri":
        np.testing.assert_allclose(pressures[3:], 0.0, atol=300)
    assert_equals_ase(tmp_path, SILICON, tolerance=2e-5)


def test_minimisation_goes_downhill_to_small_forces(
    potential_file_float64: Path, tmp_path: Path
) -> None:
    atoms = silicon_oxide()
    lines = [
        *setup(tmp_path, atoms),
        *style(potential_file_float64),
        "minimize 0 1e-2 500 2000",
        *MEASURE,
    ]
    run_to_end(tmp_path, lines, ranks=2)
    got = read_evaluation(tmp_path)
    atoms.calc = GauntCalculator(potential_file_float64)
    assert got.energy < atoms.get_potential_energy() - 0.01
    assert np.abs(got.forces).max() < 0.02


def test_fire_is_not_held_up_by_single_precision(tmp_path: Path) -> None:
    """As line searches are, which compare energies."""
    start = [*setup(tmp_path, silicon(), ["Si"]), *style(SILICON, "Si")]
    for method, criterion in (("cg", "linesearch alpha is zero"), ("fire", "force tolerance")):
        output = run_to_end(tmp_path, [*start, f"min_style {method}", "minimize 0 1e-5 2000 9000"])
        assert f"Stopping criterion = {criterion}" in output


def silicon():
    atoms = silicon_oxide(seed=1)
    atoms.symbols[:] = "Si"
    atoms.set_cell(atoms.cell @ [[1.01, 0, 0], [0.02, 1, 0], [0, 0.01, 0.99]], scale_atoms=True)
    return atoms


# --- atoms and boxes that change -----------------------------------------------------------------

CHANGES = {
    # name: (commands, expression of LAMMPS, its value)
    "change_box": (
        [
            "change_box all triclinic",
            "change_box all x scale 1.04 xy final 0.7 yz final -0.4 remap units box",
            "run 1",
        ],
        "xy",
        0.7,
    ),
    "replicate": (["replicate 2 1 1", "run 1"], "atoms", 16),
    "create_atoms": (["create_atoms 2 single 1.2 4.1 1.4 units box", "run 1"], "atoms", 9),
    "delete_atoms": (
        ["run 1", "delete_atoms random fraction 0.4 yes all NULL 77", "run 1"],
        "atoms<8",
        1,
    ),
    "set type": (["run 1", "set atom 3 type 2", "run 1"], "count(oxygen)", 3),
    "displace_atoms": (["displace_atoms all random 0.1 0.1 0.1 5", "run 1"], "atoms", 8),
    "fix deposit": (
        [
            "region all block EDGE EDGE EDGE EDGE EDGE EDGE",
            "fix insert all deposit 2 2 3 4711 region all near 1.2 attempt 200",
            "run 10",
        ],
        "atoms",
        10,
    ),
    "fix gcmc": (
        ["fix insert all gcmc 2 4 4 2 4711 5e4 -3.0 0.2 full_energy overlap_cutoff 1.2", "run 13"],
        "atoms!=8",
        1,
    ),
    "fix evaporate": (["fix out all evaporate 2 1 all 9", "run 6"], "atoms", 5),
    "fix atom/swap": (
        ["fix swap all atom/swap 1 5 17 50000 ke no types 1 2", "run 10", "run 1"],
        "count(oxygen)",
        2,
    ),
}


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("change", CHANGES)
def test_after_a_change_results_are_those_of_the_atoms_left(
    change: str, ranks: int, potential_file_float64: Path, tmp_path: Path
) -> None:
    commands, expression, value = CHANGES[change]
    lines = [
        *setup(tmp_path, silicon_oxide()),
        "region all block EDGE EDGE EDGE EDGE EDGE EDGE" if "evaporate" in change else "",
        *style(potential_file_float64),
        "neighbor 0.3 bin",
        *FOLLOW,
        *commands,
        *keep(),
        "group oxygen type 2",
        f'print "found $({expression})"',
    ]
    found = re.search(r"^found (\S+)", run_to_end(tmp_path, lines, ranks=ranks), re.MULTILINE)
    assert float(found[1]) == pytest.approx(value)
    assert_equals_ase(tmp_path, potential_file_float64)


def test_a_group_that_is_not_integrated_rests(potential_file_float64: Path, tmp_path: Path) -> None:
    """Atoms of another group move, conserve energy, and feel those at rest."""
    lines = [
        *setup(tmp_path, silicon_oxide()),
        *style(potential_file_float64),
        "neighbor 0.3 bin",
        *FOLLOW,
        "group moving id <= 4",
        "fix d moving nve",
        "compute potential all pe/atom",
        "compute one moving reduce sum c_potential",
        "group resting subtract all moving",
        "compute other resting reduce sum c_potential",
        "thermo_style custom step pe etotal c_one c_other c_virial[*]",
        "timestep 0.0005",
        "run 40",
        *keep(),
    ]
    thermo = table(run_to_end(tmp_path, lines, ranks=2))
    assert np.ptp(thermo["TotEng"]) < 0.02 * np.ptp(thermo["PotEng"])
    np.testing.assert_allclose(thermo["c_one"] + thermo["c_other"], thermo["PotEng"], rtol=1e-7)
    atoms = assert_equals_ase(tmp_path, potential_file_float64)
    ways = atoms.positions - silicon_oxide().positions
    moved = np.linalg.norm(find_mic(ways, atoms.cell)[0], axis=1)
    assert (moved[:4] > 1e-3).all()
    assert (moved[4:] < 1e-12).all()


def test_rerun_finds_the_energies_of_the_run(potential_file_float64: Path, tmp_path: Path) -> None:
    start = [*setup(tmp_path, silicon_oxide()), *style(potential_file_float64), "neighbor 0.3 bin"]
    run = [
        "velocity all create 900 3",
        "fix d all npt temp 900 900 0.05 aniso 0 0 0.2",
        "dump d all custom 5 run.dump id type x y z",
        "dump_modify d format float %.17g",
        "run 30",
    ]
    follow = [*FOLLOW, "thermo 5", "thermo_modify format float %.14g"]
    first = table(run_to_end(tmp_path, [*start, *follow, *run], ranks=2))
    again = table(run_to_end(tmp_path, [*start, *follow, "rerun run.dump dump x y z box yes"]))
    assert np.ptp(first["PotEng"]) > 0.1
    for column in ("Step", "PotEng", *(f"c_virial[{k}]" for k in range(1, 7))):
        np.testing.assert_allclose(
            again[column], first[column], rtol=0, atol=1e-9 * np.abs(first[column]).max()
        )


# --- several replicas, second derivatives --------------------------------------------------------


def test_neb_through_partitions(potential_file_float64: Path, tmp_path: Path) -> None:
    """Barrier and forces of the path, springs and climbing image too, are those of ASE's NEB."""
    atoms = silicon_oxide()
    target = atoms.positions[2] + [0.5, -0.3, 0.4]
    (tmp_path / "final.coordinates").write_text("1\n3 {} {} {}\n".format(*target))
    lines = [
        "variable image uloop 4",
        "atom_modify map array",
        *setup(tmp_path, atoms),
        *style(potential_file_float64),
        "fix neb all neb 1.0",
        "min_style fire",
        "neb 0.0 0.1 20 10 5 final final.coordinates",
        "write_dump all custom ${image}.dump id element x y z fx fy fz modify sort id "
        "element Si O format float %.17g",
    ]
    output = run_to_end(tmp_path, lines, ranks=4, arguments=["-partition", "4x1"])
    files = [tmp_path / f"{image}.dump" for image in (1, 2, 3, 4)]
    images = [ase.io.read(file, format="lammps-dump-text") for file in files]
    forces = np.array([image.get_forces() for image in images])
    for image in images:
        image.calc = GauntCalculator(potential_file_float64)
    path = NEB(images, k=1.0, climb=True, method="improvedtangent")
    expected = path.get_forces().reshape(2, -1, 3)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(forces[1:-1], expected, rtol=0, atol=1e-10 * scale)
    np.testing.assert_allclose(forces[0], images[0].get_forces(), rtol=0, atol=1e-10)

    energies = [image.get_potential_energy() for image in images]
    barrier, reverse = (max(energies) - energy for energy in (energies[0], energies[-1]))
    assert min(barrier, reverse) > 0.1
    columns, *rows = [
        line.split() for line in output.splitlines() if re.match(" +(Step|\\d+) ", line)
    ]
    last = dict(zip(columns, rows[-1], strict=False))
    assert float(last["EBF"]) == pytest.approx(barrier, rel=1e-6)
    assert float(last["EBR"]) == pytest.approx(reverse, rel=1e-6)


def test_dynamical_matrix_is_the_second_derivative(
    potential_file_float64: Path, tmp_path: Path
) -> None:
    atoms = silicon_oxide()
    lines = [
        "atom_modify map array",
        *setup(tmp_path, atoms),
        *style(potential_file_float64),
        "neighbor 0.3 bin",
        "dynamical_matrix all regular 1e-4 file dynamical.txt",
    ]
    run_to_end(tmp_path, lines)
    matrix = np.loadtxt(tmp_path / "dynamical.txt").reshape(24, 24)
    hessian = GauntCalculator(potential_file_float64).get_hessian(atoms)
    masses = np.repeat(np.where(atoms.symbols == "Si", 28.085, 15.999), 3)
    expected = hessian / np.sqrt(np.outer(masses, masses))  # eV/Å^2/u
    np.testing.assert_allclose(matrix, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
