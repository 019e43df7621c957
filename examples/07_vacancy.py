"""Formation energy of a vacancy in silicon: E(N - 1 atoms) - (N - 1)/N E(N atoms).

python 07_vacancy.py --cells 3
"""

import argparse

from ase.build import bulk

from gaunt_md import GauntCalculator
from gaunt_md.simulate.relax import relax, relax_crystal

parser = argparse.ArgumentParser()
parser.add_argument("--potential", default="si", help="shipped one, or file, with silicon")
parser.add_argument("--cells", type=int, default=2, help="cubic cells along each direction")
options = parser.parse_args()

calculator = GauntCalculator(options.potential)
crystal = relax_crystal(bulk("Si", cubic=True), calculator, force_tolerance=1e-3).atoms
perfect = crystal * options.cells
perfect.calc = calculator
per_atom = perfect.get_potential_energy() / len(perfect)

vacancy = perfect.copy()
del vacancy[0]
vacancy.rattle(0.02, seed=1)  # leaves the symmetric saddle point
relaxation = relax(vacancy, calculator, cell=False, force_tolerance=0.01)
formation = relaxation.energy - len(vacancy) * per_atom
print(f"{len(vacancy)} atoms, relaxed in {relaxation.steps} steps")
print(f"vacancy formation energy {formation:.3f} eV")
