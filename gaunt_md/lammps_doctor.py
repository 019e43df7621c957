"""Looking whether LAMMPS, torch and the plugin work together on this machine."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms

from . import lammps, potential_file
from .errors import BuildError, GauntError, LammpsError
from .simulate.lammps_dynamics import find_program

# Between two machines, rounding differs; more than this in eV/atom is a fault.
_TOLERANCE = 1e-5

_INPUT = """\
units metal
boundary {boundary}
box tilt large
read_data reference.data
pair_style gaunt {potential}
pair_coeff * * {elements}
run 0 post no
print "energy $(pe:%.17g) end"
shell sh openmp.sh
"""

# LAMMPS is the nearest ancestor of that name; its memory map names the libraries it has loaded.
_OPENMP = """\
p=$$
until [ "$(cat /proc/$p/comm)" = lmp ]; do p=$(awk '/^PPid/ {print $2}' /proc/$p/status); done
grep -o '/[^ ]*lib[gi]*omp[^ ]*' /proc/$p/maps | sort -u | sed 's/^/openmp /'
"""


@dataclass(frozen=True)
class Finding:
    """One line of the report: what was looked at, what was found, and whether it is as needed."""

    subject: str
    found: str
    fine: bool = True


def doctor(potential: str) -> Iterator[Finding]:
    """Look at everything that ``pair_style gaunt`` needs, and run LAMMPS with it.

    Parameters
    ----------
    potential : str
        Potential file, or name of a shipped potential, for the test run: energy of the reference
        structure that the file carries.

    Yields
    ------
    Finding
        Each as soon as it is known.
    """
    try:
        environment = lammps.environment()
    except BuildError as problem:
        yield Finding("environment", str(problem), fine=False)
        return
    yield Finding("torch", f"{environment.torch_version} in {environment.torch}")
    yield from _lammps_findings(environment)
    yield Finding("compiler", environment.compiler.partition(" ")[0] or "none")
    folder = lammps.plugin_folder()
    if not lammps.is_built(folder):
        yield Finding("plugin", f"not built; run: gaunt-md lammps build ({folder})", fine=False)
        return
    yield Finding("plugin", str(folder))
    yield from _test_run(potential, folder)


def _lammps_findings(environment: lammps.Environment) -> Iterator[Finding]:
    program = find_program("lmp")
    if program is None:
        yield Finding("LAMMPS", "the program lmp was not found", fine=False)
        return
    text = _run([program, "-h"])
    version = re.search(r"Simulator - (.*)", text)
    yield Finding(
        "LAMMPS", f"{version[1] if version else 'unknown version'} in {environment.lammps}"
    )
    sizes = re.findall(r"sizeof\((tagint|bigint)\): +(\d+)-bit", text)
    yield Finding("integers", ", ".join(f"{name} {bits} bit" for name, bits in sizes))
    mpi = re.search(r"^MPI v.*", text, re.MULTILINE)
    yield Finding("MPI", " ".join(mpi[0].split()) if mpi else "unknown")


def _test_run(potential: str, folder: Path) -> Iterator[Finding]:
    try:
        path = potential_file.find(potential)
        reference = potential_file.read_manifest(path)["reference"]
    except GauntError as problem:
        yield Finding("test run", str(problem), fine=False)
        return
    with tempfile.TemporaryDirectory() as work:
        output = _run_reference(Path(work), path, reference)
    if complaint := _complaint(output):
        yield Finding("test run", complaint, fine=False)
        return
    runtimes = re.findall(r"^openmp (.*)", output, re.MULTILINE)
    if platform.system() == "Linux":
        yield Finding("OpenMP runtimes", f"{len(runtimes)} in one process: {', '.join(runtimes)}")
    energy = re.search(r"^energy (\S+) end", output, re.MULTILINE)
    if energy is None:
        yield Finding("test run", f"no energy in the output of LAMMPS: {output[-300:]}", fine=False)
        return
    error = abs(float(energy[1]) - reference["energy"]) / len(reference["numbers"])
    yield Finding(
        "test run",
        f"{path.name}: energy within {error:.1e} eV/atom of the file's reference",
        fine=error < _TOLERANCE,
    )


def _run_reference(work: Path, path: Path, reference: dict[str, Any]) -> str:
    atoms = Atoms(**{name: reference[name] for name in ("numbers", "positions", "cell", "pbc")})
    elements = sorted(set(atoms.get_chemical_symbols()))
    ase.io.write(
        work / "reference.data", atoms, format="lammps-data", specorder=elements, masses=True
    )
    script = _INPUT.format(
        boundary=" ".join(np.where(atoms.pbc, "p", "s")),
        potential=path.resolve(),
        elements=" ".join(elements),
    )
    (work / "in.reference").write_text(script)
    (work / "openmp.sh").write_text(_OPENMP)
    return _run([str(find_program("lmp")), "-in", "in.reference", "-log", "none"], work)


def _complaint(output: str) -> str | None:
    """Return what LAMMPS says of a plugin that does not load, else its error."""
    found = re.search(r"^Open of file .* failed.*", output, re.MULTILINE)
    found = found or re.search(r"^ERROR.*", output, re.MULTILINE)
    return found[0] if found else None


def _run(command: list[str], folder: Path | None = None) -> str:
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        ).stdout
    except subprocess.TimeoutExpired as problem:
        raise LammpsError(f"LAMMPS gave no answer in two minutes: {problem.output}") from problem
