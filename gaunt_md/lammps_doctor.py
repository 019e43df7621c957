"""Looking whether LAMMPS, torch and the plugin work together on this machine."""

from __future__ import annotations

import platform
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.calculators.lammps import Prism

from . import lammps, potential_file
from .errors import BuildError, GauntError, LammpsError
from .lammps_installation import help_of
from .potential_file import PotentialFile
from .simulate.lammps_dynamics import find_program, run_lammps

# Between two machines, rounding differs; more than this is a fault.
_ENERGY_TOLERANCE = 1e-5  # eV/atom
_FORCE_TOLERANCE = 2e-4  # of 1 eV/Å plus the largest force

_TIME_LIMIT = 120.0  # seconds; with an mpirun of another MPI, ranks may wait for ever

_RUN = "reference"  # names the log
_INPUT = """\
units metal
boundary {boundary}
box tilt large
read_data reference.data
pair_style gaunt {potential}
pair_coeff * * {elements}
run 0 post no
print "$(pe:%.17g)" file energy.txt screen no
write_dump all custom forces.dump id fx fy fz modify sort id format float %.17g
"""

# LAMMPS is the nearest ancestor of that name; its memory map names the libraries it has loaded.
_OPENMP = """\
p=$$
while [ "$p" -gt 1 ] && [ "$(cat /proc/$p/comm)" != lmp ]; do
    p=$(awk '/^PPid/ {print $2}' /proc/$p/status)
done
[ "$p" -gt 1 ] && grep -o '/[^ ]*lib[gi]*omp[^ ]*' /proc/$p/maps | sort -u > openmp.txt
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
        Potential file, or name of a shipped potential. Python and LAMMPS, the latter on one and on
        two ranks, have to reproduce energy and forces of the reference structure that it carries.

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
    yield Finding("compiler", environment.compiler.partition(" ")[0] or "none")
    folder = lammps.plugin_folder()
    if not lammps.is_built(folder):  # and lmp, if it were asked anything, would build it
        yield Finding("plugin", f"not built; run: gaunt-md lammps build ({folder})", fine=False)
        return
    yield Finding("plugin", str(folder))
    yield from _lammps_findings(environment)
    try:
        file = potential_file.read(potential)
        file.load()
    except GauntError as problem:
        yield Finding("potential", str(problem), fine=False)
        return
    yield Finding("potential", f"{file.path}: digests, code and (in Python) reference are right")
    yield from _test_run("one rank", file, ranks=1)
    yield from _test_run("two ranks", file, ranks=2)


def _lammps_findings(environment: lammps.Environment) -> Iterator[Finding]:
    program = find_program("lmp")
    if program is None:
        yield Finding("LAMMPS", "the program lmp was not found", fine=False)
        return
    try:
        text = help_of(program, _TIME_LIMIT)
    except BuildError as problem:
        yield Finding("LAMMPS", str(problem), fine=False)
        return
    version = re.search(r"Simulator - (.*)", text)
    yield Finding(
        "LAMMPS", f"{version[1] if version else 'unknown version'} in {environment.lammps}"
    )
    sizes = re.findall(r"sizeof\((tagint|bigint)\): +(\d+)-bit", text)
    yield Finding("integers", ", ".join(f"{name} {bits} bit" for name, bits in sizes))
    mpi = re.search(r"^MPI v.*", text, re.MULTILINE)
    yield Finding("MPI", " ".join(mpi[0].split()) if mpi else "unknown")


def _test_run(subject: str, file: PotentialFile, ranks: int) -> Iterator[Finding]:
    reference = file.manifest["reference"]
    folder = Path(tempfile.mkdtemp(prefix="gaunt-md-doctor-"))
    try:
        energy, forces = _evaluate_reference(folder, file, ranks)
    except LammpsError as problem:
        # The folder stays: the message says how to repeat the run there.
        yield Finding(subject, _plugin_complaint(folder) or str(problem), fine=False)
        return
    openmp = folder / "openmp.txt"
    if ranks == 1 and openmp.exists():
        runtimes = openmp.read_text().split()
        yield Finding("OpenMP", f"{len(runtimes)} in one process: {', '.join(runtimes)}")
    shutil.rmtree(folder)
    expected = np.array(reference["forces"])
    energy_error = abs(energy - reference["energy"]) / len(expected)
    force_error = np.abs(forces - expected).max()
    yield Finding(
        subject,
        f"energy within {energy_error:.1e} eV/atom and forces within {force_error:.1e} eV/Å of "
        "the file's reference",
        fine=bool(
            energy_error < _ENERGY_TOLERANCE
            and force_error < _FORCE_TOLERANCE * (1 + np.abs(expected).max())
        ),
    )


def _evaluate_reference(folder: Path, file: PotentialFile, ranks: int) -> tuple[float, np.ndarray]:
    """Return energy and forces that LAMMPS finds for a file's reference structure."""
    reference = file.manifest["reference"]
    atoms = Atoms(**{name: reference[name] for name in ("numbers", "positions", "cell", "pbc")})
    # LAMMPS wants a box around molecules too; in open directions it fits the box to the atoms.
    if (missing := ~atoms.cell.any(axis=1)).any():
        atoms.center(vacuum=1.0, axis=np.flatnonzero(missing))
    elements = sorted(set(atoms.get_chemical_symbols()))
    ase.io.write(
        folder / "reference.data", atoms, format="lammps-data", specorder=elements, masses=True
    )
    script = _INPUT.format(
        boundary=" ".join(np.where(atoms.pbc, "p", "s")),
        potential=file.path.resolve(),
        elements=" ".join(elements),
    )
    if platform.system() == "Linux":
        (folder / "openmp.sh").write_text(_OPENMP)
        script += "shell sh openmp.sh\n"
    (folder / "in.reference").write_text(script)
    run_lammps(folder / "in.reference", run=_RUN, ranks=ranks, timeout=_TIME_LIMIT)
    forces = np.loadtxt(folder / "forces.dump", skiprows=9, ndmin=2)[:, 1:]
    return float((folder / "energy.txt").read_text()), Prism(atoms.cell).vector_to_ase(forces)


def _plugin_complaint(folder: Path) -> str | None:
    """Return what LAMMPS says of a plugin that does not load; it goes on without it."""
    log = folder / f"{_RUN}.log"
    found = log.exists() and re.search(r"^Open of file .* failed.*", log.read_text(), re.MULTILINE)
    return found[0] if found else None
