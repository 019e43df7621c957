"""Melt silicon, quench the melt, and compare the radial distributions: amorphous silicon.

python 05_melt_and_quench.py --steps 20000
"""

import argparse
from pathlib import Path

from ase.build import bulk

from gaunt_md import GauntCalculator
from gaunt_md.simulate.dynamics import run_dynamics
from gaunt_md.simulate.ensembles import Conditions, Ensemble
from gaunt_md.simulate.figures import coordination_figure, save
from gaunt_md.simulate.radial import radial_distribution
from gaunt_md.simulate.trajectory import Trajectory
from gaunt_md.simulate.velocities import temperature, thermalised

parser = argparse.ArgumentParser()
parser.add_argument("--potential", default="si-small", help="shipped one, or file")
parser.add_argument("--steps", type=int, default=10000, help="of 2 fs, for melting and quenching")
parser.add_argument("--cells", type=int, default=2, help="cubic cells along each direction")
options = parser.parse_args()

calculator = GauntCalculator(options.potential)
crystal = bulk("Si", a=5.468, cubic=True) * options.cells
hot = Conditions(Ensemble.BUSSI, 2.0, temperature=3500.0)
melt = run_dynamics(
    thermalised(crystal, 3500.0, seed=1), calculator, hot, steps=options.steps, interval=20
)
cooling = Conditions(
    Ensemble.BUSSI, 2.0, temperature=2500.0, final_temperature=300.0, ramp_steps=options.steps
)
quench = run_dynamics(melt.frames[-1], calculator, cooling, steps=options.steps, interval=20)

found = {}
for name, run in {"melt": melt, "quenched": quench}.items():
    last = len(run.frames) // 4 + 1
    found[name] = radial_distribution(Trajectory(run.times[-last:], run.frames[-last:]), 0.1)
    print(
        f"{name:9s} {temperature(run.frames[-1]):5.0f} K  "
        f"{run.potential_energies[-1] / len(crystal):.3f} eV/atom  "
        f"neighbours within 2.9 Å {found[name].coordination[found[name].distances < 2.9][-1]:.2f}"
    )
save(coordination_figure(found), Path("melt-and-quench.png"))
