from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from gaunt_md.errors import InputError
from gaunt_md.simulate.compare import POSITION_BOUND, compare_trajectories
from gaunt_md.simulate.dynamics import run_nve
from gaunt_md.simulate.trajectory import Trajectory
from gaunt_md.simulate.velocities import thermalised


@pytest.fixture
def run() -> Trajectory:
    return run_nve(thermalised(bulk("Cu") * 2, 600.0, 1), EMT(), timestep=2.0, steps=6)


def moved(run: Trajectory, distance: float) -> Trajectory:
    """Return the run with one coordinate of the last frame changed."""
    last = run.frames[-1].copy()
    last.positions[3, 1] += distance
    return replace(run, frames=(*run.frames[:-1], last))


def test_a_run_agrees_with_itself(run: Trajectory):
    assert compare_trajectories(run, run).holds


def test_one_atom_beyond_the_bound_in_one_frame_is_seen(run: Trajectory):
    assert compare_trajectories(run, moved(run, 0.9 * POSITION_BOUND)).holds
    beyond = compare_trajectories(run, moved(run, -1.1 * POSITION_BOUND))
    assert not beyond.holds
    assert np.argmax(beyond.distances) == 6


def test_another_potential_is_seen_at_the_start(run: Trajectory):
    stiffer = run_nve(run.frames[0], EMT(asap_cutoff=True), timestep=2.0, steps=6)
    agreement = compare_trajectories(run, stiffer)
    assert agreement.energy > 1e-4
    assert not agreement.holds


def test_other_times_cannot_be_compared(run: Trajectory):
    with pytest.raises(InputError, match="7 and 6 frames"):
        compare_trajectories(run, Trajectory(run.times[:-1], run.frames[:-1]))
