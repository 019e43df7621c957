"""Energy of a molecule when a bond turns, as the dihedral scans of 3BPA.

    gaunt-md train 3bpa.yaml
    python 11_dihedral_scan.py 3bpa/3bpa.pt test_300K.xyz@0 5 13 14 17

The four atoms define the dihedral, here that of the phenyl ring; all atoms beyond its middle bond
turn together. The configuration is potentials/configs/3bpa.yaml, an hour of one core; data: Kovács
et al., J. Chem. Theory Comput. 17, 7696 (2021). `gaunt-md evaluate 3bpa/3bpa.pt test_300K.xyz` gave
force errors of 0.0120 eV/Å (root mean square), 0.133 meV/atom in the energy, and 0.0308 eV/Å and
0.417 meV/atom on test_600K.xyz.
"""

import argparse
from pathlib import Path

import numpy as np
from ase.neighborlist import build_neighbor_list, natural_cutoffs
from matplotlib.figure import Figure
from scipy.sparse.csgraph import connected_components

from gaunt_md import GauntCalculator
from gaunt_md.batch import evaluate_many
from gaunt_md.simulate.figures import save
from gaunt_md.simulate.figures.style import BLUE, paper_style
from gaunt_md.simulate.relax import relax
from gaunt_md.simulate.structures import read_structure

parser = argparse.ArgumentParser()
parser.add_argument("potential")
parser.add_argument("molecule", type=Path, help="file, or FILE@index for one of several frames")
parser.add_argument("dihedral", type=int, nargs=4, help="indices of four bonded atoms, from 0")
parser.add_argument("--angles", type=int, default=73, help="number of angles from -180 to 180°")
parser.add_argument("--max-steps", type=int, default=300, help="of the relaxation before")
options = parser.parse_args()

calculator = GauntCalculator(options.potential)
start = read_structure(options.molecule)
molecule = relax(start, calculator, cell=False, max_steps=options.max_steps).atoms

first, second, third, fourth = options.dihedral
bonds = build_neighbor_list(
    molecule, natural_cutoffs(molecule), self_interaction=False, bothways=True
).get_connectivity_matrix(sparse=False)
bonds[second, third] = bonds[third, second] = 0
_, halves = connected_components(bonds, directed=False)
turning = halves == halves[third]
if turning[second]:
    raise SystemExit("the middle bond is part of a ring; choose one that can turn")

angles = np.linspace(-180.0, 180.0, options.angles)
conformers = []
for angle in angles:
    turned = molecule.copy()
    turned.set_dihedral(first, second, third, fourth, angle, mask=turning)
    conformers.append(turned)
energies = np.array([c.get_potential_energy() for c in evaluate_many(calculator, conformers)])
energies -= energies.min()
print(f"lowest at {angles[energies.argmin()]:.0f}°, barrier {energies.max():.3f} eV")

with paper_style():
    figure = Figure(figsize=(4.5, 3.0), layout="constrained")
    axes = figure.add_subplot(xlabel="Dihedral (degrees)", ylabel="Energy (eV)")
    axes.plot(angles, energies, color=BLUE)
    axes.set_xticks(range(-180, 181, 60))
    axes.set_xlim(-180.0, 180.0)
    axes.set_ylim(bottom=0.0)
save(figure, Path("dihedral.png"))
