"""Thermal expansion of silicon in the quasi-harmonic approximation.

python 06_thermal_expansion.py
"""

import argparse
from pathlib import Path

from ase.build import bulk

from gaunt_md import GauntCalculator
from gaunt_md.simulate.figures import expansion_figure, save
from gaunt_md.simulate.relax import relax_crystal
from gaunt_md.simulate.thermal_expansion import compute_thermal_expansion

parser = argparse.ArgumentParser()
parser.add_argument("--potential", default="si", help="shipped one, or file, with silicon")
parser.add_argument("--width", type=float, default=10.0, help="of the supercells, Å")
parser.add_argument("--points", type=int, default=7, help="number of volumes, at least 5")
options = parser.parse_args()

calculator = GauntCalculator(options.potential, double_precision=True)
silicon = relax_crystal(bulk("Si"), calculator).atoms
expansion = compute_thermal_expansion(
    silicon, calculator, supercell_width=options.width, points=options.points
)
for temperature in (100.0, 300.0, 600.0):
    linear = expansion.expansion_at(temperature) / 3.0
    print(f"{temperature:4.0f} K  linear expansion {1e6 * linear:6.2f} 1e-6/K")
save(expansion_figure(expansion), Path("thermal-expansion.png"))
