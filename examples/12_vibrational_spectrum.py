"""Vibrations of a molecule, as of acetylacetone: harmonic from the Hessian, and from dynamics.

    gaunt-md train --train train_300K.xyz --train isolated_atoms.xyz --name acac --batch-size 5 \\
        --epochs 90
    python 12_vibrational_spectrum.py acac/acac.pt test_MD_300K.xyz@0 --steps 8000

Data: Batatia et al., arXiv:2205.06643. `gaunt-md evaluate acac/acac.pt test_MD_300K.xyz` gave force
errors of 0.0116 eV/Å, 0.116 meV/atom in the energy (root mean square).
"""

import argparse
from pathlib import Path

from ase.md.velocitydistribution import ZeroRotation
from ase.vibrations import VibrationsData

from gaunt_md import GauntCalculator
from gaunt_md.simulate.dynamics import run_dynamics
from gaunt_md.simulate.ensembles import Conditions, Ensemble
from gaunt_md.simulate.figures import save, spectrum_figure
from gaunt_md.simulate.figures.style import paper_style
from gaunt_md.simulate.relax import relax
from gaunt_md.simulate.structures import read_structure
from gaunt_md.simulate.velocities import thermalised
from gaunt_md.simulate.vibrations import vibrational_spectrum

parser = argparse.ArgumentParser()
parser.add_argument("potential")
parser.add_argument("molecule", type=Path, help="file, or FILE@index for one of several frames")
parser.add_argument("--steps", type=int, default=20000, help="of 0.5 fs at 300 K")
parser.add_argument("--max-steps", type=int, default=300, help="of the relaxation before")
options = parser.parse_args()

calculator = GauntCalculator(options.potential)
start = read_structure(options.molecule)
molecule = relax(start, calculator, cell=False, max_steps=options.max_steps).atoms
harmonic = VibrationsData.from_2d(molecule, calculator.get_hessian(molecule))
wavenumbers = harmonic.get_frequencies().real
print("highest harmonic wavenumbers", " ".join(f"{x:.0f}" for x in wavenumbers[-4:]), "1/cm")

hot = Conditions(Ensemble.LANGEVIN, 0.5, temperature=300.0)
warm = run_dynamics(
    thermalised(molecule, 300.0, seed=1), calculator, hot, steps=options.steps // 10, interval=100
)
free = Conditions(Ensemble.NVE, 0.5)
# Drawn anew, so that the molecule stays where it is and as it is turned.
start = thermalised(warm.frames[-1], 300.0, seed=2)
ZeroRotation(start)
run = run_dynamics(start, calculator, free, steps=options.steps, interval=4)
spectrum = vibrational_spectrum(run, resolution=1.0)
print(f"frames resolve up to {33.356 * spectrum.highest_frequency:.0f} 1/cm")

figure = spectrum_figure(spectrum, wavenumbers=True)
states = figure.axes[1]
vibrations = wavenumbers[6:]  # the others move and turn the whole molecule
states.plot(vibrations, 0.0 * vibrations, "|", color="0.3", markersize=12, label="harmonic")
with paper_style():
    states.legend()
save(figure, Path("spectrum.png"))
