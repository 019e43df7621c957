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
    """
    require_folder(path)
    beside = path.with_name(f".{os.getpid()}.{path.name}")
    try:
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
