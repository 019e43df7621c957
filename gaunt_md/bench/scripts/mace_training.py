"""Times steps of training an untrained MACE: a plain loop with what mace-torch brings.

python mace_training.py '{"data": "structures.xyz", "steps": 100, ...}'
"""

from __future__ import annotations

import itertools
import json
import sys
import time
import warnings
from typing import Any

import ase.io
import numpy as np
import torch
from mace import modules
from mace.data import AtomicData, KeySpecification, config_from_atoms
from mace.tools import AtomicNumberTable
from mace.tools.torch_geometric.dataloader import DataLoader
from mace_model import untrained_mace


def batches(job: dict[str, Any], numbers: list[int]) -> Any:
    """Return a loader of the structures in the order in which gaunt-md meets them."""
    table, keys = AtomicNumberTable(numbers), KeySpecification.from_defaults()
    data = [
        AtomicData.from_config(config_from_atoms(atoms, keys), table, job["model"]["cutoff"])
        for atoms in ase.io.read(job["data"], index=":")
    ]
    order = np.random.default_rng([job["seed"], 0]).permutation(len(data))
    return DataLoader([data[k] for k in order], batch_size=job["batch_size"], shuffle=False)


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Return the seconds that the steps took."""
    torch.set_default_dtype(torch.float32)
    torch.set_num_threads(job["threads"])
    model = untrained_mace(**job["model"])
    loader = batches(job, model.atomic_numbers.tolist())
    loss = modules.WeightedEnergyForcesStressLoss(**job["loss"])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, amsgrad=True)
    start = 0.0
    rounds = itertools.chain.from_iterable(itertools.repeat(loader))
    for step, batch in enumerate(itertools.islice(rounds, job["warm_up"] + job["steps"])):
        if step == job["warm_up"]:
            start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        output = model(batch.to_dict(), training=True, compute_force=True, compute_stress=True)
        loss(pred=output, ref=batch).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=10.0)
        optimizer.step()
    return {"seconds": time.perf_counter() - start}


if __name__ == "__main__":
    with warnings.catch_warnings(action="ignore"):
        print(json.dumps(main(json.loads(sys.argv[1]))))
