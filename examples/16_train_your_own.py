"""Train a potential on data of your own, look at its errors, and use it.

    python 16_train_your_own.py my_data.xyz --epochs 200

The file holds structures with energies, forces and, if there, stresses in extended XYZ. On the
command line the same is:  gaunt-md train --train my_data.xyz --output my-potential
Training on Si_test.xyz of example 3, 25 structures of some 60 atoms, takes minutes of one core.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from gaunt_md import GauntCalculator
from gaunt_md.simulate.structures import read_structures

parser = argparse.ArgumentParser()
parser.add_argument("data", type=Path)
parser.add_argument("--epochs", type=int, default=200)
parser.add_argument("--channels", type=int, default=32)
options = parser.parse_args()

program = [sys.executable, "-m", "gaunt_md.cli.main"]
train = [*program, "train", "--train", str(options.data), "--output", "my-potential"]
train += ["--epochs", str(options.epochs), "--channels", str(options.channels)]
if status := subprocess.run(train).returncode:  # what is wrong, or how to go on, has been said
    sys.exit(status)

(potential,) = Path("my-potential").glob("*.pt")
# Of the training data themselves; errors on other structures, which count, are larger.
subprocess.run([*program, "evaluate", str(potential), str(options.data)], check=True)

atoms = read_structures(options.data)[0]
atoms.calc = GauntCalculator(potential)
print(f"{potential}: energy of the first structure {atoms.get_potential_energy():.3f} eV")
