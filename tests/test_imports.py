"""Imports point one way, and a few libraries are known to a few modules only."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import gaunt_md

PACKAGE = Path(gaunt_md.__file__).parent

# A module may import from its own layer and from those before it.
LAYERS = (
    {
        "errors",
        "units",
        "resources",
        "files",
        "progress",
        "processors",
        "interruption",
        "compile_cache",
        "words",
        "__init__",
    },
    {"lammps", "lammps_installation", "_lammps_entry", "archive", "script_check"},
    {"kernels"},
    {"sphere"},
    {"model"},
    {"data.graph"},
    {"data", "potential_file", "training"},
    {"hessian", "descriptors", "training_range"},
    {"calculator", "batch", "committee"},
    {"simulate", "lammps_doctor"},
    {"bench"},
    {"cli"},
)

# Libraries, and the only modules that may import them.
KEPT_TO = {
    "ase": {
        "calculator",
        "batch",
        "committee",
        "simulate",
        "data",
        "potential_file",
        "training.run",
        "lammps_doctor",
        "bench.silicon",
        "bench.dynamics",
        "bench.training",
        "bench.scripts",
    },
    "vesin": {"data.neighbours"},
    "lightning": {"training"},
    "phonopy": {
        "simulate.phonons",
        "simulate.phonon_bands",
        "simulate.phonon_statistics",
        "simulate.thermal_expansion",
    },
    "mdtraj": {
        "simulate.mdtraj_conversion",
        "simulate.trajectory_writers",
        "simulate.radial",
        "simulate.trajectory_reading",
    },
    "e3nn": {"bench.peers", "bench.scripts"},
    "mace": {"bench.peers", "bench.scripts"},
}

# What the entry point of LAMMPS brings along may import the standard library only.
STANDARD_LIBRARY_ONLY = {
    "_lammps_entry",
    "lammps",
    "lammps_installation",
    "compile_cache",
    "resources",
    "errors",
    "__init__",
}


def module_name(path: Path) -> str:
    """Return the name within the package, "data.graph"; of a package's __init__, the package."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported(path: Path) -> Iterator[str]:
    """Yield every imported module, those within functions too; our own as "gaunt_md.name"."""
    package = ("gaunt_md", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            source = ".".join((*base, node.module)) if node.module else ".".join(base)
            for alias in node.names:
                whole = f"{source}.{alias.name}"
                known = whole.removeprefix("gaunt_md.") in MODULES
                yield whole if known else source


def belongs(module: str, names: set[str]) -> bool:
    """Tell whether the module, or a package it is in, is among the names."""
    parts = module.split(".")
    return any(".".join(parts[:length]) in names for length in range(1, len(parts) + 1))


def layer(module: str) -> int:
    """Return the layer; data.graph lies below the rest of data."""
    for index, names in enumerate(LAYERS):
        if belongs(module, names):
            return index
    raise AssertionError(f"the module {module} is in no layer: put it into LAYERS")


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"__init__"}))
def test_imports_point_one_way(module: str):
    for name in imported(MODULES[module]):
        if name.startswith("gaunt_md."):
            other = name.removeprefix("gaunt_md.")
            assert layer(other) <= layer(module), f"{module} imports {other}"


@pytest.mark.parametrize("library", KEPT_TO)
def test_a_library_is_known_where_it_belongs_only(library: str):
    users = {
        module
        for module, path in MODULES.items()
        if any(name.split(".")[0] == library for name in imported(path))
    }
    assert users, f"nothing imports {library}: drop it here and from the dependencies"
    assert {module for module in users if not belongs(module, KEPT_TO[library])} == set()


@pytest.mark.parametrize("module", sorted(STANDARD_LIBRARY_ONLY))
def test_the_entry_point_of_lammps_needs_the_standard_library_only(module: str):
    top_level = {name.split(".")[0] for name in imported(MODULES[module])}
    if module != "__init__":
        ours = {name for name in imported(MODULES[module]) if name.startswith("gaunt_md.")}
        assert {name.removeprefix("gaunt_md.") for name in ours} <= STANDARD_LIBRARY_ONLY
    assert top_level - {"gaunt_md"} <= sys.stdlib_module_names


def loaded_by(statement: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter has after the statement."""
    command = f"{statement}\nimport sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    finished = subprocess.run(
        [sys.executable, "-c", command], check=True, capture_output=True, text=True
    )
    return set(finished.stdout.split())


@pytest.mark.parametrize(
    "statement",
    ["import gaunt_md", "import gaunt_md._lammps_entry", "import gaunt_md.cli.main"],
)
def test_importing_costs_no_torch(statement: str):
    assert not loaded_by(statement) & {"torch", "ase", "numpy", "lightning", "phonopy"}
