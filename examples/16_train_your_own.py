"""Train a potential on data of your own, and use it.

    python 16_train_your_own.py my_data.xyz --epochs 200

The file holds structures with energies, forces and, if there, stresses in extended XYZ. On the
command line the same is:  gaunt-md train --train my_data.xyz
"""

import argparse
import subprocess
import sys
from pathlib import Path

import ase.io
import numpy as np

from gaunt_md import GauntCalculator

parser = argparse.ArgumentParser()
parser.add_argument("data", type=Path)
parser.add_argument("--epochs", type=int, default=200)
parser.add_argument("--channels", type=int, default=32)
options = parser.parse_args()

command = [sys.executable, "-m", "gaunt_md.cli.main", "train", "--train", str(options.data)]
command += ["--epochs", str(options.epochs), "--channels", str(options.channels)]
subprocess.run([*command, "--output", "my-potential"], check=True)

(potential,) = Path("my-potential").glob("*.pt")
calculator = GauntCalculator(potential)
frame = ase.io.read(options.data, index=0)
expected = frame.get_forces()
frame.calc = calculator
error = np.sqrt(np.mean((frame.get_forces() - expected) ** 2))
print(f"{potential}: force error on the first structure {error:.3f} eV/Å")
