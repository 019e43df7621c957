"""The archive of a potential file: a zip that torch can read, with a digest for every entry.

torch reads its own archives without looking at their checksums, and most flipped bits give other
numbers without a word. So ``extra/integrity.txt`` lists the SHA-256 of every other entry, in the
format of ``sha256sum``, and nothing is used before all of them have been verified. This module
is plain Python: it runs nothing from the file and needs no torch.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
import zipfile
from collections.abc import Mapping

from .errors import PotentialFileError

FORMAT = 1
MANIFEST = "extra/manifest.json"
INTEGRITY = "extra/integrity.txt"

_FIRST_LINE = "gaunt-md potential, format {}"
_AGAIN = "Copy or download it again."
_UNREADABLE = (
    zipfile.BadZipFile,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
    struct.error,
)


def pack(entries: Mapping[str, bytes]) -> bytes:
    """Return the archive of some entries as bytes, digests added.

    Parameters
    ----------
    entries : mapping from path (without the archive's top folder) to content
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path, content in {**entries, INTEGRITY: _integrity(entries).encode()}.items():
            # Without a date of its own, the same potential always gives the same bytes.
            archive.writestr(zipfile.ZipInfo(f"potential/{path}"), content)
    return buffer.getvalue()


def unpack(content: bytes, name: str) -> dict[str, bytes]:
    """Return the entries of an archive, all of them verified.

    Parameters
    ----------
    content : bytes
    name : str
        The file's name, for messages.

    Raises
    ------
    PotentialFileError
        If it is no such archive, is truncated or damaged, or has a format of the future.
    """
    if not content.startswith(b"PK\x03\x04"):
        raise PotentialFileError(
            f"'{name}' is not a potential file: it is no zip archive. "
            "Potential files are written by `gaunt-md export`."
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = {_without_top_folder(info.filename): info for info in archive.infolist()}
            if INTEGRITY not in infos:
                raise PotentialFileError(
                    f"'{name}' is an archive, but not of gaunt-md: it has no {INTEGRITY}. "
                    "Potential files are written by `gaunt-md export`."
                )
            _check_stored(archive, [infos[INTEGRITY]], content, name)
            integrity = archive.read(infos[INTEGRITY]).decode()
            _check_format(integrity, name)
            _check_stored(archive, archive.infolist(), content, name)
            entries = {path: archive.read(info) for path, info in infos.items()}
    except _UNREADABLE as error:
        raise PotentialFileError(f"'{name}' is truncated or damaged: {error}. {_AGAIN}") from error
    del entries[INTEGRITY]
    _check_digests(entries, integrity, name)
    return entries


def _without_top_folder(path: str) -> str:
    return path.partition("/")[2]


def _integrity(entries: Mapping[str, bytes]) -> str:
    lines = [f"{hashlib.sha256(entries[path]).hexdigest()}  {path}" for path in sorted(entries)]
    return "\n".join([_FIRST_LINE.format(FORMAT), *lines]) + "\n"


def _check_format(integrity: str, name: str) -> None:
    first_line = integrity.partition("\n")[0]
    found = re.fullmatch(_FIRST_LINE.format(r"(\d+)"), first_line, re.ASCII)
    if found is None:
        raise PotentialFileError(
            f"'{name}' is not a potential file of gaunt-md: its {INTEGRITY} begins with "
            f"'{first_line[:60]}'. Potential files are written by `gaunt-md export`."
        )
    if int(found[1]) != FORMAT:
        remedy = (
            "Update it: pip install --upgrade gaunt-md"
            if int(found[1]) > FORMAT
            else "Write the file again with `gaunt-md export`, or use the version that wrote it."
        )
        raise PotentialFileError(
            f"'{name}' has format {found[1]} of potential files, this version of gaunt-md reads "
            f"format {FORMAT}. {remedy}"
        )


def _check_stored(
    archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo], content: bytes, name: str
) -> None:
    """Refuse what `pack` does not write and what could be read in two ways or without end."""
    plain = all(
        info.compress_type == zipfile.ZIP_STORED
        and info.compress_size == info.file_size
        and not info.flag_bits & 0x1
        for info in infos
    )
    names = [info.filename for info in archive.infolist()]
    one_folder = len({path.partition("/")[0] for path in names}) == 1
    size = sum(info.file_size for info in infos)
    if not plain or not one_folder or len(set(names)) < len(names) or size > len(content):
        raise PotentialFileError(f"'{name}' is damaged: its table of contents is wrong. {_AGAIN}")


def _check_digests(entries: Mapping[str, bytes], integrity: str, name: str) -> None:
    if integrity == _integrity(entries):
        return
    listed = {line[66:]: line[:64] for line in integrity.splitlines()[1:]}
    found = {path: hashlib.sha256(content).hexdigest() for path, content in entries.items()}
    wrong = [path for path in sorted({*listed, *found}) if listed.get(path) != found.get(path)]
    raise PotentialFileError(
        f"'{name}' is damaged: {', '.join(wrong[:3]) or INTEGRITY} is not what was written. "
        f"{_AGAIN}"
    )
