"""The same phonons with forces of LAMMPS and of ASE.

python 14_lammps_phonons.py
"""

import argparse
from pathlib import Path

import numpy as np
from ase.build import bulk

from gaunt_md import GauntCalculator, potential_file
from gaunt_md.simulate.lammps_forces import compute_phonons_in_lammps
from gaunt_md.simulate.phonons import compute_phonons
from gaunt_md.simulate.relax import relax_crystal

parser = argparse.ArgumentParser()
parser.add_argument("--potential", default="si", help="shipped one, or file, with silicon")
parser.add_argument("--width", type=float, default=10.0, help="of the supercell, Å")
options = parser.parse_args()

calculator = GauntCalculator(options.potential)
silicon = relax_crystal(bulk("Si"), calculator, force_tolerance=1e-3).atoms
here = compute_phonons(silicon, calculator, supercell_width=options.width)
there = compute_phonons_in_lammps(
    silicon,
    potential_file.find(options.potential),
    Path("forces.in"),
    supercell_width=options.width,
)
for point in ("X", "L"):
    print(point, " ".join(f"{frequency:6.2f}" for frequency in there.at(point)), "THz")
largest = max(np.abs(here.at(point) - there.at(point)).max() for point in ("X", "L"))
print(f"largest difference between LAMMPS and ASE {largest:.1e} THz")
