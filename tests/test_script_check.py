"""Code in a potential file that does more than compute is refused before torch sees it."""

from __future__ import annotations

import io
import warnings
import zipfile
from pathlib import Path

import pytest
import torch

from gaunt_md import potential_file
from gaunt_md.archive import pack, unpack
from gaunt_md.errors import PotentialFileError
from gaunt_md.script_check import check_code


class WritesWhenLoaded(torch.nn.Module):
    """What a scripted ``__setstate__`` can do: torch runs it while it loads the file."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x

    @torch.jit.export
    def __getstate__(self) -> tuple[str, bool]:
        return self.path, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[str, bool]) -> None:
        self.path = state[0]
        self.training = state[1]
        torch.save(torch.ones(1), self.path)


class ReadsFile(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.from_file("/etc/hostname", size=1, dtype=torch.uint8)


class LoopsForEver(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        while bool((x > -1).all()):
            x = x + 1
        return x


class ChangesTheSeed(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(0)
        return x


def sealed(module: torch.nn.Module, manifest_of: Path) -> bytes:
    """Return a file that is in every respect a potential file, but for its code."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(module), buffer)
    with zipfile.ZipFile(buffer) as archive:
        entries = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    entries["extra/manifest.json"] = unpack(manifest_of.read_bytes(), "")["extra/manifest.json"]
    return pack(entries)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (WritesWhenLoaded, "defines __getstate__|defines __setstate__|uses 'save'"),
        (ReadsFile, "uses 'from_file'"),
        (LoopsForEver, "a loop without a bound"),
        (ChangesTheSeed, r"uses 'torch\.manual_seed'"),
    ],
)
def test_hostile_modules_are_refused_unseen_by_torch(
    module: type[torch.nn.Module], message: str, potential_file_float64: Path, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    hostile = tmp_path / "hostile.pt"
    arguments = [str(trace)] if module is WritesWhenLoaded else []
    hostile.write_bytes(sealed(module(*arguments), potential_file_float64))
    for reader in (potential_file.read_manifest, potential_file.load):
        with pytest.raises(PotentialFileError, match=message):
            reader(hostile)
    assert not trace.exists()


def code(statement: str) -> dict[str, bytes]:
    """Return an archive whose only function has this statement."""
    text = (
        "class Potential(Module):\n"
        "  weight : Tensor\n"
        '  __annotations__["0"] = __torch__.other.Layer\n'
        "  def forward(self: __torch__.Potential, x: Tensor) -> Tensor:\n"
        f"    {statement}\n"
        "    return x\n"
    )
    return {"code/__torch__.py": text.encode()}


@pytest.mark.parametrize(
    "statement",
    [
        "y = torch.add(x, self.weight)",
        "y = torch.autograd.grad([x], [x], None, None, False, True)",
        'y = (getattr(self, "0")).forward(x, )',
        "y = ops.prim.dtype(x)",
        "y = ops.gaunt.convolution(x)",
        "y = CONSTANTS.c0",
        "f = __torch__.gaunt_md.model.edges.edge_table",
        'ops.prim.RaiseException("no")',
    ],
)
def test_what_a_potential_needs_is_allowed(statement: str) -> None:
    check_code(code(statement), "x.pt")


@pytest.mark.parametrize(
    "statement",
    [
        'y = torch.save(x, "f")',
        'y = torch.from_file("f")',
        'f = torch.save; f(x, "f")',
        'y = x.save("f")',
        'y = (torch.add(x, x)).save("f")',
        'y = getattr(x, "save")("f")',
        'y = getattr(x, "sa" + "ve")("f")',
        "y = x.undeclared",
        'y = ops.aten.save(x, "f")',
        "y = ops.c10d.send(x)",
        "y = ops.prim.rpc_sync(x)",
        "y = ops.profiler._record_function_enter(x)",
        "y = __torch__.torch.classes.quantized.LinearPackedParamsBase",
        "y = torch.ops.aten.save",
        "y = torch._C.anything",
        "import os",
        "from os import system",
        "while True: y = x",
        "y = (",
        "y = " + "(" * 5000 + ")" * 5000,
    ],
)
def test_what_it_does_not_need_is_refused(statement: str) -> None:
    with pytest.raises(PotentialFileError, match=r"x\.pt"):
        check_code(code(statement), "x.pt")


def test_code_that_is_no_text_is_refused() -> None:
    with pytest.raises(PotentialFileError, match="cannot be read"):
        check_code({"code/x.py": b"\xff\xfe\x00"}, "x.pt")


def test_function_named_like_a_file_operator_does_not_open_a_back_door() -> None:
    hostile = code('y = x.save("f")')
    hostile["code/other.py"] = b"def save(self) -> None:\n  pass\n"
    with pytest.raises(PotentialFileError, match="uses 'save'"):
        check_code(hostile, "x.pt")
