"""Trajectories of either engine come back with times, elements, velocities and distances."""

from __future__ import annotations

import subprocess
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from central_forces import Springs

from gaunt_md.errors import InputError
from gaunt_md.simulate.dynamics import run_nve
from gaunt_md.simulate.lammps_dynamics import find_program
from gaunt_md.simulate.trajectory import Trajectory
from gaunt_md.simulate.trajectory_reading import read_trajectory
from gaunt_md.simulate.trajectory_writers import write_trajectory
from gaunt_md.simulate.velocities import thermalised


@pytest.fixture
def run() -> Trajectory:
    crystal = bulk("Ar", a=5.4) * 2
    start = thermalised(crystal, 300.0, seed=1)
    return run_nve(start, Springs(crystal), timestep=2.0, steps=6, interval=2)


@pytest.mark.parametrize("suffix", [".extxyz", ".traj", ".h5"])
def test_times_and_speeds_come_back(run: Trajectory, tmp_path: Path, suffix: str):
    if suffix == ".h5":
        pytest.importorskip("tables")
    write_trajectory(tmp_path / f"run{suffix}", run.frames)
    read = read_trajectory(tmp_path / f"run{suffix}")
    assert read.times == pytest.approx(run.times, rel=1e-6)
    assert read.temperatures == pytest.approx(run.temperatures, rel=1e-5)
    for written, found in zip(run.frames, read.frames, strict=True):
        assert str(found.symbols) == str(written.symbols)
        expected = written.get_all_distances(mic=True)
        assert np.abs(found.get_all_distances(mic=True) - expected).max() < 1e-5


def test_formats_without_elements_or_times_ask_for_them(run: Trajectory, tmp_path: Path):
    write_trajectory(tmp_path / "run.xtc", run.frames)
    read = read_trajectory(tmp_path / "run.xtc")
    assert read.times == pytest.approx(run.times)
    assert not read.frames[0].has("momenta")
    write_trajectory(tmp_path / "run.dcd", run.frames)
    with pytest.raises(InputError, match="does not know its times; give frame_time"):
        read_trajectory(tmp_path / "run.dcd")
    assert read_trajectory(tmp_path / "run.dcd", frame_time=4.0).times[-1] == 12.0
    (tmp_path / "topology.pdb").unlink()
    with pytest.raises(InputError, match=r"holds no elements, and there is no '.*topology\.pdb'"):
        read_trajectory(tmp_path / "run.xtc")


def test_atoms_that_cross_the_cell_are_unwrapped_in_foreign_files(tmp_path: Path):
    frames = [
        Atoms("Ar2", [[0.2 * t, 0, 0], [2, 2, 2]], cell=[5, 5, 5], pbc=True) for t in range(60)
    ]
    for frame in frames:
        frame.wrap()
    ase.io.write(tmp_path / "foreign.xyz", frames, format="extxyz")
    read = read_trajectory(tmp_path / "foreign.xyz", frame_time=1.0)
    assert read.positions[:, 0, 0] == pytest.approx(0.2 * np.arange(60))


@pytest.mark.skipif(find_program("lmp") is None, reason="LAMMPS is not installed")
@pytest.mark.parametrize("columns", ["id element xu yu zu vx vy vz", "id type x y z vx vy vz"])
def test_dumps_of_lammps(tmp_path: Path, columns: str):
    """In a tilted cell, with steps of 2 fs; wrapped positions are unwrapped."""
    (tmp_path / "in.argon").write_text(f"""
units metal
region box prism 0 11 0 10 0 12 2 0 1
create_box 1 box
lattice fcc 5.4
create_atoms 1 box
mass 1 39.948
pair_style lj/cut 8.0
pair_coeff 1 1 0.0104 3.4
minimize 0 1e-3 50 100
reset_timestep 0
velocity all create 400.0 1
fix 1 all nve
timestep 0.002
thermo 25
dump 1 all custom 25 run.lammpstrj {columns}
dump_modify 1 sort id {"element Ar" if "element" in columns else ""} format float %.12g
run 300
""")
    subprocess.run(
        [find_program("lmp"), "-in", "in.argon"], cwd=tmp_path, check=True, capture_output=True
    )
    path = tmp_path / "run.lammpstrj"
    with pytest.raises(InputError, match="holds numbers of steps; give timestep"):
        read_trajectory(path, timestep=None)
    if "type" in columns:
        with pytest.raises(InputError, match="no elements, only atom types"):
            read_trajectory(path, timestep=2.0)
    read = read_trajectory(path, timestep=2.0, elements=["Ar"] if "type" in columns else [])
    assert read.times.tolist() == [50.0 * frame for frame in range(13)]
    assert set(read.frames[0].get_chemical_symbols()) == {"Ar"}
    thermo = (tmp_path / "log.lammps").read_text().split("Step          Temp")[-1].splitlines()[1]
    assert read.temperatures[0] == pytest.approx(float(thermo.split()[1]), rel=1e-4)
    steps = np.abs(np.diff(read.positions, axis=0)).max()
    assert 0.01 < steps < 1.0


def test_what_is_no_trajectory_is_said(tmp_path: Path):
    with pytest.raises(InputError, match="there is no trajectory"):
        read_trajectory(tmp_path / "missing.traj")
    (tmp_path / "empty.lammpstrj").write_text("nothing\n")
    with pytest.raises(InputError, match="holds no frame of a dump"):
        read_trajectory(tmp_path / "empty.lammpstrj", timestep=1.0)
    (tmp_path / "bad.traj").write_text("nothing\n")
    with pytest.raises(InputError, match=r"cannot read '.*bad\.traj' as a trajectory"):
        read_trajectory(tmp_path / "bad.traj")


@pytest.mark.parametrize("suffix", [".h5", ".xtc", ".dcd"])
def test_a_damaged_file_of_mdtraj_is_said_in_one_line(run: Trajectory, tmp_path: Path, suffix: str):
    if suffix == ".h5":
        pytest.importorskip("tables")
    path = tmp_path / f"run{suffix}"
    write_trajectory(path, run.frames)
    path.write_bytes(path.read_bytes()[:290])
    with pytest.raises(InputError, match=f"cannot read '.*run{suffix}' as a trajectory: .") as told:
        read_trajectory(path, frame_time=4.0)
    assert "\n" not in str(told.value)


def test_nothing_is_printed_when_a_file_is_read(
    run: Trajectory, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    """Or results in JSON could not be read after those of dcd, whose reader talks."""
    write_trajectory(tmp_path / "run.dcd", run.frames)
    read_trajectory(tmp_path / "run.dcd", frame_time=4.0)
    assert capfd.readouterr() == ("", "")
