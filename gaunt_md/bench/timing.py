"""Times and memory of calculations that do the same work, and the processor they ran on."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile


@dataclass(frozen=True)
class Case:
    """A calculation, and the tensors with respect to which it is differentiated."""

    call: Callable[[], Tensor]
    leaves: Sequence[Tensor]

    def forward(self) -> None:
        """Run without recording for derivatives."""
        with torch.no_grad():
            self.call()

    def forward_and_backward(self) -> None:
        """Run, and differentiate the sum of the result."""
        torch.autograd.grad(self.call().sum(), self.leaves)


@dataclass(frozen=True)
class Measurement:
    """What one case took.

    Attributes
    ----------
    forward, training : float
        Median times of the forward pass and of forward and backward pass, in ms.
    memory : float
        Largest memory held at once by the tensors of forward and backward pass, in MB, without
        inputs and weights.
    """

    forward: float
    training: float
    memory: float


def measure(cases: Mapping[str, Case], rounds: int) -> dict[str, Measurement]:
    """Time cases in turn, one run of each in every round, after a run that does not count.

    Whatever else the machine does meanwhile meets all cases alike.
    """
    memory = {name: peak_memory(case.forward_and_backward) for name, case in cases.items()}
    forward: dict[str, list[float]] = {name: [] for name in cases}
    training: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            forward[name].append(seconds(case.forward))
            training[name].append(seconds(case.forward_and_backward))
    return {
        name: Measurement(1e3 * median(forward[name]), 1e3 * median(training[name]), memory[name])
        for name in cases
    }


def seconds(run: Callable[[], object]) -> float:
    """Return the time one run takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def peak_memory(run: Callable[[], None]) -> float:
    """Return the largest sum of the memory of tensors made during a run, in MB."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        run()
    assert profiler.profiler is not None
    events = profiler.profiler.kineto_results.events()
    held = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    return peak / 1e6


def processor() -> str:
    """Return the name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
