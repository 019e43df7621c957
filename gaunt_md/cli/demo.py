"""`gaunt-md demo`: the whole path in a few minutes."""

from __future__ import annotations

import time
from pathlib import Path

from .options import OutputFolder, SiliconPotential


def demo(
    output: OutputFolder = Path("gaunt-demo"),
    potential: SiliconPotential = "si",
) -> None:
    """Relax silicon, compute its phonons, run the same dynamics in ASE and in LAMMPS.

    Example: gaunt-md demo --output my-first-run
    """
    from rich.console import Console

    from ..errors import BuildError, GauntError, LammpsError

    console = Console(highlight=False)
    with console.status("Start"):
        import torch

        from ..simulate.demo import Demo

        # Threads gain little for so few atoms, and lose much where other programs run.
        torch.set_num_threads(1)

        demonstration = Demo(output, potential)
    failed = False
    for step in demonstration.steps():
        start = time.perf_counter()
        with console.status(f"{step.title} ..."):
            try:
                result = step.run()
            except (BuildError, LammpsError) as error:
                # What ASE has computed is worth its figures and its summary.
                result, failed = f"FAILED: {error}", True
        console.print(f"[bold]{step.title}[/] [dim]({time.perf_counter() - start:.1f} s)[/]")
        console.print(f"    {result}", markup=False, soft_wrap=True)
    if failed:
        raise LammpsError("not every step succeeded; `gaunt-md lammps doctor` looks for the cause")
    if not demonstration.agrees:
        raise GauntError(
            f"LAMMPS and ASE disagree; '{output / 'summary.md'}' tells by how much. Please report "
            "it with that folder."
        )
