"""Times steps of velocity Verlet in ASE: one script for every calculator that is compared.

    python ase_dynamics.py '{"structure": "silicon.traj", "steps": 20, ...}'

It runs in the environment of the calculator, so it imports nothing but ASE, torch and that.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import ase.io
import torch
from ase import units
from ase.md.verlet import VelocityVerlet


def gaunt(options: dict[str, Any]) -> Any:
    """Return the calculator of gaunt-md."""
    from gaunt_md.calculator import GauntCalculator

    return GauntCalculator(options["potential"])


def mace(options: dict[str, Any]) -> Any:
    """Return MACE's calculator of an untrained model, in float32."""
    from mace.calculators import MACECalculator
    from mace_model import untrained_mace

    torch.set_default_dtype(torch.float32)
    model = untrained_mace(**options).eval()
    return MACECalculator(models=[model], device="cpu", default_dtype="float32")


CALCULATORS: dict[str, Callable[[dict[str, Any]], Any]] = {"gaunt": gaunt, "mace": mace}


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Return how many steps were made and the seconds they took, and the fastest one."""
    torch.set_num_threads(job["threads"])
    (atoms,) = ase.io.read(job["structure"], index=":")
    atoms.calc = CALCULATORS[job["calculator"]](job["options"])
    dynamics = VelocityVerlet(atoms, job["timestep"] * units.fs)
    dynamics.run(job["warm_up"])
    start, busy = time.perf_counter(), time.process_time()
    clock: list[float] = []
    for _ in dynamics.irun(job["steps"]):  # which begins with the state before the first step
        clock.append(time.perf_counter())
        if len(clock) > 1 and clock[-1] - start > job["seconds"]:
            break
    return {
        "steps": len(clock) - 1,
        "seconds": clock[-1] - start,
        "fastest_step": min(after - before for before, after in pairwise(clock)),
        "processor_seconds": time.process_time() - busy,
    }


if __name__ == "__main__":
    with warnings.catch_warnings(action="ignore"):
        print(json.dumps(main(json.loads(sys.argv[1]))))
