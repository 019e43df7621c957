"""`gaunt-md bench product --crossovers`: which method of the product is fastest, by degree."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from .. import __version__
from ..files import write_whole
from ..sphere import GauntProduct
from .contenders import case, methods_at, nodes_for, random
from .timing import measure, processor

# How much faster another method must be to be chosen: less than that is the noise of timings.
MARGIN = 0.05


def measure_methods(
    channels: int, rounds: int, degrees: Sequence[int]
) -> Iterator[tuple[int, dict[str, float]]]:
    """Yield each degree with the times of grid, fourier and direct, in µs for one node.

    Of the forward and backward pass of a product of two functions to the same degree, float32.
    """
    for degree in degrees:
        nodes = nodes_for(degree, 1000)
        torch.manual_seed(0)
        x, y = (random((nodes, (degree + 1) ** 2, channels)) for _ in range(2))
        cases = {
            method: case(GauntProduct(degree, degree, degree, method), x, y)
            for method in methods_at(degree)
        }
        times = measure(cases, rounds)
        yield degree, {method: 1e3 * one.training / nodes for method, one in times.items()}


def crossovers(times: Sequence[tuple[int, dict[str, float]]]) -> list[tuple[str, int | None]]:
    """Return the fastest method up to each degree: [("grid", 20), ("fourier", None)].

    A method keeps its place unless another one is faster by more than 5 %. Degrees that were left
    out belong to the lower one of their neighbours.
    """
    table: list[tuple[str, int | None]] = []
    chosen = ""
    for (degree, of_methods), before in zip(times, [None, *times], strict=False):
        fastest = min(of_methods, key=lambda method: of_methods[method])
        if chosen in of_methods and of_methods[chosen] <= (1 + MARGIN) * of_methods[fastest]:
            continue
        if before is not None:
            table.append((chosen, degree - 1))
        chosen = fastest
    return [*table, (chosen, None)]


def write_crossovers(
    times: Sequence[tuple[int, dict[str, float]]], channels: int, path: Path
) -> None:
    """Write the table in the form that method="auto" reads, with the times it comes from."""
    source = (
        f"gaunt-md {__version__}, `gaunt-md bench product --crossovers` on {processor()}, "
        f"torch {torch.__version__}, {torch.get_num_threads()} thread(s), float32, "
        f"{channels} channels"
    )
    rows = [
        {"degree": degree, **{method: float(f"{time:.3g}") for method, time in one.items()}}
        for degree, one in times
    ]
    text = (
        f'{{\n  "source": {json.dumps(source)},\n'
        f'  "fastest_up_to_degree": {json.dumps(crossovers(times))},\n'
        '  "microseconds": [\n    ' + ",\n    ".join(map(json.dumps, rows)) + "\n  ]\n}\n"
    )
    write_whole(path, text.encode())
