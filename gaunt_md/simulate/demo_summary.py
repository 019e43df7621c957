"""The summary of the demonstration, and what it compares silicon with."""

from __future__ import annotations

from typing import Any

from ..lammps import INSTALL
from .compare import ENERGY_BOUND, FORCE_BOUND, POSITION_BOUND
from .figures import ReferenceFrequencies

DFT_LATTICE_CONSTANT = 5.466
"""Silicon, PBE, in Å: the cell in which the frequencies below were computed."""

DFT_PHONONS = ReferenceFrequencies(
    "DFT PBE (Si example of phono3py)",
    {"Γ": (15.09,), "X": (4.40, 12.05, 13.42), "L": (3.33, 11.13, 12.02, 14.33)},
)
"""Silicon, PBE: fitted to the forces on 111 displaced supercells of 64 atoms."""

EXPERIMENTAL_LATTICE_CONSTANT = 5.431
"""Silicon at room temperature, in Å."""

EXPERIMENTAL_OPTICAL_FREQUENCY = 15.5
"""Silicon at room temperature, Raman line, in THz."""

_TEXT = """\
# Silicon with the potential {potential}

Written by `gaunt-md demo`, version {version}.

| | gaunt-md | DFT, PBE | experiment |
| --- | --- | --- | --- |
| lattice constant, Å | {lattice_constant:.3f} | {dft_lattice:.3f} | {experimental_lattice:.3f} |
| space group | {space_group} | Fd-3m (227) | Fd-3m (227) |
| optical frequency at Γ, THz | {optical:.2f} | {dft_optical:.2f} | {experimental_optical:.1f} |

The DFT values (PBE) come from the silicon example of phono3py; `phonons/bands.png` marks those
at Γ, X and L.

## The same dynamics in two engines

{dynamics}

Energies and forces are compared at the start (bounds {energy_bound:.0e} eV/atom and
{force_bound:.0e} eV/Å), positions along the whole run (bound {position_bound:.0e} Å).

## Files

- `structures/`: silicon before and after the relaxation; the dynamics' positions and velocities
- `phonons/`: the bands, and `phonopy.yaml` with the force constants, for phonopy's own commands
- `dynamics/`: the trajectory of ASE; energies and radial distribution functions of all runs
- `lammps/`: input, data, dumps and logs; `lmp -in silicon.in` repeats the run
- `summary.json`: the numbers above
"""


def summary_text(summary: dict[str, Any]) -> str:
    """Return the summary as Markdown."""
    relaxation, phonons = summary["relaxation"], summary["phonons"]
    return _TEXT.format(
        potential=summary["potential"],
        version=summary["gaunt_md_version"],
        lattice_constant=relaxation["lattice_constant_A"],
        dft_lattice=DFT_LATTICE_CONSTANT,
        experimental_lattice=EXPERIMENTAL_LATTICE_CONSTANT,
        space_group=relaxation["space_group"],
        optical=max(phonons["Γ_THz"]),
        dft_optical=DFT_PHONONS.frequencies["Γ"][0],
        experimental_optical=EXPERIMENTAL_OPTICAL_FREQUENCY,
        dynamics=_dynamics_table(summary["dynamics"]),
        energy_bound=ENERGY_BOUND,
        force_bound=FORCE_BOUND,
        position_bound=POSITION_BOUND,
    )


def _dynamics_table(runs: dict[str, dict[str, Any]]) -> str:
    rows = [
        "| run | mean temperature, K | energy conserved within, meV/atom | energy difference, "
        "eV/atom | force difference, eV/Å | position difference, Å | agrees with ASE |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, run in runs.items():
        cells = [
            name,
            f"{run['mean_temperature_K']:.0f}",
            f"{run['energy_conserved_within_meV_per_atom']:.3f}",
        ]
        if "agrees_with_ASE" in run:
            cells += [
                f"{run['energy_difference_eV_per_atom']:.0e}",
                f"{run['force_difference_eV_per_A']:.0e}",
                f"{run['position_difference_A']:.0e}",
                "yes" if run["agrees_with_ASE"] else "NO",
            ]
        else:
            cells += ["", "", "", ""]
        rows.append(f"| {' | '.join(cells)} |")
    if len(runs) == 1:
        rows += ["", f"LAMMPS did not run. {INSTALL}."]
    return "\n".join(rows)
