"""How much faster many small cells are together than one by one.

OMP_NUM_THREADS=1 python 19_batch_speed.py
"""

import argparse
import time

from ase.build import bulk

from gaunt_md import GauntCalculator
from gaunt_md.batch import evaluate_many

parser = argparse.ArgumentParser()
parser.add_argument("--potential", default="si", help="shipped one, or file, with silicon")
parser.add_argument("--structures", type=int, default=64)
parser.add_argument("--rounds", type=int, default=5, help="alternating; the fastest counts")
options = parser.parse_args()

calculator = GauntCalculator(options.potential)
structures = []
for seed in range(options.structures):
    structures.append(bulk("Si", cubic=True))
    structures[-1].rattle(0.1, seed=seed)


def one_by_one() -> None:
    for atoms in structures:
        atoms.calc = calculator
        atoms.get_forces()
        calculator.reset()


def together() -> None:
    evaluate_many(calculator, structures)


def seconds(run: object) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


one_by_one(), together()
times = [(seconds(one_by_one), seconds(together)) for _ in range(options.rounds)]
alone, batch = (min(column) for column in zip(*times, strict=True))
print(
    f"{options.structures} cells of 8 atoms: {1e3 * alone:.0f} ms one by one, {1e3 * batch:.0f} ms"
)
print(f"together: {alone / batch:.1f} times faster")
