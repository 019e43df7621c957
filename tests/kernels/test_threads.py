"""The kernels share their work among as many threads as torch is told to use."""

from __future__ import annotations

import subprocess
import sys

import pytest

STARTED_THREADS = """
import os
import torch
from gaunt_md import kernels
torch.set_num_threads(1)
directions = torch.nn.functional.normalize(torch.randn(1000, 3), dim=-1)
alone = torch.ops.gaunt.harmonics(directions, 3)
before = len(os.listdir("/proc/self/task"))
torch.set_num_threads(2)
together = torch.ops.gaunt.harmonics(directions, 3)
print(len(os.listdir("/proc/self/task")) - before, torch.equal(alone, together))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_a_second_thread_takes_part() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STARTED_THREADS], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1", "True"]
