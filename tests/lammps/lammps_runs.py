"""Running the real LAMMPS with the real plugin."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.calculators.lammps import Prism

from gaunt_md import GauntCalculator, lammps
from gaunt_md.simulate.lammps_dynamics import find_program

BAR_PER_EV_PER_CUBIC_ANGSTROM = 1.6021765e6
"""LAMMPS's own constant in `units metal`."""


@cache
def plugin() -> Path:
    return lammps.build()


def build_plugin(sources: Path, folder: Path, *options: str) -> Path:
    """Compile the side of LAMMPS as the README says, and put the engine beside it."""
    configure = [
        *("-S", str(sources), "-B", str(folder)),
        *lammps.cmake_options(lammps.environment()),
        "-DCMAKE_BUILD_TYPE=Debug",
        *options,
    ]
    for arguments in (configure, ["--build", str(folder), "--target", "gauntplugin"]):
        done = subprocess.run(
            [lammps.find_tool("cmake"), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout
    shutil.copy(plugin() / "libgaunt_engine.so", folder)
    return folder


def environment(plugin_folder: Path | None = None) -> dict[str, str]:
    """Return the environment in which LAMMPS's own binary runs, without its Python package."""
    return os.environ | {
        "LAMMPS_PLUGIN_PATH": str(plugin_folder or plugin()),
        "LD_LIBRARY_PATH": f"{sys.prefix}/lib",
        "OMP_NUM_THREADS": "1",
    }


def run_script(
    folder: Path,
    lines: Sequence[str],
    *,
    ranks: int = 1,
    env: dict[str, str] | None = None,
    arguments: Sequence[str] = (),
    binary: Path | None = None,
    timeout: float = 300,
) -> subprocess.CompletedProcess[str]:
    """Run LAMMPS on an input script; what hangs is a failure."""
    (folder / "in.test").write_text("\n".join(lines) + "\n")
    binary = binary or Path(lammps.environment().lammps) / "lmp"
    command = [str(binary), "-in", "in.test", "-log", "none", "-nocite", *arguments]
    if ranks > 1:
        command = [str(find_program("mpirun")), "-n", str(ranks), *command]
    return subprocess.run(
        command,
        cwd=folder,
        env=env or environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )


def run_to_end(folder: Path, lines: Sequence[str], **options: object) -> str:
    """Run LAMMPS on an input script, which has to succeed, and return its output."""
    finished = run_script(folder, lines, **options)  # type: ignore[arg-type]
    assert finished.returncode == 0, finished.stdout[-2000:]
    return finished.stdout


def refusal(folder: Path, lines: list[str], ranks: int = 1) -> str:
    """Return LAMMPS's error message; there must be one, and only one, and soon."""
    finished = run_script(folder, lines, ranks=ranks, timeout=60)
    assert finished.returncode != 0
    errors = re.findall(r"^ERROR.*", finished.stdout, re.MULTILINE)
    assert len(errors) == 1, finished.stdout
    for trace_of_cpp in ("terminate called", "Segmentation", "frame #", "Signal"):
        assert trace_of_cpp not in finished.stdout
    return errors[0]


def to_lammps_orientation(atoms: Atoms) -> Atoms:
    turned = atoms.copy()
    turned.set_cell(Prism(atoms.cell).lammps_tilt, scale_atoms=True)
    return turned


def with_vacuum(atoms: Atoms) -> Atoms:
    """Return the structure at the lower end of a box three times as long."""
    atoms = atoms.copy()
    atoms.cell[2] *= 3
    return atoms


def setup(
    folder: Path,
    atoms: Atoms,
    elements: Sequence[str] = ("Si", "O"),
    atom_style: str = "atomic",
) -> list[str]:
    """Write a structure, and return the commands that read it."""
    ase.io.write(
        folder / "structure.data",
        atoms,
        format="lammps-data",
        specorder=list(elements),
        masses=True,
        atom_style=atom_style,
    )
    return [
        "units metal",
        "boundary " + " ".join("p" if periodic else "f" for periodic in atoms.pbc),
        "box tilt large",
        f"atom_style {atom_style}",
        "read_data structure.data",
    ]


def style(potential: Path | str, elements: str = "Si O") -> list[str]:
    return [f"pair_style gaunt {potential}", f"pair_coeff * * {elements}"]


@dataclass(frozen=True)
class Evaluation:
    """Energy in eV, atomic energies, forces in eV/Å and stress in ASE's sign, order and eV/Å^3."""

    energy: float
    energies: np.ndarray
    forces: np.ndarray
    stress: np.ndarray


MEASURE = [
    "compute e all pe/atom",
    "dump d all custom 1 atoms.dump id c_e fx fy fz",
    "dump_modify d sort id format float %.17g",
    "thermo_style custom pe pxx pyy pzz pyz pxz pxy",
    "run 0 post no",
    'print "$(pe:%.17g) $(pxx:%.17g) $(pyy:%.17g) $(pzz:%.17g) $(pyz:%.17g) $(pxz:%.17g) '
    '$(pxy:%.17g)" file results.txt screen no',
]
"""Commands that leave what `read_evaluation` reads."""


def read_evaluation(folder: Path) -> Evaluation:
    energy, *pressures = np.loadtxt(folder / "results.txt")
    table = np.loadtxt(folder / "atoms.dump", skiprows=9, ndmin=2)
    return Evaluation(
        energy=energy,
        energies=table[:, 1],
        forces=table[:, 2:],
        stress=-np.array(pressures) / BAR_PER_EV_PER_CUBIC_ANGSTROM,
    )


def evaluate(
    folder: Path,
    atoms: Atoms,
    potential: Path,
    *,
    ranks: int = 1,
    elements: Sequence[str] = ("Si", "O"),
    before: Sequence[str] = (),
    keywords: str = "",
) -> Evaluation:
    """Evaluate a structure in LAMMPS; `before` goes first, for instance `processors`."""
    lines = [
        *before,
        *setup(folder, atoms, elements),
        f"pair_style gaunt {potential} {keywords}",
        f"pair_coeff * * {' '.join(elements)}",
        *MEASURE,
    ]
    run_to_end(folder, lines, ranks=ranks)
    return read_evaluation(folder)


def assert_same(one: Evaluation, other: Evaluation, relative: float = 1e-10) -> None:
    for name in ("energy", "energies", "forces", "stress"):
        expected = np.asarray(getattr(other, name))
        np.testing.assert_allclose(
            getattr(one, name), expected, rtol=0, atol=relative * np.abs(expected).max()
        )


HOT = [
    "velocity all create 1500 4711 mom yes rot no",
    "fix nve all nve",
    "timestep 0.001",
    "neigh_modify every 1 delay 0 check yes",
    "neighbor 0.3 bin",
]
"""Commands for dynamics with many neighbour lists."""


FOLLOW = [
    "compute virial all pressure NULL virial",
    "thermo_style custom step temp pe etotal econserve press lx ly lz "
    + " ".join(f"c_virial[{k}]" for k in range(1, 7)),
    "thermo_modify line one norm no",
    "thermo 1",
]
"""Commands before a run, at the end of which `keep` is used."""


def keep(elements: str = "Si O") -> list[str]:
    """Return the commands after a run that leave what `assert_equals_ase` reads."""
    virial = " ".join(f"$(c_virial[{k}]:%.17g)" for k in (1, 2, 3, 6, 5, 4))
    return [
        "write_dump all custom final.dump id element x y z fx fy fz "
        f"modify sort id element {elements} format float %.17g",
        f'print "$(pe:%.17g) {virial}" file results.txt screen no',
    ]


def assert_equals_ase(folder: Path, potential: Path, *, tolerance: float = 1e-9) -> Atoms:
    """Compare the end of a run with ASE's calculator for the atoms it left, and return those."""
    atoms = ase.io.read(folder / "final.dump", format="lammps-dump-text")
    forces = atoms.get_forces()
    energy, *pressures = np.loadtxt(folder / "results.txt")
    atoms.calc = GauntCalculator(potential)
    expected = atoms.get_forces()
    np.testing.assert_allclose(
        forces, expected, rtol=0, atol=tolerance * max(1.0, np.abs(expected).max())
    )
    assert abs(energy - atoms.get_potential_energy()) < tolerance * len(atoms)
    np.testing.assert_allclose(
        -np.array(pressures) / BAR_PER_EV_PER_CUBIC_ANGSTROM,
        atoms.get_stress(),
        rtol=0,
        atol=tolerance * np.abs(atoms.get_stress()).max(),
    )
    return atoms


def table(output: str, run: int = -1) -> dict[str, np.ndarray]:
    """Return the columns of the table that LAMMPS has printed in a run, by default the last."""
    lines = output.splitlines()
    start = [k for k, line in enumerate(lines) if line.split()[:1] == ["Step"]][run]
    rows = []
    for line in lines[start + 1 :]:
        if line.startswith("Loop time"):
            break
        if line[:1].isspace():
            rows.append([float(word) for word in line.split()])
    return dict(zip(lines[start].split(), np.array(rows).T, strict=True))
