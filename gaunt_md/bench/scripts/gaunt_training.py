"""Times steps of training a potential of gaunt-md.

python gaunt_training.py '{"configuration": {...}, "steps": 100, ...}'
"""

from __future__ import annotations

import json
import sys
from typing import Any

import torch

from gaunt_md.training.config import parse_configuration
from gaunt_md.training.step_times import time_steps


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Return the seconds that the steps took."""
    torch.set_num_threads(job["threads"])
    configuration = parse_configuration(job["configuration"])
    return {"seconds": time_steps(configuration, job["steps"], job["warm_up"])}


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
