from __future__ import annotations

from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from gaunt_md.simulate.dynamics import run_nve
from gaunt_md.simulate.trajectory_writers import write_trajectory
from gaunt_md.simulate.velocities import thermalised


@pytest.fixture
def hot_copper() -> Atoms:
    return thermalised(bulk("Cu", cubic=True) * 2, temperature=600.0, seed=1)


def test_velocities_have_the_temperature_and_no_drift():
    crystal = thermalised(bulk("Cu", cubic=True) * 10, temperature=600.0, seed=1)
    # 12000 velocities scatter the temperature by sqrt(2/12000), that is 8 K.
    assert crystal.get_temperature() == pytest.approx(600.0, abs=25.0)
    assert np.abs(crystal.get_momenta().sum(axis=0)).max() < 1e-9


def test_same_seed_same_velocities(hot_copper: Atoms):
    again = thermalised(bulk("Cu", cubic=True) * 2, temperature=600.0, seed=1)
    other = thermalised(bulk("Cu", cubic=True) * 2, temperature=600.0, seed=2)
    assert np.array_equal(hot_copper.get_velocities(), again.get_velocities())
    assert not np.allclose(hot_copper.get_velocities(), other.get_velocities())


def test_half_the_time_step_gives_a_quarter_of_the_energy_error(hot_copper: Atoms):
    coarse = run_nve(hot_copper, EMT(), timestep=4.0, steps=50)
    fine = run_nve(hot_copper, EMT(), timestep=2.0, steps=100)
    assert coarse.energy_departure / fine.energy_departure == pytest.approx(4.0, rel=0.15)


def test_reversed_velocities_lead_back_to_the_start(hot_copper: Atoms):
    there = run_nve(hot_copper, EMT(), timestep=2.0, steps=50, interval=50).frames[-1]
    there.set_velocities(-there.get_velocities())
    back = run_nve(there, EMT(), timestep=2.0, steps=50, interval=50).frames[-1]
    assert np.abs(back.positions - hot_copper.positions).max() < 1e-9


def test_start_and_every_second_step_are_kept(hot_copper: Atoms):
    before = hot_copper.copy()
    run = run_nve(hot_copper, EMT(), timestep=1.5, steps=5, interval=2)
    assert run.times.tolist() == [0.0, 3.0, 6.0]
    assert np.array_equal(run.frames[0].positions, before.positions)
    assert hot_copper == before


@pytest.mark.parametrize("name", ["run.traj", "run.extxyz"])
def test_files_keep_energies_forces_and_velocities(hot_copper: Atoms, tmp_path: Path, name: str):
    run = run_nve(hot_copper, EMT(), timestep=1.5, steps=4, interval=2)
    write_trajectory(tmp_path / name, run.frames)
    read = ase.io.read(tmp_path / name, index=":")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    for written, frame in zip(run.frames, read, strict=True):
        assert frame.get_potential_energy() == pytest.approx(written.get_potential_energy())
        assert np.allclose(frame.get_forces(), written.get_forces(), atol=1e-7)
        assert np.allclose(frame.get_velocities(), written.get_velocities(), atol=1e-7)
