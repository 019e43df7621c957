"""What a run leaves in its folder, and how it goes on."""

from __future__ import annotations

import csv
import json
import os
import re
import resource
import signal
from pathlib import Path

import ase.io
import mdtraj
import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk, molecule
from ase.calculators.lj import LennardJones
from central_forces import Springs
from mdtraj.formats import HDF5TrajectoryFile

from gaunt_md.errors import InputError, UnstableRunError
from gaunt_md.interruption import Interruption
from gaunt_md.simulate.dynamics import Dynamics, run_nve
from gaunt_md.simulate.ensembles import Conditions, Ensemble
from gaunt_md.simulate.mdtraj_conversion import to_topology
from gaunt_md.simulate.recording import Recording, record
from gaunt_md.simulate.restart import read_restart, write_restart
from gaunt_md.simulate.trajectory_writers import write_trajectory
from gaunt_md.simulate.velocities import thermalised

HOT = Conditions(Ensemble.LANGEVIN, 2.0, temperature=300.0)
OPTIONS = {"seed": 1, "thermostat_time": 100.0}


def primitive() -> Atoms:
    """Return a crystal in a cell that is not in standard orientation."""
    return bulk("Ar", a=5.4) * 2


def start(folder: Path, **options: object) -> Dynamics:
    folder.mkdir(exist_ok=True)
    return Dynamics(thermalised(primitive(), 300.0, seed=1), Springs(primitive()), HOT)


def go(dynamics: Dynamics, folder: Path, steps: int, suffix: str = ".extxyz", **more) -> Recording:
    return record(dynamics, folder, steps=steps, interval=3, suffix=suffix, options=OPTIONS, **more)


def rows(folder: Path) -> list[dict[str, str]]:
    with open(folder / "thermodynamics.csv", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("suffix", [".extxyz", ".traj", ".h5", ".xtc", ".dcd"])
def test_a_stopped_run_leaves_usable_files_and_goes_on_as_one(tmp_path: Path, suffix: str):
    if suffix == ".h5":
        pytest.importorskip("tables")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    go(start(whole), whole, 12, suffix)
    dynamics = start(parts)
    stopped = go(dynamics, parts, 12, suffix, stop=lambda: "enough" if dynamics.step == 7 else None)
    assert (stopped.steps, stopped.stopped) == (7, "enough")
    assert [int(row["step"]) for row in rows(parts)] == [0, 3, 6]
    final = ase.io.read(parts / "final.extxyz")
    assert np.allclose(final.positions, stopped.final.positions, atol=1e-8)
    state = read_restart(parts / "restart.json", OPTIONS)
    finished = go(Dynamics.resume(state, Springs(primitive())), parts, 12, suffix)
    assert (finished.steps, finished.stopped) == (12, None)
    for name in ("thermodynamics.csv", "final.extxyz", "restart.json"):
        assert (parts / name).read_bytes() == (whole / name).read_bytes()
    name = f"trajectory{suffix}"
    if suffix in (".extxyz", ".xtc"):
        assert (parts / name).read_bytes() == (whole / name).read_bytes()
    assert not list(parts.glob(".*"))


@pytest.mark.parametrize("suffix", [".h5", ".xtc", ".dcd"])
def test_distances_survive_in_the_formats_of_mdtraj(tmp_path: Path, suffix: str):
    """mdtraj takes a standard orientation for granted, ASE's primitive cells have another."""
    if suffix == ".h5":
        pytest.importorskip("tables")
    run = run_nve(start(tmp_path).frame, Springs(primitive()), timestep=2.0, steps=4, interval=2)
    write_trajectory(tmp_path / f"run{suffix}", run.frames)
    topology = {} if suffix == ".h5" else {"top": tmp_path / "topology.pdb"}
    read = mdtraj.load(tmp_path / f"run{suffix}", **topology)
    assert [atom.element.symbol for atom in read.topology.atoms] == ["Ar"] * 8
    pairs = read.topology.select_pairs("all", "all")
    for frame, distances in zip(
        run.frames, 10 * mdtraj.compute_distances(read, pairs), strict=True
    ):
        expected = frame.get_all_distances(mic=True)[tuple(pairs.T)]
        assert np.abs(distances - expected).max() < (0.02 if suffix == ".xtc" else 1e-5)
    if suffix != ".dcd":
        assert read.time == pytest.approx([0.0, 0.004, 0.008])


def test_hdf5_keeps_velocities_and_energies(tmp_path: Path):
    pytest.importorskip("tables")
    run = run_nve(start(tmp_path).frame, Springs(primitive()), timestep=2.0, steps=2)
    write_trajectory(tmp_path / "run.h5", run.frames)
    with HDF5TrajectoryFile(str(tmp_path / "run.h5")) as file:
        content = file.read()
    last = run.frames[-1]
    speeds = np.linalg.norm(last.get_velocities(), axis=1) * units.fs * 100.0  # Å/fs to nm/ps
    assert np.linalg.norm(content.velocities[-1], axis=1) == pytest.approx(speeds, rel=1e-5)
    in_ev = units.kJ / units.mol
    assert content.potentialEnergy[-1] * in_ev == pytest.approx(
        last.get_potential_energy(), rel=1e-5
    )
    assert content.kineticEnergy[-1] * in_ev == pytest.approx(last.get_kinetic_energy(), rel=1e-5)


def test_molecules_are_residues_with_bonds():
    pair = molecule("H2O") + molecule("CH4")
    pair.positions[3:] += 8.0
    topology = to_topology(pair)
    assert [residue.n_atoms for residue in topology.residues] == [3, 5]
    assert topology.n_bonds == 2 + 4
    crystal = to_topology(bulk("Si", cubic=True))
    assert (crystal.n_residues, crystal.n_bonds) == (1, 0)
    mixed = pair[[0, 3, 1, 2, 4, 5, 6, 7]]
    assert to_topology(mixed).n_residues == 1


def test_the_table_has_the_numbers_of_the_frames(tmp_path: Path):
    run = go(start(tmp_path), tmp_path, 6)
    frames = ase.io.read(tmp_path / "trajectory.extxyz", ":")
    table = rows(tmp_path)
    assert [frame.info["step"] for frame in frames] == [0, 3, 6]
    for frame, row in zip(frames, table, strict=True):
        assert float(row["time_ps"]) == pytest.approx(frame.info["time_fs"] / 1000.0)
        assert float(row["potential_energy_eV"]) == pytest.approx(frame.get_potential_energy())
        assert float(row["kinetic_energy_eV"]) == pytest.approx(
            frame.get_kinetic_energy(), rel=1e-5
        )
        assert float(row["volume_A3"]) == pytest.approx(frame.get_volume())
        assert row["conserved_energy_eV"] == "nan"
    assert run.thermodynamics.summary()["drift_of_conserved_energy_meV_per_atom_ps"] is None
    assert json.loads((tmp_path / "restart.json").read_text())["state"]["step"] == 6


def test_a_run_that_blows_up_leaves_its_last_good_frame(tmp_path: Path):
    atoms = bulk("Cu", cubic=True) * 2
    atoms.positions[7] = atoms.positions[3] + [0.0, 0.0, 0.3]
    dynamics = Dynamics(
        atoms, LennardJones(sigma=2.3, epsilon=0.4, rc=5.0), Conditions(Ensemble.NVE, 2.0)
    )
    with pytest.raises(UnstableRunError, match=r"atom [37] \(Cu\).*last-good\.extxyz'"):
        go(dynamics, tmp_path, 50)
    good = ase.io.read(tmp_path / "last-good.extxyz")
    assert np.isfinite(good.positions).all()
    assert len(ase.io.read(tmp_path / "trajectory.extxyz", ":")) >= 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_after_a_step(tmp_path: Path, number: int):
    dynamics = start(tmp_path)
    before = signal.getsignal(number)

    def progress(*_: object) -> None:
        raise AssertionError("a short run tells nothing before its end")

    with Interruption() as interruption:

        def stop() -> str | None:
            if dynamics.step == 4:
                os.kill(os.getpid(), number)
            return interruption.reason()

        run = go(dynamics, tmp_path, 1000, stop=stop, progress=progress)
    assert signal.getsignal(number) is before
    assert run.steps in (4, 5)
    assert run.stopped == f"{signal.Signals(number).name} received"
    assert read_restart(tmp_path / "restart.json", OPTIONS)["step"] == run.steps


def test_another_run_is_not_resumed(tmp_path: Path):
    go(start(tmp_path), tmp_path, 3)
    path = tmp_path / "restart.json"
    with pytest.raises(InputError, match="has seed 1, and seed 2 is asked for"):
        read_restart(path, {**OPTIONS, "seed": 2})
    with pytest.raises(InputError, match=r"no run to resume: .*Start it without --resume"):
        read_restart(tmp_path / "missing.json", OPTIONS)
    content = path.read_text()
    path.write_text(content[: len(content) // 2])
    with pytest.raises(InputError, match="no restart file, or damaged"):
        read_restart(path, OPTIONS)


def test_files_of_another_run_are_not_continued(tmp_path: Path):
    dynamics = start(tmp_path)
    go(dynamics, tmp_path, 6)
    write_restart(tmp_path / "restart.json", dynamics.state, OPTIONS)
    lines = (tmp_path / "trajectory.extxyz").read_text().splitlines(keepends=True)
    (tmp_path / "trajectory.extxyz").write_text("".join(lines[:10]))
    state = read_restart(tmp_path / "restart.json", OPTIONS)
    with pytest.raises(InputError, match="holds 1 frames, and 3 were written"):
        go(Dynamics.resume(state, Springs(primitive())), tmp_path, 9)
    assert len((tmp_path / "trajectory.extxyz").read_text().splitlines()) == 10


def test_fewer_steps_than_done_are_refused(tmp_path: Path):
    dynamics = start(tmp_path)
    go(dynamics, tmp_path, 6)
    with pytest.raises(InputError, match="6 steps are done, more than the 3 in total"):
        next(dynamics.advance(3))


def test_an_unknown_format_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"choose \.extxyz, \.traj, \.h5"):
        write_trajectory(tmp_path / "run.mp4", [start(tmp_path).frame])


@pytest.mark.parametrize("suffix", [".extxyz", ".traj"])
def test_a_full_disk_leaves_whole_frames_and_the_run_can_go_on(tmp_path: Path, suffix: str):
    """The largest size of files stands in for the disk: writing fails in the midst of a frame."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    go(start(whole), whole, 30, suffix)
    trajectory = parts / f"trajectory{suffix}"
    dynamics = start(parts)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (7000, before[1]))
    try:
        with pytest.raises(OSError, match=re.escape(str(trajectory))):
            go(dynamics, parts, 30, suffix)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    if suffix == ".extxyz":
        assert 1 < len(ase.io.read(trajectory, ":")) < 11
    state = read_restart(parts / "restart.json", OPTIONS)
    go(Dynamics.resume(state, Springs(primitive())), parts, 30, suffix)
    for name in ("thermodynamics.csv", "final.extxyz", "restart.json", trajectory.name):
        if suffix == ".extxyz" or name != trajectory.name:
            assert (parts / name).read_bytes() == (whole / name).read_bytes()
    assert len(ase.io.read(trajectory, ":")) == 11
