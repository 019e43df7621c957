"""Settings of LAMMPS that must not change a number, and other ways to hold atoms or to run it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from lammps_runs import (
    FOLLOW,
    MEASURE,
    assert_equals_ase,
    assert_same,
    evaluate,
    keep,
    read_evaluation,
    run_to_end,
    setup,
    style,
)
from samples import silicon_oxide

SETTINGS = {
    "map array": ["atom_modify map array"],
    "map hash": ["atom_modify map hash"],
    "sorted often": ["atom_modify sort 1 2.0"],
    "newton on for pairs only": ["newton on off"],
    "nofdotr": ["!pair_modify nofdotr"],
    "neighbour lists by N^2": ["neighbor 0.5 nsq"],
    "short communication cutoff": ["comm_modify cutoff 1.0"],
    "long communication cutoff": ["comm_modify cutoff 9.0"],
    "velocities communicated": ["comm_modify vel yes"],
    "map yes": ["atom_modify map yes"],
    "brick grid": ["processors 1 2 1"],
    "balanced bricks": ["!balance 1.0 shift xyz 5 1.0", "!fix b all balance 2 1.0 shift x 5 1.0"],
    "what pair_modify sets": ["!pair_modify shift yes mix arithmetic table 0 tabinner 1.0"],
    "tail corrections": ["!pair_modify tail yes"],
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_settings_that_do_not_matter(
    setting: str, potential_file_float64: Path, tmp_path: Path
) -> None:
    before = [line for line in SETTINGS[setting] if line[0] != "!"]
    after = [line[1:] for line in SETTINGS[setting] if line[0] == "!"]
    lines = [
        *before,
        *setup(tmp_path, silicon_oxide((2, 1, 1))),
        *style(potential_file_float64),
        *after,
        *FOLLOW,
        "fix d all nve",
        "run 3",
        *keep(),
    ]
    run_to_end(tmp_path, lines, ranks=2)
    assert_equals_ase(tmp_path, potential_file_float64)


@pytest.mark.parametrize("atom_style", ["atomic", "charge", "full"])
def test_atom_styles(atom_style: str, potential_file_float64: Path, tmp_path: Path) -> None:
    lines = [
        *setup(tmp_path, silicon_oxide(), atom_style=atom_style),
        *style(potential_file_float64),
        *FOLLOW,
        "fix d all nve",
        "run 3",
        *keep(),
    ]
    run_to_end(tmp_path, lines, ranks=2)
    assert_equals_ase(tmp_path, potential_file_float64)


def test_atoms_without_identifiers(potential_file_float64: Path, tmp_path: Path) -> None:
    """LAMMPS then reads no data files, but creates atoms."""
    atoms = silicon_oxide()
    atoms.wrap()
    types = {"Si": 1, "O": 2}
    lines = [
        *("units metal", "atom_modify id no", "region box block 0 5.43 0 5.43 0 5.43"),
        *("create_box 2 box", "mass 1 28", "mass 2 16"),
        *(f"create_atoms {types[atom.symbol]} single {atom.x} {atom.y} {atom.z}" for atom in atoms),
        *style(potential_file_float64),
        *FOLLOW,
        "neighbor 0.1 bin",
        "velocity all set 3.0 NULL NULL",
        "fix d all nve",
        "run 40",
        *(line.replace("dump id", "dump").replace("sort id ", "") for line in keep()),
    ]
    output = run_to_end(tmp_path, lines, ranks=2)
    assert "Neighbor list builds = 0" not in output
    assert_equals_ase(tmp_path, potential_file_float64)


def test_types_may_share_an_element(potential_file_float64: Path, tmp_path: Path) -> None:
    """As atoms of a group that is to be followed do."""
    lines = [
        *setup(tmp_path, silicon_oxide(), ["Si", "O", "X"]),
        *style(potential_file_float64, "Si O Si"),
        *FOLLOW,
        "set atom 2 type 3",
        "run 0",
        *keep("Si O Si"),
    ]
    run_to_end(tmp_path, lines, ranks=2)
    assert_equals_ase(tmp_path, potential_file_float64)


def test_data_file_continues_the_run(potential_file_float64: Path, tmp_path: Path) -> None:
    """Written and read again, atoms have the forces they had."""
    lines = [
        *setup(tmp_path, silicon_oxide()),
        *style(potential_file_float64),
        "fix d all nve",
        "run 5",
    ]
    run_to_end(tmp_path, [*lines, *MEASURE, "write_data half.data"], ranks=2)
    before = read_evaluation(tmp_path)
    lines = ["units metal", "read_data half.data", *style(potential_file_float64), *MEASURE]
    run_to_end(tmp_path, lines)
    np.testing.assert_allclose(read_evaluation(tmp_path).forces, before.forces, atol=1e-9)


def test_identifiers_may_have_gaps(potential_file_float64: Path, tmp_path: Path) -> None:
    atoms = silicon_oxide()
    lines = [
        *setup(tmp_path, atoms),
        "group some id 2 5",
        "delete_atoms group some compress no",
        *style(potential_file_float64),
        *MEASURE,
    ]
    run_to_end(tmp_path, lines, ranks=2)
    del atoms[[1, 4]]
    assert_same(read_evaluation(tmp_path), evaluate(tmp_path, atoms, potential_file_float64))
