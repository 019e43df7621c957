"""A potential and the dispersion correction D3 as one calculator.

    pip install dftd3
    python 18_dispersion.py 3bpa.pt molecule.xyz --method PBE

Only for potentials trained on data without dispersion, or it would count twice.
"""

import argparse
from pathlib import Path

from ase.calculators.mixing import SumCalculator
from dftd3.ase import DFTD3

from gaunt_md import GauntCalculator
from gaunt_md.simulate.structures import read_structure

parser = argparse.ArgumentParser()
parser.add_argument("potential")
parser.add_argument("structure", type=Path)
parser.add_argument("--method", default="PBE", help="functional of the training data")
options = parser.parse_args()

atoms = read_structure(options.structure)
short_range = GauntCalculator(options.potential)
dispersion = DFTD3(method=options.method, damping="d3bj")
atoms.calc = SumCalculator([short_range, dispersion])
print(f"energy {atoms.get_potential_energy():.6f} eV")
print(f"of which dispersion {dispersion.get_potential_energy(atoms):.6f} eV")
print(f"largest force {abs(atoms.get_forces()).max():.6f} eV/Å")
