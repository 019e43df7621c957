"""Potential files: a TorchScript archive with a manifest that can be read without running it.

The file NAME.pt holds the scripted potential, ``extra/manifest.json`` that says what it is, and
``extra/integrity.txt`` with a digest of every entry (`gaunt_md.archive`). Before torch sees
anything of it, the digests are verified and the code is looked through
(`gaunt_md.script_check`); after that the potential must reproduce the energy, forces and virial
of a reference structure that the manifest carries. This protects against damage and mistakes.
It is not a sandbox: use potential files of people you trust.

This is the only module that knows TorchScript. torch is imported where it is needed, so that
reading a manifest stays cheap.
"""

from __future__ import annotations

import hashlib
import io
import json
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms

from . import __version__
from .archive import FORMAT, MANIFEST, pack, unpack
from .errors import InputError, PotentialFileError, closest
from .files import write_whole
from .resources import resource_folder
from .script_check import check_code

if TYPE_CHECKING:
    import torch

    from .model import Potential

_DESCRIPTION: dict[str, Any] = {
    "name": "",
    "licence": "",
    "training": {},
    "errors": {},
    "shortest_distances": {},
}

_WRITTEN = (
    "format",
    "elements",
    "cutoff",
    "layers",
    "channels",
    "dtype",
    "units",
    "reference_energies",
    "hyperparameters",
    "gaunt_md_version",
    "torch_version",
    "created",
    "reference",
)

# Relative deviations from the reference structure that another processor or version of torch
# may cause by summing in another order: some thousand units in the last place.
_TOLERANCES = {"float32": 2e-4, "float64": 1e-9}


@dataclass(frozen=True)
class PotentialFile:
    """A potential file in memory, its digests verified.

    Attributes
    ----------
    path : Path
        Where it was read.
    sha256 : str
        Digest of the whole file, as ``sha256sum`` prints it.
    content : bytes
        An archive of the entries that have been verified.
    manifest : dict
    """

    path: Path
    sha256: str
    content: bytes = field(repr=False)
    manifest: dict[str, Any] = field(repr=False)

    def load(self, *, check_reference: bool = True) -> torch.jit.ScriptModule:
        """Return the potential; see `load`."""
        module = _module(self.content, self.path)
        if check_reference:
            _check_reference(module, self.manifest, self.path)
        return module


def find(path_or_name: str | Path) -> Path:
    """Return the path of a potential file.

    Parameters
    ----------
    path_or_name : str or Path
        A file, or the name of a potential that comes with gaunt-md, as "si" or "si.pt". A file
        goes first.

    Raises
    ------
    PotentialFileError
        If there is neither.
    """
    path = Path(path_or_name)
    if path.is_file():
        return path
    shipped = shipped_potentials()
    if path.parent == Path() and path.name.removesuffix(".pt") in shipped:
        return shipped[path.name.removesuffix(".pt")]
    if path.exists():
        raise PotentialFileError(f"'{path}' is not a file. Give a potential file, NAME.pt.")
    raise PotentialFileError(
        f"there is no potential '{path}': no such file in {path.parent.resolve()}, and the "
        f"potentials that come with gaunt-md are: {', '.join(shipped) or 'none'}."
        f"{closest(path.name, shipped)}"
    )


def shipped_potentials() -> dict[str, Path]:
    """Return the paths of the potentials that come with gaunt-md, by name."""
    return {path.stem: path for path in sorted(resource_folder("potentials").glob("*.pt"))}


def read(path_or_name: str | Path) -> PotentialFile:
    """Read a potential file, verify its digests and look through its code; nothing is run.

    Raises
    ------
    PotentialFileError
        If it is missing, no potential file, truncated, damaged or of a future format, or if its
        code is refused.
    """
    path = find(path_or_name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PotentialFileError(f"'{path}' cannot be read: {error.strerror}") from error
    entries = unpack(content, str(path))
    check_code(entries, str(path))
    # torch reads zip files in its own way and may see something else in a damaged one; so it gets
    # an archive made of what has been verified.
    sha256 = hashlib.sha256(content).hexdigest()
    return PotentialFile(path, sha256, pack(entries), _manifest(entries, path))


def read_manifest(path_or_name: str | Path) -> dict[str, Any]:
    """Return what a potential file says of itself; errors as for `read`."""
    return read(path_or_name).manifest


def load(path_or_name: str | Path, *, check_reference: bool = True) -> torch.jit.ScriptModule:
    """Load a potential.

    Parameters
    ----------
    path_or_name : str or Path
        As for `find`.
    check_reference : bool
        Also make sure that it reproduces its reference structure here.

    Returns
    -------
    ScriptModule
        Interface of `gaunt_md.model.Potential`; its parameters need no gradients. Evaluate it with
        `gaunt_md.data.graph.evaluate`.

    Raises
    ------
    PotentialFileError
        As for `read`; and if torch cannot load it, or its numbers are not those of the
        reference.
    """
    return read(path_or_name).load(check_reference=check_reference)


def save(
    potential: Potential, path: str | Path, *, reference: Atoms, description: dict[str, Any]
) -> None:
    """Write a potential file; the old file of that name, if any, stays whole until the end.

    Parameters
    ----------
    potential : Potential
        It is not changed. The file holds its `Potential.tabulated` form: radial functions are
        splines, whose relative error the manifest states as "spline_error".
    path : str or Path
        NAME.pt
    reference : Atoms
        A small structure, whose energy, forces and virial the file carries.
    description : dict
        What people should know: "name", "licence", "training", "errors", "shortest_distances"
        (Å, by pair as "Si-O"), as far as known. JSON-able.

    Raises
    ------
    InputError
        If the description has other keys or values that JSON has not.
    """
    path = Path(path)
    frozen = potential.tabulated()
    entries = _script(frozen)
    check_code(entries, str(path))
    manifest = _describe(potential, path, description)
    manifest["spline_error"] = frozen.spline_error()
    manifest["reference"] = _reference(_module(pack(entries), path), reference)
    try:
        text = json.dumps(manifest, indent=1, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"the description of '{path}' cannot be written: {error}") from error
    entries[MANIFEST] = text.encode()
    content = pack(entries)
    _check_reference(_module(content, path), manifest, path)
    write_whole(path, content)


def scripted(frozen: Potential) -> torch.jit.ScriptModule:
    """Return what a file holds of a potential for use."""
    import torch

    with _quiet():
        return torch.jit.script(frozen)


def _script(frozen: Potential) -> dict[str, bytes]:
    """Return the entries of the archive that TorchScript makes of a potential for use."""
    import torch

    buffer = io.BytesIO()
    with _quiet():
        torch.jit.save(scripted(frozen), buffer)
    with zipfile.ZipFile(buffer) as archive:
        entries = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    # Debugging entries carry paths of the machine that wrote them.
    return {name: data for name, data in entries.items() if not name.endswith(".debug_pkl")}


def _module(content: bytes, path: Path) -> torch.jit.ScriptModule:
    """Return the potential in an archive that has been verified."""
    import torch

    from . import kernels  # noqa: F401  (its operators)

    try:
        # In inference mode, torch would make parameters that nothing can be differentiated with.
        with _quiet(), torch.inference_mode(False):
            module = torch.jit.load(io.BytesIO(content), map_location="cpu")
    except Exception as error:  # torch says it with exceptions of several types
        message = (str(error).strip() or repr(error)).splitlines()[0]
        raise PotentialFileError(
            f"torch {torch.__version__} cannot load '{path}': {message}"
        ) from error
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    return module.eval()


def _describe(potential: Potential, path: Path, description: dict[str, Any]) -> dict[str, Any]:
    import torch

    unknown = sorted(set(description) - set(_DESCRIPTION))
    if unknown:
        raise InputError(
            f"description has the key '{unknown[0]}'; it may have {', '.join(_DESCRIPTION)}."
            f"{closest(unknown[0], _DESCRIPTION)}"
        )
    options = potential.hyperparameters
    return {
        "format": FORMAT,
        **_DESCRIPTION,
        "name": path.stem,
        **description,
        "elements": options["elements"],
        "cutoff": options["cutoff"],
        "layers": options["layers"],
        "channels": options["channels"],
        "dtype": options["dtype"],
        "units": {"length": "Å", "energy": "eV"},
        "reference_energies": dict(
            zip(options["elements"], options["reference_energies"], strict=True)
        ),
        "hyperparameters": options,
        "gaunt_md_version": __version__,
        "torch_version": torch.__version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _manifest(entries: dict[str, bytes], path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(entries[MANIFEST])
        for key in (*_DESCRIPTION, *_WRITTEN):
            manifest[key]
    except (KeyError, TypeError, ValueError) as error:
        raise PotentialFileError(
            f"'{path}' has no manifest that can be understood ({error}); write it again with "
            "`gaunt-md export`"
        ) from error
    return manifest


def _reference(module: torch.jit.ScriptModule, atoms: Atoms) -> dict[str, Any]:
    """Return a structure and what the potential says of it, JSON-able."""
    from .data.graph import evaluate, own_settings
    from .data.neighbours import build_graph

    with own_settings():
        evaluation = evaluate(module, build_graph(atoms, module.elements, module.cutoff))
    return {
        "numbers": atoms.numbers.tolist(),
        "positions": atoms.positions.tolist(),
        "cell": atoms.cell.tolist(),
        "pbc": atoms.pbc.tolist(),
        "energy": evaluation.energies.item(),
        "forces": evaluation.forces.tolist(),
        "virial": evaluation.virials[0].tolist(),
    }


def _check_reference(module: torch.jit.ScriptModule, manifest: dict[str, Any], path: Path) -> None:
    expected = dict(manifest["reference"])
    structure = {key: expected[key] for key in ("numbers", "positions", "cell", "pbc")}
    if list(module.elements) != manifest["elements"] or module.cutoff != manifest["cutoff"]:
        raise PotentialFileError(
            f"'{path}' contradicts itself: its manifest names elements "
            f"{manifest['elements']} and cutoff {manifest['cutoff']} Å, its potential "
            f"{list(module.elements)} and {module.cutoff} Å. Write it again."
        )
    atoms = Atoms(**structure)
    found = _reference(module, atoms)
    # Energies of isolated atoms can be thousands of eV and would hide any other deviation.
    isolated = sum(manifest["reference_energies"][symbol] for symbol in atoms.symbols)
    for values in (expected, found):
        values["energy"] = (values["energy"] - isolated) / len(atoms)
    for quantity in ("energy", "forces", "virial"):
        there, here = np.asarray(expected[quantity]), np.asarray(found[quantity])
        deviation = np.abs(here - there).max() / (1.0 + np.abs(there).max())
        if not deviation < _TOLERANCES[manifest["dtype"]]:
            raise PotentialFileError(
                f"'{path}' does not give the {quantity} of its reference structure here "
                f"(torch; relative deviation {deviation:.1e}). Its numbers cannot be trusted on "
                f"this machine; it was written with torch {manifest['torch_version']}."
            )


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide what is for those who maintain this module and the potential, not for its users."""
    with warnings.catch_warnings():
        # Potential.hyperparameters is for Python only.
        warnings.filterwarnings(
            "ignore", message="The TorchScript type system", category=UserWarning
        )
        warnings.filterwarnings("ignore", message=r"`torch\.jit", category=DeprecationWarning)
        yield
