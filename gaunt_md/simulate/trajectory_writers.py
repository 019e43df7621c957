"""Writing trajectories frame by frame, so that what is there is usable at any time."""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import mdtraj
import numpy as np
from ase import Atoms
from ase.io.extxyz import write_extxyz
from ase.io.trajectory import TrajectoryReader, TrajectoryWriter
from mdtraj.formats import DCDTrajectoryFile, HDF5TrajectoryFile, XTCTrajectoryFile

from ..errors import InputError
from ..files import GrowingFile, named_in_errors, written_beside
from ..units import ANGSTROM_TO_NM, EV_TO_KJ_PER_MOL, FS_TO_PS
from .mdtraj_conversion import standard_frame, to_topology
from .quiet import without_output
from .trajectory import STEP, TIME
from .velocities import temperature

TOPOLOGY = "topology.pdb"
"""File beside trajectories whose format knows no elements."""


class FrameWriter(Protocol):
    """What writes frames into an open file."""

    def write(self, frame: Atoms) -> None:
        """Add a frame, whose info holds its step and time."""

    def keep(self, path: Path, frames: int) -> None:
        """Add the first frames of another file of the same format."""

    def close(self) -> None:
        """Finish the file."""


class TrajectoryFile:
    """A trajectory that grows.

    Parameters
    ----------
    path : Path
        The file, its format told by the suffix: `.traj` and `.extxyz` keep everything, `.h5` all
        but forces and in float32, `.xtc` and `.dcd` positions and cells only.
    first : Atoms
        The first frame, or any other.
    keep : int
        Number of frames that stay of the file that is there; the others are dropped.

    Raises
    ------
    InputError
        If the suffix is unknown, what the format needs is not installed, or the file has fewer
        frames than are to be kept.
    """

    def __init__(self, path: Path, first: Atoms, keep: int = 0) -> None:
        if path.suffix not in WRITERS:
            raise InputError(f"'{path}' has no suffix of a trajectory; choose {', '.join(WRITERS)}")
        if path.suffix in (".xtc", ".dcd"):
            _write_topology(path.with_name(TOPOLOGY), first)
        self._path = path
        self._beside: Path | None = path.with_name(f".{os.getpid()}.{path.name}")
        self._writer: FrameWriter = WRITERS[path.suffix](self._beside, first)
        try:
            if keep:
                self._writer.keep(path, keep)
        except BaseException:
            self._writer.close()
            self._beside.unlink(missing_ok=True)
            raise
        self._publish()

    def write(self, frame: Atoms) -> None:
        """Add a frame, whose info holds its step and time."""
        with named_in_errors(self._path):
            self._writer.write(frame)
        self._publish()

    def close(self) -> None:
        """Finish the file."""
        with named_in_errors(self._path):
            self._writer.close()

    def _publish(self) -> None:
        """Give the open file its name; until then an old one stays. DCD files begin late."""
        if self._beside is not None and self._beside.exists():
            os.replace(self._beside, self._path)
            self._beside = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Traj:
    def __init__(self, path: Path, _first: Atoms) -> None:
        self._file = TrajectoryWriter(path, "w")

    def write(self, frame: Atoms) -> None:
        self._file.write(frame)

    def keep(self, path: Path, frames: int) -> None:
        with TrajectoryReader(path) as old:
            _require(path, len(old), frames)
            for index in range(frames):
                self.write(old[index])

    def close(self) -> None:
        self._file.close()


class _ExtXyz:
    def __init__(self, path: Path, first: Atoms) -> None:
        path.write_bytes(b"")
        self._file = GrowingFile(path)
        self._lines = len(first) + 2

    def write(self, frame: Atoms) -> None:
        text = io.StringIO()
        write_extxyz(text, [frame])
        self._file.append(text.getvalue())

    def keep(self, path: Path, frames: int) -> None:
        with open(path, encoding="utf-8") as old:
            kept = list(itertools.islice(old, frames * self._lines))
        _require(path, len(kept) // self._lines, frames)
        self._file.append("".join(kept))

    def close(self) -> None:
        self._file.close()


class _Mdtraj:
    """Formats of mdtraj, whose files read what they write."""

    _format: Any

    def __init__(self, path: Path, _first: Atoms) -> None:
        self._file = self._format(str(path), "w")

    def write(self, frame: Atoms) -> None:
        self._file.write(**self._content(frame))
        if hasattr(self._file, "flush"):
            self._file.flush()

    def _content(self, frame: Atoms) -> dict[str, Any]:
        raise NotImplementedError

    def keep(self, path: Path, frames: int) -> None:
        with without_output(), self._format(str(path), "r") as old:
            content = old.read(frames)
        _require(path, len(content[0]), frames)
        self._file.write(*content)

    def close(self) -> None:
        self._file.close()


class _Xtc(_Mdtraj):
    _format = XTCTrajectoryFile

    def _content(self, frame: Atoms) -> dict[str, Any]:
        found = standard_frame(frame)
        return {
            "xyz": found.positions.astype(np.float32)[None],
            "time": np.array([FS_TO_PS * frame.info[TIME]], dtype=np.float32),
            "step": np.array([frame.info[STEP]], dtype=np.int32),
            "box": found.box.astype(np.float32)[None],
        }


class _Dcd(_Mdtraj):
    _format = DCDTrajectoryFile

    def _content(self, frame: Atoms) -> dict[str, Any]:
        found = standard_frame(frame)
        content: dict[str, Any] = {"xyz": (found.positions / ANGSTROM_TO_NM)[None]}
        if found.lengths is not None and found.angles is not None:
            content["cell_lengths"] = (found.lengths / ANGSTROM_TO_NM)[None]
            content["cell_angles"] = found.angles[None]
        return {key: value.astype(np.float32) for key, value in content.items()}


class _Hdf5(_Mdtraj):
    _format = HDF5TrajectoryFile

    def __init__(self, path: Path, first: Atoms) -> None:
        try:
            super().__init__(path, first)
        except ImportError as error:
            raise InputError(
                f"'{path.suffix}' needs the package tables: pip install tables, or choose another "
                f"format among {', '.join(WRITERS)}"
            ) from error
        self._file.topology = to_topology(first)

    def _content(self, frame: Atoms) -> dict[str, Any]:
        found = standard_frame(frame)
        content = {
            "coordinates": found.positions[None],
            "time": FS_TO_PS * np.array([frame.info[TIME]]),
            "velocities": found.velocities[None],
            "kineticEnergy": EV_TO_KJ_PER_MOL * np.array([frame.get_kinetic_energy()]),
            "potentialEnergy": EV_TO_KJ_PER_MOL * np.array([frame.get_potential_energy()]),
            "temperature": np.array([temperature(frame)]),
        }
        if found.lengths is not None and found.angles is not None:
            content |= {"cell_lengths": found.lengths[None], "cell_angles": found.angles[None]}
        return {key: value.astype(np.float32) for key, value in content.items()}


WRITERS: dict[str, Any] = {
    ".extxyz": _ExtXyz,
    ".traj": _Traj,
    ".h5": _Hdf5,
    ".xtc": _Xtc,
    ".dcd": _Dcd,
}
"""What writes the format of a suffix."""


def write_trajectory(path: Path, frames: Iterable[Atoms]) -> None:
    """Write frames, whose info holds step and time, in the format of the suffix."""
    frames = iter(frames)
    first = next(frames)
    with TrajectoryFile(path, first) as file:
        for frame in itertools.chain([first], frames):
            file.write(frame)


def _write_topology(path: Path, atoms: Atoms) -> None:
    found = standard_frame(atoms)
    frame = mdtraj.Trajectory(
        found.positions[None],
        to_topology(atoms),
        unitcell_lengths=None if found.lengths is None else found.lengths[None],
        unitcell_angles=None if found.angles is None else found.angles[None],
    )
    with written_beside(path) as beside:
        frame.save_pdb(beside)


def _require(path: Path, found: int, expected: int) -> None:
    if found < expected:
        raise InputError(
            f"'{path}' holds {found} frames, and {expected} were written before the restart file; "
            "it is not of this run, or damaged. Start another run with another --output."
        )
