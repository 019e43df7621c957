"""Diffusion in liquid silicon, with error bars.

python 09_diffusion.py --steps 20000
"""

import argparse
from pathlib import Path

from ase.build import bulk

from gaunt_md import GauntCalculator
from gaunt_md.simulate.dynamics import run_dynamics
from gaunt_md.simulate.ensembles import Conditions, Ensemble
from gaunt_md.simulate.figures import diffusion_figure, save
from gaunt_md.simulate.transport import diffusion
from gaunt_md.simulate.velocities import thermalised

parser = argparse.ArgumentParser()
parser.add_argument("--potential", default="si-small", help="shipped one, or file")
parser.add_argument("--steps", type=int, default=10000, help="of 2 fs, after as many for melting")
parser.add_argument("--cells", type=int, default=2, help="cubic cells along each direction")
options = parser.parse_args()

calculator = GauntCalculator(options.potential)
# The density of the melt, 2.57 g/cm^3, which is higher than that of the crystal.
crystal = bulk("Si", a=5.256, cubic=True) * options.cells
melting = Conditions(
    Ensemble.BUSSI, 2.0, temperature=4000.0, final_temperature=2000.0, ramp_steps=options.steps
)
liquid = run_dynamics(
    thermalised(crystal, 4000.0, seed=1), calculator, melting, steps=options.steps, interval=50
)
hot = Conditions(Ensemble.BUSSI, 2.0, temperature=2000.0, thermostat_time=500.0)
run = run_dynamics(liquid.frames[-1], calculator, hot, steps=options.steps, interval=10)
found = diffusion(run)
print(f"diffusion coefficient at 2000 K {found.coefficient:.2e} ± {found.error:.0e} cm^2/s")
save(diffusion_figure({"liquid silicon": found}), Path("diffusion.png"))
