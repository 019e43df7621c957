"""The cache of what is compiled on this machine: where it lies, its lock, the compiler.

Standard library only: the entry point of LAMMPS needs it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_folder() -> Path:
    """Return where it lies: $GAUNT_MD_CACHE, or gaunt-md in the user's cache folder."""
    if own := os.environ.get("GAUNT_MD_CACHE"):
        return Path(own).absolute()
    general = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(general) / "gaunt-md"


@contextmanager
def locked(product: Path, what: str = "") -> Iterator[None]:
    """Keep other processes from building the same; the system frees the lock if this one dies.

    What is built, if it is named, is said where it has to be waited for.
    """
    product.parent.mkdir(parents=True, exist_ok=True)
    with product.with_suffix(".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if what:
                print(f"gaunt-md: waiting for {what} ...", file=sys.stderr, flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def compiler() -> str:
    """Return the path of the C++ compiler: $CXX, c++, g++ or clang++; empty if there is none."""
    for name in os.environ.get("CXX", "").split()[:1] or ("c++", "g++", "clang++"):
        if path := shutil.which(name):
            return path
    return ""


def no_compiler() -> str:
    """Return a sentence that says what is missing where there is no compiler."""
    if named := os.environ.get("CXX"):
        return (
            f"there is no C++ compiler '{named}', which CXX names: correct CXX, or unset it and "
            "install g++"
        )
    return "there is no C++ compiler: install g++, or set CXX to one"


def describe_compiler() -> str:
    """Return path, size and time of the C++ compiler, or nothing if there is none."""
    path = compiler()
    if not path:
        return ""
    status = Path(path).resolve().stat()
    return f"{Path(path).resolve()} {status.st_size} {status.st_mtime_ns}"


def digest(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()
