"""Trajectories read back, whichever program wrote them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ase.io
import mdtraj
import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from mdtraj.formats import HDF5TrajectoryFile

from ..errors import InputError
from ..units import ANGSTROM_TO_NM, FS_TO_PS
from .mdtraj_conversion import VELOCITY_TO_NM_PER_PS
from .quiet import without_output
from .trajectory import TIME, Trajectory
from .trajectory_writers import TOPOLOGY

DUMPS = (".lammpstrj", ".dump", ".lammpsdump")
"""Suffixes of what LAMMPS writes with `dump custom`."""


def read_trajectory(
    path: Path,
    *,
    timestep: float | None = None,
    frame_time: float | None = None,
    elements: str | Sequence[str] = (),
    topology: Path | None = None,
) -> Trajectory:
    """Read a trajectory in any format of ASE, a dump of LAMMPS, or HDF5, XTC or DCD.

    Parameters
    ----------
    path : Path
    timestep : float, optional
        Time step in fs of the run that wrote a dump, which holds numbers of steps only.
    frame_time : float, optional
        Time in fs between frames of files that do not know it.
    elements : str or sequence of str
        Elements, as "Si O", of the atom types 1, 2, ... of a dump without elements.
    topology : Path, optional
        File with the elements for XTC and DCD; ``topology.pdb`` beside the file if not given.

    Returns
    -------
    Trajectory
        Its positions are unwrapped.

    Raises
    ------
    InputError
        If the file cannot be read, or something is missing that has to be given.
    """
    if not path.is_file():
        raise InputError(f"there is no trajectory '{path}'; check the path")
    if path.suffix in DUMPS:
        names = elements.split() if isinstance(elements, str) else elements
        return _read_dump(path, timestep, names)
    if path.suffix == ".h5":
        return _read_hdf5(path)
    if path.suffix in (".xtc", ".dcd"):
        return _read_positions(path, topology or path.with_name(TOPOLOGY), frame_time)
    frames = _read_with_ase(path)
    if all(TIME in frame.info for frame in frames):
        return Trajectory(np.array([frame.info[TIME] for frame in frames]), tuple(frames))
    return Trajectory(_times(path, len(frames), frame_time), _unwrapped(frames))


@contextmanager
def _told_in_words(path: Path) -> Iterator[None]:
    """Let readers, which raise whatever they stumble over, raise an `InputError`."""
    try:
        yield
    except (InputError, ImportError):
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
        raise InputError(f"cannot read '{path}' as a trajectory: {reason}") from error


def _read_with_ase(path: Path, **options: Any) -> list[Atoms]:
    with _told_in_words(path):
        return list(ase.io.iread(path, index=":", **options))


def _times(path: Path, frames: int, frame_time: float | None) -> np.ndarray:
    if frames == 1:
        return np.zeros(1)
    if frame_time is None:
        raise InputError(
            f"'{path}' does not know its times; give frame_time (--frame-time), the time between "
            "frames, fs"
        )
    if not frame_time > 0.0:
        raise InputError(f"the time between frames is {frame_time} fs; it must be positive")
    return frame_time * np.arange(frames)


def _read_dump(path: Path, timestep: float | None, elements: Sequence[str]) -> Trajectory:
    if timestep is None:
        raise InputError(
            f"'{path}' is a dump of LAMMPS, which holds numbers of steps; give timestep "
            "(--timestep), fs"
        )
    columns = _dump_columns(path)
    if "element" not in columns and not elements:
        raise InputError(
            f"'{path}' has no elements, only atom types; give elements (--elements), those of "
            "types 1, 2, ..., or write the dump with `element` and `dump_modify ... element`"
        )
    for name in elements:
        if name not in chemical_symbols[1:]:
            raise InputError(
                f"'{name}' is no chemical element; give those of the atom types 1, 2, ..."
            )
    frames = _read_with_ase(path, format="lammps-dump-text", specorder=list(elements) or None)
    times = timestep * np.array([frame.info["timestep"] for frame in frames], dtype=float)
    unwrapped = {"xu", "yu", "zu"} <= columns or {"xsu", "ysu", "zsu"} <= columns
    return Trajectory(times, tuple(frames) if unwrapped else _unwrapped(frames))


def _dump_columns(path: Path) -> set[str]:
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("ITEM: ATOMS"):
                return set(line.split()[2:])
    raise InputError(f"'{path}' holds no frame of a dump of LAMMPS")


def _read_hdf5(path: Path) -> Trajectory:
    try:
        with _told_in_words(path), HDF5TrajectoryFile(str(path)) as file:
            content, topology = file.read(), file.topology
    except ImportError as error:
        raise InputError(f"'{path}' needs the package tables: pip install tables") from error
    frames = _frames(topology, content.coordinates, content.cell_lengths, content.cell_angles)
    if content.velocities is not None:
        for frame, velocities in zip(frames, content.velocities, strict=True):
            frame.set_velocities(velocities.astype(float) / VELOCITY_TO_NM_PER_PS)
    return Trajectory(content.time.astype(float) / FS_TO_PS, tuple(frames))


def _read_positions(path: Path, topology: Path, frame_time: float | None) -> Trajectory:
    if not topology.is_file():
        raise InputError(f"'{path}' holds no elements, and there is no '{topology}' with them")
    with _told_in_words(path), without_output():
        read = mdtraj.load(str(path), top=str(topology))
    frames = _frames(read.topology, read.xyz, read.unitcell_lengths, read.unitcell_angles)
    if path.suffix == ".dcd":
        return Trajectory(_times(path, len(frames), frame_time), tuple(frames))
    return Trajectory(read.time.astype(float) / FS_TO_PS, tuple(frames))


def _frames(
    topology: mdtraj.Topology,
    positions: np.ndarray,
    lengths: np.ndarray | None,
    angles: np.ndarray | None,
) -> list[Atoms]:
    symbols = [atom.element.symbol for atom in topology.atoms]
    frames = []
    for index, coordinates in enumerate(positions):
        cell = None
        if lengths is not None and angles is not None:
            cell = [*(lengths[index] / ANGSTROM_TO_NM), *angles[index]]
        frames.append(
            Atoms(symbols, coordinates.astype(float) / ANGSTROM_TO_NM, cell=cell, pbc=bool(cell))
        )
    return frames


def _unwrapped(frames: Sequence[Atoms]) -> tuple[Atoms, ...]:
    """Undo jumps by a cell vector between one frame and the next, in place."""
    for before, frame in itertools.pairwise(frames):
        if frame.cell.rank < 3 or not frame.pbc.any() or len(before) != len(frame):
            continue
        jumps = before.cell.scaled_positions(before.positions)
        jumps = np.round(frame.cell.scaled_positions(frame.positions) - jumps)
        frame.positions -= (jumps * frame.pbc) @ frame.cell.array
    return tuple(frames)
