"""What LAMMPS's own harness for pair styles, test_pair_style of unittest/force-styles, asks of one.

It stores energy, stress and forces of a structure and wants them from every way in which a run can
come to its style: pair_style, read_restart, read_data, with `nofdotr`, with the suffixes of
accelerated styles; the same of four steps of dynamics, with r-RESPA too; atomic energies whatever
else is asked for. What is stored here is the reference that the potential file carries.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from lammps_runs import (
    BAR_PER_EV_PER_CUBIC_ANGSTROM,
    assert_equals_ase,
    keep,
    run_script,
    run_to_end,
    setup,
    style,
)
from samples import silicon_oxide

from gaunt_md import potential_file

EPSILON = 1e-12
"""Relative, as for the least exact of LAMMPS's own styles in double precision."""


def record(name: str) -> list[str]:
    """Return commands that write what `read_record` reads, after a run."""
    virial = " ".join(f"$(c_virial[{k}]*vol:%.17g)" for k in range(1, 7))
    return [
        f"write_dump all custom {name}.forces id fx fy fz modify sort id format float %.17g",
        f'print "$(evdwl:%.17g) $(ecoul:%.17g) $(c_sum:%.17g) {virial}" file {name}.txt screen no',
    ]


def read_record(folder: Path, name: str) -> dict[str, np.ndarray]:
    """Return energy, its sum over atoms and virial, xx yy zz xy xz yz, in eV, forces in eV/Å."""
    energy, coulomb, atomic, *virial = np.loadtxt(folder / f"{name}.txt")
    assert coulomb == 0.0
    return {
        "energy": np.array(energy),
        "energy of atoms": np.array(atomic),
        "virial": np.array(virial) / BAR_PER_EV_PER_CUBIC_ANGSTROM,
        "forces": np.loadtxt(folder / f"{name}.forces", skiprows=9)[:, 1:],
    }


MEASURED = [
    "compute virial all pressure NULL virial",
    "compute potential all pe/atom pair",
    "compute sum all reduce sum c_potential",
    "thermo_style custom step pe evdwl ecoul c_sum c_virial[*]",
]
ONE_STEP = [*MEASURED, "run 0 post no"]
FOUR_STEPS = [*MEASURED, "thermo 4", "fix d all nve", "run 4 post no"]


def stages(folder: Path, potential: Path) -> list[str]:
    """Return the harness's stages; `clear` is between them, as it is there."""
    start = [*setup(folder, silicon_oxide()), *style(potential)]
    tables = ["pair_modify table 0", "pair_modify table/disp 0"]
    restart = ["clear", "newton on", "read_restart style.restart"]
    data = ["clear", "units metal", "read_data style.data", *style(potential)]
    return [
        *(*start, *tables, *ONE_STEP, *record("init")),
        *("write_restart style.restart", "write_data style.data pair ii"),
        *("write_coeff style.in", *FOUR_STEPS[len(MEASURED) :], *record("run"), *keep()),
        *(*restart, *ONE_STEP, *record("restart")),
        *(*restart, *FOUR_STEPS, *record("restart-run")),
        *(*restart, "pair_modify nofdotr", *ONE_STEP, *record("nofdotr")),
        *(*data, *ONE_STEP, *record("data")),
        # Repeated, it changes the style that is there instead of making one.
        *(*style(potential), "run 0 post no", *record("repeated")),
        *("clear", *start, "run_style respa 2 2 bond 1 pair 2", *FOUR_STEPS, *record("respa-run")),
    ]


@pytest.mark.parametrize(
    ("ranks", "arguments"),
    [(1, ""), (2, ""), (1, "-pk omp 2 -sf omp"), (1, "-sf opt")],
    ids=["plain", "two ranks", "omp", "opt"],
)
def test_every_way_gives_the_stored_numbers(
    ranks: int, arguments: str, potential_file_float64: Path, tmp_path: Path
) -> None:
    lines = stages(tmp_path, potential_file_float64)
    run_to_end(tmp_path, lines, ranks=ranks, arguments=arguments.split())
    stored = potential_file.read_manifest(potential_file_float64)["reference"]
    virial = -np.array(stored["virial"])  # LAMMPS's is positive under pressure
    expected = {
        "energy": np.array(stored["energy"]),
        "energy of atoms": np.array(stored["energy"]),
        "virial": virial[[0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]],
        "forces": np.array(stored["forces"]),
    }
    for name in ("init", "restart", "nofdotr", "data", "repeated"):
        assert_same(read_record(tmp_path, name), expected, name)
    after = read_record(tmp_path, "run")
    assert_equals_ase(tmp_path, potential_file_float64)
    assert np.abs(after["forces"] - expected["forces"]).max() > 1e-3
    for name in ("restart-run", "respa-run"):
        assert_same(read_record(tmp_path, name), after, name)


def assert_same(got: dict[str, np.ndarray], expected: dict[str, np.ndarray], name: str) -> None:
    for quantity, values in expected.items():
        np.testing.assert_allclose(
            got[quantity],
            values,
            rtol=0,
            atol=5 * EPSILON * np.abs(values).max(),
            err_msg=f"{quantity} of {name}",
        )


def test_there_is_no_accelerated_variant(tmp_path: Path) -> None:
    """So a suffix changes nothing but the number of threads."""
    names = run_to_end(tmp_path, ["info styles pair"]).split()
    assert "gaunt" in names
    assert not [name for name in names if name.startswith("gaunt/")]


@pytest.mark.parametrize("ranks", [1, 2])
def test_atomic_energies_do_not_depend_on_what_else_is_asked(
    ranks: int, potential_file_float64: Path, tmp_path: Path
) -> None:
    """Energies of atoms without virial, without total energy, and forces with neither."""
    asked: dict[str, Sequence[str]] = {
        "all": ["compute s all stress/atom NULL", "thermo_style custom pe press"],
        "virials": ["uncompute s", "thermo_style custom pe press"],
        "energies": ["thermo_style custom pe"],
        "nothing": ["thermo_style custom step"],
    }
    lines = [*setup(tmp_path, silicon_oxide()), *style(potential_file_float64)]
    lines.append("compute e all pe/atom")
    for name, commands in asked.items():
        columns = "fx fy fz" if name == "nothing" else "fx fy fz c_e"
        stress = "c_s[1]" if name == "all" else ""
        lines += [
            *commands,
            f"dump d all custom 1 {name}.dump id {columns} {stress}",
            "dump_modify d sort id format float %.17g",
            *("run 0 post no", "undump d"),
        ]
    run_to_end(tmp_path, lines, ranks=ranks)
    everything, *others = (np.loadtxt(tmp_path / f"{name}.dump", skiprows=9) for name in asked)
    for table in others:
        expected = everything[:, : table.shape[1]]
        np.testing.assert_allclose(table, expected, rtol=0, atol=EPSILON * np.abs(expected).max())


REFUSALS = {
    "group/group": (
        [
            "group some type 1",
            "compute c some group/group all",
            "thermo_style custom c_c",
            "run 0",
        ],
        "Pair style does not support compute group/group",
    ),
    "pair/local": (
        [
            "compute c all pair/local eng",
            "compute r all reduce sum c_c inputs local",
            "thermo_style custom c_r",
            "run 0",
        ],
        "Pair style does not support compute pair/local",
    ),
    "pair_write": (
        ["pair_write 1 1 10 r 1 3 table.txt x"],
        "Pair style gaunt does not support pair_write",
    ),
    "adapt": (
        ["variable v equal 1", "fix a all adapt 1 pair gaunt epsilon * * v_v", "run 0"],
        "Fix adapt pair style gaunt param epsilon not supported",
    ),
    "respa": (
        ["run_style respa 2 2 inner 1 2.0 3.0 outer 2", "run 0"],
        "Pair style does not support rRESPA inner/middle/outer",
    ),
}


@pytest.mark.parametrize("request_", REFUSALS)
def test_what_a_many_body_style_cannot_do_is_refused(
    request_: str, potential_file_float64: Path, tmp_path: Path
) -> None:
    """There is no energy of a single pair, no parameter by type, and no split by distance."""
    commands, message = REFUSALS[request_]
    lines = [*setup(tmp_path, silicon_oxide()), *style(potential_file_float64), *commands]
    finished = run_script(tmp_path, lines, ranks=2)
    assert finished.returncode != 0
    assert f"ERROR: {message}" in finished.stdout
