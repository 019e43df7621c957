"""Phonons of silicon beside DFT, and its heat capacity.

python 08_phonons.py
"""

import argparse
from pathlib import Path

from ase.build import bulk

from gaunt_md import GauntCalculator
from gaunt_md.simulate.demo_summary import DFT_PHONONS
from gaunt_md.simulate.figures import band_figure, save
from gaunt_md.simulate.phonons import compute_phonons
from gaunt_md.simulate.relax import relax_crystal

parser = argparse.ArgumentParser()
parser.add_argument("--potential", default="si", help="shipped one, or file, with silicon")
parser.add_argument("--width", type=float, default=10.0, help="of the supercell, Å")
options = parser.parse_args()

calculator = GauntCalculator(options.potential, double_precision=True)
silicon = relax_crystal(bulk("Si"), calculator).atoms
phonons = compute_phonons(silicon, calculator, supercell_width=options.width)
for point in ("Γ", "X", "L"):
    print(point, " ".join(f"{frequency:6.2f}" for frequency in phonons.at(point)), "THz")
heat = phonons.thermal_properties([300.0]).heat_capacities[0]
print(f"heat capacity at 300 K {heat:.2f} J/K/mol")
phonons.write(Path("phonopy.yaml"))
save(
    band_figure(phonons, f"gaunt-md {options.potential}", DFT_PHONONS, density=True),
    Path("phonons.png"),
)
