"""Relax silicon, then run 0.1 ps of molecular dynamics at constant energy in ASE."""

import numpy as np
from ase import units
from ase.build import bulk
from ase.filters import FrechetCellFilter
from ase.md.velocitydistribution import thermalize_momenta
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS

from gaunt_md import GauntCalculator

atoms = bulk("Si", cubic=True)
atoms.calc = GauntCalculator("si")

BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=0.001)
print(f"lattice constant {atoms.cell.lengths()[0]:.4f} Å")
print(f"energy {atoms.get_potential_energy() / len(atoms):.4f} eV/atom")

atoms *= 2
atoms.calc = GauntCalculator("si")
thermalize_momenta(atoms, temperature_K=600, rng=np.random.default_rng(1))
dynamics = VelocityVerlet(atoms, timestep=1 * units.fs)
for _ in range(5):
    dynamics.run(20)
    print(
        f"{dynamics.get_time() / units.fs:4.0f} fs  {atoms.get_temperature():6.1f} K  "
        f"total energy {atoms.get_total_energy() / len(atoms):.6f} eV/atom"
    )
