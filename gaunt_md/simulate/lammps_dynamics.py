"""The same molecular dynamics in LAMMPS: input written, program run, trajectory read back."""

from __future__ import annotations

import math
import os
import re
import shlex
import shutil
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.calculators.lammps import Prism
from ase.calculators.singlepoint import SinglePointCalculator

from ..errors import InputError, LammpsError
from ..files import write_whole, written_beside
from ..lammps import INSTALL
from ..processors import cores
from ..units import FS_TO_PS
from ..words import counted
from .trajectory import Trajectory

_INPUT = """\
# Molecular dynamics of {formula} at constant energy, written by gaunt-md. Run it with
#     lmp -in {name}
#     mpirun -np 2 lmp -in {name} -var run 2-ranks
variable    run index 1-rank

units       metal
boundary    p p p
read_data   {data}

{potential}

timestep    {timestep_ps:.10g}
fix         dynamics all nve
thermo      {thermo}
dump        frames all custom {interval} ${{run}}.lammpstrj id element xu yu zu vx vy vz fx fy fz
dump_modify frames sort id element {elements} format float %.17g
fix         energies all print {interval} "$(step) $(pe:%.17g)" file ${{run}}.energies &
            title "# step, potential energy in eV" screen no
run         {steps}
"""


def find_program(name: str) -> str | None:
    """Return the path of ``lmp`` or ``mpirun``: this environment's own, else the PATH's."""
    folders = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    return shutil.which(name, path=os.pathsep.join(folders))


def require_program(name: str) -> str:
    """Return the path of ``lmp`` or ``mpirun``.

    Raises
    ------
    LammpsError
        If it is not installed.
    """
    program = find_program(name)
    if program is None:
        raise LammpsError(
            f"the program {name} was not found beside {sys.executable} or on the PATH. {INSTALL}"
        )
    return program


def write_nve_input(
    path: Path,
    atoms: Atoms,
    potential: Sequence[str],
    *,
    timestep: float,
    steps: int,
    interval: int = 1,
) -> None:
    """Write a LAMMPS input, and beside it its data file, for constant-energy dynamics.

    Parameters
    ----------
    path : Path
        The input file; the data file has the same name with the suffix `.data`.
    atoms : Atoms
        Periodic structure with velocities, its cell in LAMMPS's orientation. Atom types
        are numbered in alphabetic order of the elements.
    potential : sequence of str
        The commands that define the potential, ``["pair_style ...", "pair_coeff ..."]``.
    timestep : float
        Time step in fs.
    steps : int
        Number of steps.
    interval : int
        Steps between the frames that are kept.
    """
    _check(atoms)
    elements = sorted(set(atoms.get_chemical_symbols()))
    data = path.with_suffix(".data")
    with written_beside(data) as beside:
        ase.io.write(
            beside, atoms, format="lammps-data", specorder=elements, masses=True, velocities=True
        )
    script = _INPUT.format(
        formula=atoms.get_chemical_formula(),
        name=path.name,
        data=data.name,
        potential="\n".join(potential),
        timestep_ps=FS_TO_PS * timestep,
        interval=interval,
        thermo=max(1, steps // 20),
        elements=" ".join(elements),
        steps=steps,
    )
    write_whole(path, script.encode())


def run_lammps(path: Path, *, run: str, ranks: int = 1, timeout: float | None = None) -> None:
    """Run a LAMMPS input in its folder, one thread a rank.

    Parameters
    ----------
    path : Path
        The input file.
    run : str
        Value of the input's variable ``run``, which names the output files.
    ranks : int
        Number of MPI ranks.
    timeout : float, optional
        Longest time in s.

    Raises
    ------
    LammpsError
        If LAMMPS or mpirun is not installed, ends with an error, or not within the time.
    """
    if ranks > cores():
        warnings.warn(
            f"{ranks} MPI ranks share {counted(cores(), 'processor core')}, where they wait "
            "for each other; expect a slow run",
            stacklevel=2,
        )
    command = [require_program("lmp"), "-in", path.name, "-var", "run", run, "-log", f"{run}.log"]
    if ranks > 1:
        command = [require_program("mpirun"), "-np", str(ranks), *command]
    again = f"Repeat it with: cd {path.parent} && {shlex.join(command)}"
    try:
        finished = subprocess.run(
            command,
            cwd=path.parent,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired as problem:
        raise LammpsError(f"LAMMPS did not end within {timeout:g} s. {again}") from problem
    if finished.returncode != 0:
        raise LammpsError(
            f"LAMMPS stopped with exit status {finished.returncode}: "
            f"{_complaint(finished.stdout)} {again}"
        )
    grid = re.search(r"(\d+) by (\d+) by (\d+) MPI processor grid", finished.stdout)
    if grid is None or math.prod(map(int, grid.groups())) != ranks:
        raise LammpsError(
            f"{command[0]} did not give LAMMPS {ranks} ranks: it belongs to another MPI than "
            f"{require_program('lmp')}. {INSTALL}"
        )


def read_nve_run(path: Path, *, run: str, timestep: float) -> Trajectory:
    """Read the trajectory that a run of ``write_nve_input``'s input left.

    Parameters
    ----------
    path : Path
        The input file.
    run : str
        Name of the run, as given to ``run_lammps``.
    timestep : float
        Time step of the run in fs.
    """
    frames = ase.io.read(path.with_name(f"{run}.lammpstrj"), index=":", format="lammps-dump-text")
    energies = dict(np.loadtxt(path.with_name(f"{run}.energies"), ndmin=2).tolist())
    steps = [frame.info["timestep"] for frame in frames]
    for step, frame in zip(steps, frames, strict=True):
        # A dump holds no total energy, so the reader put in zero.
        frame.calc = SinglePointCalculator(frame, energy=energies[step], forces=frame.get_forces())
    return Trajectory(np.array(steps) * timestep, tuple(frames))


def _check(atoms: Atoms) -> None:
    if not atoms.pbc.all():
        raise InputError(
            f"the structure has pbc {atoms.pbc.tolist()}; this LAMMPS input needs one periodic "
            "in three directions."
        )
    if not np.allclose(Prism(atoms.cell).rot_mat, np.eye(3), atol=1e-12):
        raise InputError(
            "the cell is not in LAMMPS's orientation (a along x, b in the xy plane). Rotate "
            "cell, positions and velocities with atoms.cell.standard_form() first."
        )


def _complaint(output: str) -> str:
    errors = [line.strip() for line in output.splitlines() if "ERROR" in line]
    return errors[-1] if errors else output.strip().splitlines()[-1] if output.strip() else ""
