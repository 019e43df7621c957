"""Writing files so that a crash never leaves half of one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import InputError


def require_folder(path: Path) -> None:
    """Check that there is a folder to write a file into; to be asked before long work.

    Raises
    ------
    InputError
        If there is none.
    """
    if not path.parent.is_dir():
        raise InputError(f"cannot write '{path}': there is no folder '{path.parent}'; make it")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a crash, or a full disk, leaves either the old or the new one."""
    with written_beside(path) as beside:
        beside.write_bytes(content)


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Give a path of the same suffix to write to; what is there in the end becomes ``path``.

    For writers that want a file name. After an error the old file stays.

    Raises
    ------
    InputError
        If there is no folder for ``path``.
    OSError
        With the name of the file, if it cannot be written.
    """
    require_folder(path)
    beside = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        with named_in_errors(path):
            yield beside
            with open(beside, "rb") as file:
                os.fsync(file.fileno())
            os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def named_in_errors(path: Path) -> Iterator[None]:
    """Let errors of writing, as that the disk is full, tell which file it was."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


class GrowingFile:
    """A text file that grows by whole pieces: where the disk is full, no part of one stays.

    Parameters
    ----------
    path : Path
        The file; what it holds stays.
    """

    def __init__(self, path: Path) -> None:
        # Without a buffer, so that a crash of the program loses no piece either.
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115 (closed by its owner)

    def append(self, piece: str) -> None:
        """Write a piece at the end."""
        end, rest = self._file.tell(), piece.encode()
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            self._file.truncate(end)
            raise

    def close(self) -> None:
        """Finish the file."""
        self._file.close()
