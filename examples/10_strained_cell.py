"""A strained and shaken cell of silicon finds back to the crystal; its elastic constants.

python 10_strained_cell.py
"""

import argparse
from pathlib import Path

import numpy as np
from ase.build import bulk

from gaunt_md import GauntCalculator
from gaunt_md.simulate.elasticity import compute_elasticity
from gaunt_md.simulate.figures import elasticity_figure, save
from gaunt_md.simulate.relax import relax, relax_crystal
from gaunt_md.simulate.symmetry import conventional_cell

parser = argparse.ArgumentParser()
parser.add_argument("--potential", default="si", help="shipped one, or file, with silicon")
options = parser.parse_args()

calculator = GauntCalculator(options.potential, double_precision=True)
strained = bulk("Si", cubic=True)
strain = np.array([[0.03, 0.02, 0.0], [0.0, -0.02, 0.01], [0.0, 0.0, 0.01]])
strained.set_cell(strained.cell @ (np.eye(3) + strain), scale_atoms=True)
strained.rattle(0.05, seed=1)

summary = relax(strained, calculator, force_tolerance=1e-4).summary()
for when in ("before", "after"):
    print(
        f"{when:6s} {summary[f'space_group_{when}']:12s} "
        f"{summary[f'energy_{when}_eV_per_atom']:.4f} eV/atom, "
        f"largest stress {summary[f'largest_stress_{when}_GPa']:.3f} GPa"
    )
crystal = conventional_cell(relax_crystal(bulk("Si", cubic=True), calculator).atoms)
elasticity = compute_elasticity(crystal, calculator)
print("C11, C12, C44:", *(f"{elasticity.tensor[i]:.1f}" for i in ((0, 0), (0, 1), (3, 3))), "GPa")
save(elasticity_figure(elasticity), Path("elasticity.png"))
