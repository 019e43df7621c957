"""Files that are no potentials, or not whole ones: LAMMPS names the file and what to do."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from lammps_runs import refusal, setup, style
from samples import make_potential, silicon_oxide
from torch import Tensor

from gaunt_md import potential_file
from gaunt_md.archive import INTEGRITY, MANIFEST, pack


def rewritten(content: bytes, change) -> bytes:
    """Return a potential file with one entry changed by ``change(path, bytes) -> bytes | None``."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(result, "w") as new:
        for info in old.infolist():
            entry = change(info.filename, old.read(info))
            if entry is not None:
                new.writestr(zipfile.ZipInfo(info.filename), entry)
    return result.getvalue()


def of_format(number: bytes) -> Callable[[str, bytes], bytes]:
    return lambda path, entry: (
        entry.replace(b"format 1\n", b"format %s\n" % number, 1) if "integrity" in path else entry
    )


def flipped_bit(path: str, entry: bytes) -> bytes:
    return bytes([entry[0] ^ 1]) + entry[1:] if path.endswith("data/0") else entry


def other_code(path: str, entry: bytes) -> bytes:
    return entry + b"\n" if path.endswith(".py") else entry


def without_a_digest(path: str, entry: bytes) -> bytes:
    return entry.replace(b"  data/1\n", b"  data/x\n", 1) if "integrity" in path else entry


def unreadable_digests(path: str, entry: bytes) -> bytes:
    return entry + b"and so on" if "integrity" in path else entry


def damaged_header(content: bytes) -> bytes:
    """Return an archive in which one of two descriptions of an entry is wrong."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        start = archive.getinfo("potential/data/1").header_offset
    return content[:start] + b"NO" + content[start + 2 :]


def without_a_constant(path: str, entry: bytes) -> bytes | None:
    return None if path.endswith("data/1") else entry


def without_integrity(path: str, entry: bytes) -> bytes | None:
    return None if "integrity" in path else entry


DAMAGES = {
    "future format": (
        lambda b: rewritten(b, of_format(b"12")),
        "has format 12, this plugin reads format 1: update gaunt-md",
    ),
    "past format": (
        lambda b: rewritten(b, of_format(b"0")),
        "has format 0, this plugin reads format 1: write it again with `gaunt-md export`",
    ),
    "no format at all": (
        lambda b: rewritten(b, of_format(b"")),
        "is not a gaunt-md potential",
    ),
    "format beyond numbers": (
        lambda b: rewritten(b, of_format(b"1" * 20)),
        "is not a gaunt-md potential",
    ),
    "flipped bit": (lambda b: rewritten(b, flipped_bit), "is damaged (wrong checksum of"),
    "other code": (lambda b: rewritten(b, other_code), "is damaged (wrong checksum of"),
    "missing entry": (lambda b: rewritten(b, without_a_constant), " records instead of "),
    "unknown entry": (
        lambda b: rewritten(b, without_a_digest),
        "is damaged (a record is unknown): get a fresh copy",
    ),
    "unreadable digests": (
        lambda b: rewritten(b, unreadable_digests),
        "is damaged (extra/integrity.txt is malformed): get a fresh copy",
    ),
    "damaged header": (damaged_header, "is truncated or damaged: get a fresh copy"),
    "foreign archive": (lambda b: rewritten(b, without_integrity), "is not a gaunt-md potential"),
    "truncated": (lambda b: b[: len(b) // 2], "is truncated or damaged"),
    "one byte short": (lambda b: b[:-1], "is truncated or damaged"),
    "empty": (lambda b: b"", "potential file 'broken.pt' is empty"),
    "text": (lambda b: b"# LAMMPS potential\n1 2 3\n", "is not a gaunt-md potential"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files(damage: str, potential_file_float64: Path, tmp_path: Path) -> None:
    damaged, expected = DAMAGES[damage]
    (tmp_path / "broken.pt").write_bytes(damaged(potential_file_float64.read_bytes()))
    lines = [*setup(tmp_path, silicon_oxide()), "pair_style gaunt broken.pt"]
    message = refusal(tmp_path, lines, ranks=2 if damage in ("flipped bit", "unknown entry") else 1)
    assert expected in message
    assert "broken.pt" in message


def test_file_from_before_there_was_an_exchange(tmp_path: Path) -> None:
    """Python still reads it: nothing is exchanged there."""
    potential = make_potential("float64")
    frozen = potential.tabulated()
    del frozen.exchange_width
    potential.tabulated = lambda: frozen
    potential_file.save(potential, tmp_path / "old.pt", reference=silicon_oxide(), description={})
    potential_file.load(tmp_path / "old.pt")
    message = refusal(tmp_path, [*setup(tmp_path, silicon_oxide()), "pair_style gaunt old.pt"], 2)
    assert "'old.pt' was written by an older gaunt-md: write it again with" in message


# --- whole files that hold something else --------------------------------------------------------


class Foreign(torch.nn.Module):
    """What the plugin asks of a potential, but not its results."""

    def __init__(self, raises: bool) -> None:
        super().__init__()
        self.raises = raises
        self.elements = ["Si", "O"]
        self.cutoff = 4.0
        self.layers = 1
        self.exchange_width = 1
        self.register_buffer("embedding", torch.zeros(1))

    @torch.jit.export
    def evaluate(
        self, vectors: Tensor, centres: Tensor, neighbours: Tensor, species: Tensor, owned: int
    ) -> tuple[Tensor, Tensor]:
        if self.raises:
            raise RuntimeError("no such energies")
        return torch.zeros(owned + 1, dtype=torch.float64), torch.zeros_like(vectors)


def repacked(content: bytes, path: Path, change: Callable[[str, bytes], bytes]) -> None:
    """Write a potential file that has all digests, from an archive with changed entries."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    entries = {name: change(name, data) for name, data in entries.items() if name != INTEGRITY}
    path.write_bytes(pack({MANIFEST: b"{}"} | entries))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize(
    ("raises", "expected"),
    [
        (False, r"the potential gave \d+ numbers where \d+ are expected"),
        (True, "no such energies"),
    ],
)
def test_results_that_are_none(raises: bool, expected: str, ranks: int, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(Foreign(raises)), buffer)
    repacked(buffer.getvalue(), tmp_path / "foreign.pt", lambda name, data: data)
    lines = [*setup(tmp_path, silicon_oxide()), *style(tmp_path / "foreign.pt"), "run 0"]
    assert re.search(f"Pair style gaunt: .*{expected}", refusal(tmp_path, lines, ranks))


@pytest.mark.parametrize("ranks", [1, 2])
def test_operators_of_the_future(ranks: int, potential_file_float64: Path, tmp_path: Path) -> None:
    def newer(name: str, data: bytes) -> bytes:
        return data.replace(b"ops.gaunt.", b"ops.newer.") if name.endswith(".py") else data

    repacked(potential_file_float64.read_bytes(), tmp_path / "newer.pt", newer)
    message = refusal(tmp_path, [*setup(tmp_path, silicon_oxide()), *style("newer.pt")], ranks)
    assert "'newer.pt' does not suit this version: torch" in message
    assert "Unknown builtin op: newer::" in message
    assert "Update gaunt-md, or write the file again with `gaunt-md export`" in message
