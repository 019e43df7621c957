"""Structures from files and into files, in any format of ASE."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import ase.io
from ase import Atoms
from ase.io.formats import UnknownFileTypeError, filetype, ioformats, parse_filename

from ..data.read import read_frames
from ..errors import InputError
from ..files import written_beside


def read_structures(path: Path) -> list[Atoms]:
    """Read the structures of a file, or those that ASE's ``FILE@index`` chooses.

    They come without calculators.

    Raises
    ------
    InputError
        If the file is missing, empty or cannot be read, or has no such structure.
    """
    name, index = parse_filename(str(path))
    structures = [frame.atoms for frame in read_frames(Path(name))]
    for atoms in structures:
        atoms.calc = None
    if index is None:
        return structures
    try:
        chosen = structures[index]
    except (IndexError, TypeError):
        chosen = []
    if not chosen:
        raise InputError(
            f"'{path}' chooses nothing of {len(structures)} structures; the first is '{name}@0', "
            f"the last '{name}@{len(structures) - 1}'"
        )
    return chosen if isinstance(chosen, list) else [chosen]


def read_structure(path: Path) -> Atoms:
    """Read the only structure of a file.

    Raises
    ------
    InputError
        If there are several, or none that can be read.
    """
    structures = read_structures(path)
    if len(structures) > 1:
        raise InputError(
            f"'{path}' holds {len(structures)} structures where one is needed; choose it as "
            f"'{path}@0' to '{path}@{len(structures) - 1}'"
        )
    return structures[0]


def require_format(path: Path, structures: int) -> None:
    """Check, before long work, that ASE can write so many structures in the format of a suffix.

    Raises
    ------
    InputError
        If it cannot.
    """
    try:
        found = ioformats.get(filetype(str(path), read=False))
    except UnknownFileTypeError:
        found = None
    if found is None or not found.can_write:
        raise InputError(
            f"'{path}' has no suffix that ASE writes; choose another --output, as NAME.extxyz"
        )
    if structures > 1 and found.single:
        raise InputError(
            f"'{path}' holds one structure and there are {structures}; choose another --output, as "
            "NAME.extxyz"
        )


def write_structures(path: Path, structures: Sequence[Atoms]) -> None:
    """Write structures, and what their calculators know, in the format of the suffix."""
    with written_beside(path) as beside:
        ase.io.write(beside, structures)
