"""The demonstration: silicon relaxed, its phonons, and its dynamics in ASE and in LAMMPS."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import ase.io
from ase import Atoms
from ase.build import bulk

from .. import __version__, lammps, potential_file
from ..calculator import GauntCalculator
from ..errors import InputError
from ..files import write_whole, written_beside
from ..resources import resource_folder
from ..units import EV_TO_MEV
from .compare import compare_trajectories
from .demo_summary import (
    DFT_LATTICE_CONSTANT,
    DFT_PHONONS,
    EXPERIMENTAL_LATTICE_CONSTANT,
    EXPERIMENTAL_OPTICAL_FREQUENCY,
    summary_text,
)
from .dynamics import run_nve
from .figures import band_figure, dynamics_figure, radial_figure, save
from .lammps_dynamics import find_program, read_nve_run, run_lammps, write_nve_input
from .phonons import compute_phonons
from .radial import radial_distribution
from .relax import relax
from .symmetry import conventional_cell, space_group
from .trajectory import Trajectory
from .trajectory_writers import write_trajectory
from .velocities import thermalised

_MADE_BY = "gaunt-md demo"
_DIAMOND = "Fd-3m (227)"
_TEMPERATURE = 600.0
_TIMESTEP = 1.0
_INTERVAL = 2
_SEED = 4


@dataclass(frozen=True)
class Step:
    """One step of the demonstration.

    Attributes
    ----------
    title : str
        What the step does.
    run : callable
        Does it, and returns a line with what came out.
    """

    title: str
    run: Callable[[], str]


class Demo:
    """The demonstration with one potential, in one folder.

    Parameters
    ----------
    folder : Path
        Where everything is written: new, empty, or of an earlier demonstration.
    potential : str
        Name of a shipped potential, or path of a potential file, that knows silicon.
    dynamics_steps : int
        Steps of molecular dynamics, of 1 fs each.

    Raises
    ------
    InputError
        If the folder holds something else.
    PotentialFileError
        If there is no such potential.
    """

    def __init__(self, folder: Path, potential: str, dynamics_steps: int = 200) -> None:
        self.folder = folder
        self._potential = potential_file.find(potential)
        self._dynamics_steps = dynamics_steps
        self._runs: dict[str, Trajectory] = {}
        self._summary: dict[str, Any] = {
            "made_by": _MADE_BY,
            "gaunt_md_version": __version__,
            "potential": potential,
            "finished": False,
        }
        _claim(folder)

    @property
    def agrees(self) -> bool:
        """Whether every run of LAMMPS so far agrees with ASE."""
        runs = self._summary.get("dynamics", {}).values()
        return all(run.get("agrees_with_ASE", True) for run in runs)

    def steps(self) -> list[Step]:
        """Return the steps, to be run in this order."""
        return [
            Step("Load the potential", self._load),
            Step("Relax silicon, cell and positions", self._relax),
            Step("Compute its phonons", self._compute_phonons),
            Step("Run molecular dynamics in ASE", self._run_ase),
            *self._lammps_steps(),
            Step("Draw the energies, write the summary", self._finish),
        ]

    def _lammps_steps(self) -> list[Step]:
        if find_program("lmp") is None:
            missing = f"left out: LAMMPS is not installed. {lammps.INSTALL}"
            return [Step("Run the same in LAMMPS", lambda: missing)]
        return [
            Step("Find the plugin for LAMMPS, or compile it once", self._build_plugin),
            Step("Run the same in LAMMPS on 1 rank", partial(self._run_lammps, 1)),
            Step("Run the same in LAMMPS on 2 ranks", partial(self._run_lammps, 2)),
        ]

    def _load(self) -> str:
        self._calculator = GauntCalculator(self._potential)
        return str(self._potential)

    def _relax(self) -> str:
        start = bulk("Si", a=5.6, cubic=True)
        start.rattle(0.05, seed=_SEED)
        relaxation = relax(start, self._calculator)
        group = space_group(relaxation.atoms)
        if not relaxation.converged or group != _DIAMOND:
            raise InputError(
                f"the potential '{self._potential}' relaxes silicon to {group} with "
                f"{relaxation.largest_force:.2g} eV/Å left after {relaxation.steps} steps; the "
                f"demonstration expects {_DIAMOND}. Use a potential trained on silicon, as 'si'."
            )
        self._silicon = conventional_cell(relaxation.atoms)
        # The first files, so that a potential that does not know silicon leaves none.
        self._write_summary()
        self._write(start, "structures/start.extxyz")
        self._write(self._silicon, "structures/relaxed.extxyz")
        lattice_constant = float(self._silicon.cell.lengths()[0])
        self._record(
            "relaxation",
            lattice_constant_A=lattice_constant,
            space_group=group,
            energy_eV_per_atom=relaxation.energy / len(start),
            steps=relaxation.steps,
        )
        return (
            f"lattice constant {lattice_constant:.3f} Å (DFT {DFT_LATTICE_CONSTANT:.3f}, "
            f"experiment {EXPERIMENTAL_LATTICE_CONSTANT:.3f}), {group}, {relaxation.steps} steps"
        )

    def _compute_phonons(self) -> str:
        phonons = compute_phonons(self._silicon, self._calculator)
        phonons.write(self._path("phonons/phonopy.yaml"))
        name = f"gaunt-md, {self._potential.stem}"
        save(band_figure(phonons, name, DFT_PHONONS), self._path("phonons/bands.png"))
        self._record(
            "phonons",
            **{f"{point}_THz": phonons.at(point).tolist() for point in DFT_PHONONS.frequencies},
        )
        return (
            f"optical frequency at Γ {phonons.at('Γ').max():.2f} THz (DFT "
            f"{DFT_PHONONS.frequencies['Γ'][0]:.2f}, experiment {EXPERIMENTAL_OPTICAL_FREQUENCY})"
        )

    def _run_ase(self) -> str:
        # Displaced, so that the forces at the start, which are compared, are not zero.
        displaced = self._silicon * 2
        displaced.rattle(0.05, seed=_SEED)
        self._start = thermalised(displaced, _TEMPERATURE, _SEED)
        self._write(self._start, "structures/dynamics-start.extxyz")
        run = run_nve(
            self._start,
            self._calculator,
            timestep=_TIMESTEP,
            steps=self._dynamics_steps,
            interval=_INTERVAL,
        )
        for suffix in ("traj", "extxyz"):
            write_trajectory(self._path(f"dynamics/ase.{suffix}"), run.frames)
        return self._add_run("ASE", run)

    def _build_plugin(self) -> str:
        return str(lammps.build())

    def _run_lammps(self, ranks: int) -> str:
        if ranks > 1 and find_program("mpirun") is None:
            return f"left out: mpirun is not installed. {lammps.INSTALL}"
        script = self._path("lammps/silicon.in")
        write_nve_input(
            script,
            self._start,
            [f'pair_style gaunt "{self._name_in_lammps()}"', "pair_coeff * * Si"],
            timestep=_TIMESTEP,
            steps=self._dynamics_steps,
            interval=_INTERVAL,
        )
        name = "1-rank" if ranks == 1 else f"{ranks}-ranks"
        run_lammps(script, run=name, ranks=ranks)
        run = read_nve_run(script, run=name, timestep=_TIMESTEP)
        return self._add_run(f"LAMMPS, {name.replace('-', ' ')}", run)

    def _name_in_lammps(self) -> str:
        """Return the bare name of a shipped potential, which LAMMPS finds by itself."""
        shipped = self._potential.parent == resource_folder("potentials")
        return self._potential.name if shipped else str(self._potential.resolve())

    def _add_run(self, name: str, run: Trajectory) -> str:
        departure = EV_TO_MEV * run.energy_departure
        facts = {
            "mean_temperature_K": float(run.temperatures.mean()),
            "energy_conserved_within_meV_per_atom": departure,
        }
        sentence = f"energy conserved within {departure:.3f} meV/atom"
        if self._runs:
            agreement = compare_trajectories(next(iter(self._runs.values())), run)
            facts |= {
                "agrees_with_ASE": agreement.holds,
                "energy_difference_eV_per_atom": agreement.energy,
                "force_difference_eV_per_A": agreement.force,
                "position_difference_A": float(agreement.distances.max()),
            }
            verdict = "agrees with" if agreement.holds else "DISAGREES with"
            sentence = (
                f"{verdict} ASE: forces within {agreement.force:.0e} eV/Å, positions within "
                f"{agreement.distances.max():.0e} Å; {sentence}"
            )
        self._runs[name] = run
        self._record("dynamics", **{name: facts})
        return sentence

    def _finish(self) -> str:
        save(dynamics_figure(self._runs), self._path("dynamics/energies.png"))
        structure = {name: radial_distribution(run) for name, run in self._runs.items()}
        save(radial_figure(structure), self._path("dynamics/radial-distribution.png"))
        self._summary["finished"] = True
        self._write_summary()
        write_whole(self._path("summary.md"), summary_text(self._summary).encode())
        return str(self.folder / "summary.md")

    def _path(self, name: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _write(self, atoms: Atoms, name: str) -> None:
        with written_beside(self._path(name)) as beside:
            ase.io.write(beside, atoms, format="extxyz")

    def _record(self, section: str, **facts: Any) -> None:
        self._summary.setdefault(section, {}).update(facts)
        self._write_summary()

    def _write_summary(self) -> None:
        content = json.dumps(self._summary, indent=2, ensure_ascii=False) + "\n"
        write_whole(self._path("summary.json"), content.encode())


def _claim(folder: Path) -> None:
    """Refuse a folder that holds anything but a demonstration that was not finished."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"'{folder}' is a file. Choose another folder with --output.")
    if not folder.exists() or not any(folder.iterdir()):
        return
    try:
        summary = json.loads((folder / "summary.json").read_text())
        ours, finished = summary["made_by"] == _MADE_BY, summary["finished"]
    except (OSError, ValueError, KeyError, TypeError):
        ours, finished = False, False
    if not ours:
        raise InputError(
            f"the folder '{folder}' is not empty and not of an earlier demonstration. Choose "
            "another one with --output."
        )
    if finished:
        raise InputError(
            f"the folder '{folder}' holds a finished demonstration. Choose another one with "
            "--output, or delete it."
        )
