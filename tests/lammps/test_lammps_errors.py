"""What is wrong reaches the user as one LAMMPS error that says what to do, on all ranks."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from ase import Atoms
from lammps_runs import (
    build_plugin,
    environment,
    refusal,
    run_script,
    run_to_end,
    setup,
    style,
)
from samples import silicon_oxide

from gaunt_md import lammps
from gaunt_md.compile_cache import compiler
from gaunt_md.resources import resource_folder


def with_coefficients(folder: Path, potential: Path, coefficients: str = "* * Si O") -> list[str]:
    return [
        *setup(folder, silicon_oxide()),
        f"pair_style gaunt {potential}",
        f"pair_coeff {coefficients}",
    ]


@pytest.mark.parametrize("ranks", [1, 2])
def test_missing_file(ranks: int, tmp_path: Path) -> None:
    lines = [*setup(tmp_path, silicon_oxide()), "pair_style gaunt nowhere.pt"]
    message = refusal(tmp_path, lines, ranks)
    assert "cannot find potential file 'nowhere.pt': it is neither here nor in" in message


def test_missing_file_and_those_that_come_with_gaunt_md(tmp_path: Path) -> None:
    lines = [*setup(tmp_path, silicon_oxide()), "pair_style gaunt Si.pt"]
    shipped = resource_folder("potentials")
    env = environment() | {"GAUNT_MD_POTENTIALS": str(shipped)}
    finished = run_script(tmp_path, lines, env=env)
    assert finished.returncode != 0
    names = re.search(r"GAUNT_MD_POTENTIALS name; gaunt-md has these: (.*) \(", finished.stdout)
    assert names is not None
    assert set(names[1].split(", ")) == {path.name for path in shipped.glob("*.pt")}


@pytest.mark.parametrize("ranks", [1, 2])
def test_file_that_cannot_be_read(ranks: int, tmp_path: Path) -> None:
    (tmp_path / "folder.pt").mkdir()
    lines = [*setup(tmp_path, silicon_oxide()), "pair_style gaunt folder.pt"]
    message = refusal(tmp_path, lines, ranks)
    assert "cannot read potential file 'folder.pt': Is a directory" in message


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", "needs a potential file, as in: pair_style gaunt si.pt"),
        ("si.pt skin 2.0", "Unknown keyword 'skin' of pair style gaunt: after the file, it takes"),
        ("si.pt mode fast", "Mode 'fast' of pair style gaunt is unknown: write mode exchange or"),
        ("si.pt mode", "Mode '' of pair style gaunt is unknown"),
    ],
)
def test_arguments_of_pair_style(arguments: str, expected: str, tmp_path: Path) -> None:
    lines = [*setup(tmp_path, silicon_oxide()), f"pair_style gaunt {arguments}"]
    assert expected in refusal(tmp_path, lines)


@pytest.mark.parametrize(
    ("coefficients", "expected"),
    [
        ("* * Si Ge", "has no element Ge; it knows: Si O"),
        ("* * Si", "names 1 element(s), but there are 2 atom types"),
        ("* * Si O Si", "names 3 element(s), but there are 2 atom types"),
        ("1 2 Si O", "must start with * *"),
    ],
)
def test_arguments_of_pair_coeff(
    coefficients: str, expected: str, potential_file_float64: Path, tmp_path: Path
) -> None:
    lines = with_coefficients(tmp_path, potential_file_float64, coefficients)
    assert expected in refusal(tmp_path, lines)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("newton off", "newton on"),
        ("units lj", "units metal"),
        ("comm_style tiled", "cannot exceed periodic box length"),
        ("neighbor 1.0 multi\ncomm_modify mode multi", "comm_modify mode single"),
        (
            "group some type 1\natom_modify first some\nneigh_modify include some",
            "cannot be used with neigh_modify include",
        ),
    ],
)
def test_settings_that_cannot_work(
    command: str, expected: str, potential_file_float64: Path, tmp_path: Path
) -> None:
    lines = with_coefficients(tmp_path, potential_file_float64)
    if command.startswith("units"):
        lines[0] = command
    else:
        # Groups need the atoms, the other commands come before them.
        lines.insert(-2 if command.startswith("group") else 1, command)
    if "mode single" in expected:
        lines = [f"{line} mode ghost" if "pair_style" in line else line for line in lines]
    assert expected in refusal(tmp_path, [*lines, "run 0"], ranks=2)


def test_too_small_pages_of_neighbours(potential_file_float64: Path, tmp_path: Path) -> None:
    """All ranks stop, each with LAMMPS's own message."""
    lines = with_coefficients(tmp_path, potential_file_float64)
    finished = run_script(tmp_path, ["neigh_modify one 10 page 100", *lines, "run 0"], ranks=2)
    assert finished.returncode != 0
    assert "Neighbor list overflow, boost neigh_modify one" in finished.stdout


@pytest.mark.parametrize("coefficients", ["* * Si NULL", "* * NULL O"])
def test_null_needs_hybrid(coefficients: str, potential_file_float64: Path, tmp_path: Path) -> None:
    lines = with_coefficients(tmp_path, potential_file_float64, coefficients)
    assert "All pair coeffs are not set" in refusal(tmp_path, [*lines, "run 0"])


def test_excluded_bonded_pairs_are_refused(potential_file_float64: Path, tmp_path: Path) -> None:
    lines = [
        "units metal",
        "atom_style bond",
        "region box block 0 9 0 9 0 9",
        "create_box 1 box bond/types 1 extra/bond/per/atom 1",
        "create_atoms 1 single 1 1 1",
        "create_atoms 1 single 3 1 1",
        "mass 1 28",
        "bond_style zero",
        "bond_coeff 1",
        "create_bonds single/bond 1 1 2",
        f"pair_style gaunt {potential_file_float64}",
        "pair_coeff * * Si",
        "run 0",
    ]
    assert "special_bonds lj/coul 1 1 1" in refusal(tmp_path, lines)
    run_to_end(tmp_path, ["special_bonds lj/coul 1 1 1", *lines])


# --- numbers that are none -----------------------------------------------------------------------


@pytest.mark.parametrize("ranks", [1, 2])
def test_coinciding_atoms_are_named(
    ranks: int, potential_file_float64: Path, tmp_path: Path
) -> None:
    """One rank finds the trouble, all ranks stop."""
    atoms = silicon_oxide() + Atoms("Si", positions=[silicon_oxide().positions[3]])
    lines = setup(tmp_path, atoms)
    lines += [*style(potential_file_float64), "run 0"]
    message = refusal(tmp_path, lines, ranks)
    assert re.search(r"the energy of atom \d is not a finite number at step 0", message)
    assert "look for overlapping atoms or a time step that is too long" in message


@pytest.mark.parametrize("ranks", [1, 2])
def test_force_beyond_all_numbers(ranks: int, potential_file_float64: Path, tmp_path: Path) -> None:
    """So close that the repulsion is a number, and its derivative, the square of it, is none."""
    lines = [
        *("units metal", "region box block 0 9 0 9 0 9", "create_box 2 box", "mass * 28"),
        *(f"create_atoms 1 single {x} 0 0" for x in (0, 1e-160)),
        *style(potential_file_float64),
        "run 0",
    ]
    message = refusal(tmp_path, lines, ranks)
    assert re.search(r"the force of atom \d is not a finite number at step 0", message)


@pytest.mark.parametrize("ranks", [1, 2])
def test_position_that_is_no_number(
    ranks: int, potential_file_float64: Path, tmp_path: Path
) -> None:
    """LAMMPS does not notice before the next neighbour list."""
    lines = [
        *with_coefficients(tmp_path, potential_file_float64),
        "neigh_modify delay 100 every 100 check no",
        "group lost id 3",
        "variable nothing atom 1.0/0.0-1.0/0.0",
        "run 0",
        "set group lost vx 1e308",
        "fix nve all nve",
        "timestep 10.0",
        "run 5",
    ]
    message = refusal(tmp_path, lines, ranks)
    assert "the position of atom 3 is not a finite number at step 1" in message


# --- plugins that do not fit ---------------------------------------------------------------------


def test_plugin_of_another_lammps(tmp_path: Path) -> None:
    """Built by plain CMake for another version: only who uses the style is stopped."""
    work = build_plugin(
        resource_folder("lammps_plugin"),
        tmp_path / "build",
        "-DLAMMPS_VERSION=20240829",
        "-DLAMMPS_BIGBIG=ON",
        "-DCMAKE_COMPILE_WARNING_AS_ERROR=ON",
    )
    lines = setup(tmp_path, silicon_oxide())
    for more, returncode in ((["pair_style zero 5.0"], 0), (["pair_style gaunt si.pt"], 1)):
        finished = run_script(tmp_path, [*lines, *more], env=environment(work))
        assert finished.returncode == returncode
    for this, sizes in (("built for LAMMPS 20240829", 8), ("this is LAMMPS 20250722", 4)):
        assert f"{this} with {sizes}-byte atom IDs" in finished.stdout
    assert "gaunt-md lammps build" in finished.stdout


def test_engine_that_is_missing(potential_file_float64: Path, tmp_path: Path) -> None:
    plugin = lammps.build() / lammps.PLUGIN_FILE
    (tmp_path / plugin.name).write_bytes(plugin.read_bytes())
    lines = [*setup(tmp_path, silicon_oxide()), f"pair_style gaunt {potential_file_float64}"]
    finished = run_script(tmp_path, lines, env=environment(tmp_path), ranks=2)
    assert finished.returncode != 0
    assert "cannot open the engine" in finished.stdout


OTHER_ENGINE = """
#include "engine.h"
extern "C" __attribute__((visibility("default"))) const gaunt_engine_functions *gaunt_engine()
{
  static gaunt_engine_functions functions = {GAUNT_ENGINE_INTERFACE + 1};
  return &functions;
}
"""


def test_engine_of_another_version(potential_file_float64: Path, tmp_path: Path) -> None:
    plugin = lammps.build() / lammps.PLUGIN_FILE
    (tmp_path / plugin.name).write_bytes(plugin.read_bytes())
    (tmp_path / "engine.cpp").write_text(OTHER_ENGINE)
    library = ["-shared", "-fPIC", "-o", tmp_path / "libgaunt_engine.so", tmp_path / "engine.cpp"]
    headers = f"-I{resource_folder('lammps_plugin')}"
    subprocess.run([compiler(), "-DGAUNT_ENGINE_BUILD", headers, *library], check=True)
    lines = [*setup(tmp_path, silicon_oxide()), f"pair_style gaunt {potential_file_float64}"]
    finished = run_script(tmp_path, lines, env=environment(tmp_path), ranks=2)
    assert finished.returncode != 0
    assert "belongs to another version of the plugin: build both again" in finished.stdout
