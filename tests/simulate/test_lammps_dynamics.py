from __future__ import annotations

import os
import re
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.tersoff import Tersoff

from gaunt_md.errors import InputError, LammpsError
from gaunt_md.lammps import INSTALL
from gaunt_md.simulate.compare import compare_trajectories
from gaunt_md.simulate.dynamics import run_nve
from gaunt_md.simulate.lammps_dynamics import (
    find_program,
    read_nve_run,
    run_lammps,
    write_nve_input,
)
from gaunt_md.simulate.velocities import thermalised

needs_lammps = pytest.mark.skipif(
    find_program("lmp") is None or find_program("mpirun") is None,
    reason=f"LAMMPS is not installed. {INSTALL}",
)


@pytest.fixture
def hot_silicon(silicon: Atoms) -> Atoms:
    """Return a sheared crystal, displaced, some atoms outside of the cell."""
    atoms = silicon.copy()
    atoms.set_cell(atoms.cell.array + np.diag([0.3, 0.2], k=-1), scale_atoms=True)
    atoms.rattle(0.05, seed=1)
    atoms.translate(-1.0)
    return thermalised(atoms, temperature=600.0, seed=1)


def tersoff_commands(file: Path) -> list[str]:
    return ["pair_style tersoff", f'pair_coeff * * "{file}" Si']


@needs_lammps
@pytest.mark.parametrize("ranks", [1, 2])
def test_lammps_and_ase_follow_the_same_trajectory(
    hot_silicon: Atoms, tersoff: Tersoff, tersoff_file: Path, tmp_path: Path, ranks: int
):
    script = tmp_path / "silicon.in"
    settings = {"timestep": 2.0, "steps": 40, "interval": 10}
    write_nve_input(script, hot_silicon, tersoff_commands(tersoff_file), **settings)
    run_lammps(script, run="there", ranks=ranks)
    there = read_nve_run(script, run="there", timestep=2.0)
    here = run_nve(hot_silicon, tersoff, **settings)
    agreement = compare_trajectories(here, there)
    assert agreement.energy < 1e-12
    assert agreement.force < 1e-10
    # The engines' units differ by 1e-8 relative.
    assert agreement.distances.max() < 1e-6
    assert there.total_energies == pytest.approx(here.total_energies, abs=1e-6)


@needs_lammps
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores can be set on Linux only")
def test_more_ranks_than_cores_are_told(silicon: Atoms, tmp_path: Path):
    script = tmp_path / "silicon.in"
    write_nve_input(
        script, silicon, ["pair_style zero 3.0", "pair_coeff * *"], timestep=1.0, steps=1
    )
    cores = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(cores)})
        with pytest.warns(UserWarning, match="2 MPI ranks share 1 processor core, where"):
            run_lammps(script, run="two", ranks=2)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            run_lammps(script, run="one")
    finally:
        os.sched_setaffinity(0, cores)


@needs_lammps
def test_the_message_of_lammps_reaches_the_caller(silicon: Atoms, tmp_path: Path):
    script = tmp_path / "silicon.in"
    write_nve_input(script, silicon, ["pair_style tersof"], timestep=1.0, steps=1)
    with pytest.raises(LammpsError, match="Unrecognized pair style 'tersof'"):
        run_lammps(script, run="once")


def test_missing_lammps_is_named_with_the_way_to_get_it(
    silicon: Atoms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    script = tmp_path / "silicon.in"
    write_nve_input(script, silicon, ["pair_style zero 5.0"], timestep=1.0, steps=1)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LammpsError, match=r"lmp was not found.*" + re.escape(INSTALL)):
        run_lammps(script, run="once")


def test_a_cell_that_lammps_would_rotate_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"standard_form\(\)"):
        write_nve_input(tmp_path / "in", bulk("Si"), [], timestep=1.0, steps=1)
    assert not list(tmp_path.iterdir())


def test_a_slab_is_refused(silicon: Atoms, tmp_path: Path):
    silicon.pbc = [True, True, False]
    with pytest.raises(InputError, match=r"pbc \[True, True, False\]"):
        write_nve_input(tmp_path / "in", silicon, [], timestep=1.0, steps=1)
