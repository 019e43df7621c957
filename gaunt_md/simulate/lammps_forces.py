"""Forces computed by LAMMPS on many structures of the same atoms in the same cell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.calculators.lammps import Prism

from ..errors import InputError
from ..files import write_whole, written_beside
from ..progress import Progress, silent
from .lammps_dynamics import require_program, run_lammps
from .phonons import Phonons, displace, phonons_from_forces

_INPUT = """\
# Forces on displaced atoms, written by gaunt-md. Run it with
#     lmp -in {name}
units       metal
boundary    p p p
box         tilt large
read_data   {stem}.data

{potential}

thermo      1
dump        forces all custom 1 {stem}.forces id fx fy fz
dump_modify forces sort id format float %.17g
rerun       {stem}.lammpstrj dump x y z box no
"""


def lammps_forces(
    structures: Sequence[Atoms], potential: Sequence[str], path: Path, *, ranks: int = 1
) -> list[np.ndarray]:
    """Compute the forces on structures with one run of LAMMPS.

    Parameters
    ----------
    structures : sequence of Atoms
        The same atoms in the same cell, periodic in three directions, in any orientation. Atom
        types are numbered in alphabetic order of the elements.
    potential : sequence of str
        The commands that define the potential, ``["pair_style ...", "pair_coeff ..."]``.
    path : Path
        The input file to write; its data, positions and forces are written beside it. Its folder
        is made if it is missing.
    ranks : int
        Number of MPI ranks.

    Returns
    -------
    list of ndarray, shape (atoms, 3), float64
        Forces in eV/Å, in the orientation of the structures.

    Raises
    ------
    InputError
        If the structures differ in more than positions, or are not periodic.
    LammpsError
        If LAMMPS is not installed or ends with an error.
    """
    first = structures[0]
    _check(structures)
    require_program("lmp")
    path.parent.mkdir(exist_ok=True)
    prism = Prism(first.cell)
    with written_beside(path.with_suffix(".data")) as beside:
        elements = sorted(set(first.get_chemical_symbols()))
        ase.io.write(
            beside, first, format="lammps-data", specorder=elements, masses=True, prismobj=prism
        )
    frames = [_frame(step, structure, prism) for step, structure in enumerate(structures)]
    write_whole(path.with_suffix(".lammpstrj"), "".join(frames).encode())
    script = _INPUT.format(name=path.name, stem=path.stem, potential="\n".join(potential))
    write_whole(path, script.encode())
    run_lammps(path, run=path.stem, ranks=ranks)
    lines = path.with_suffix(".forces").read_text().splitlines()
    length = len(first) + 9
    return [
        prism.vector_to_ase(np.loadtxt(lines[start + 9 : start + length], ndmin=2)[:, 1:])
        for start in range(0, length * len(structures), length)
    ]


def compute_phonons_in_lammps(
    atoms: Atoms,
    potential: Path,
    path: Path,
    *,
    supercell_width: float = 10.0,
    displacement: float = 0.02,
    snapshots: int | None = None,
    born: Path | None = None,
    progress: Progress = silent,
) -> Phonons:
    """Compute the phonons of a relaxed crystal, the forces by ``pair_style gaunt`` in LAMMPS.

    Parameters
    ----------
    atoms, supercell_width, displacement, snapshots, born
        As for `gaunt_md.simulate.phonons.compute_phonons`, and so are the errors.
    potential : Path
        A potential file.
    path : Path
        The LAMMPS input to write, see `lammps_forces`.
    progress : callable
        Told when LAMMPS starts and ends.

    Raises
    ------
    LammpsError
        If LAMMPS is not installed or ends with an error.
    """
    displacements = displace(
        atoms,
        supercell_width=supercell_width,
        displacement=displacement,
        snapshots=snapshots,
        born=born,
    )
    elements = sorted(set(atoms.get_chemical_symbols()))
    commands = [f'pair_style gaunt "{potential.resolve()}"', f"pair_coeff * * {' '.join(elements)}"]
    progress("LAMMPS computes the forces", 0, 1)
    forces = lammps_forces(displacements.supercells, commands, path)
    progress("LAMMPS computes the forces", 1, 1)
    return phonons_from_forces(displacements, forces)


def _check(structures: Sequence[Atoms]) -> None:
    first = structures[0]
    if not first.pbc.all():
        raise InputError(
            f"the structures have pbc {first.pbc.tolist()}; this LAMMPS input needs them periodic "
            "in three directions"
        )
    for index, structure in enumerate(structures):
        same_atoms = np.array_equal(structure.numbers, first.numbers)
        if not same_atoms or not np.allclose(structure.cell, first.cell, atol=1e-10):
            raise InputError(
                f"structure {index} has other atoms or another cell than the first; only positions "
                "may differ"
            )


def _frame(step: int, structure: Atoms, prism: Prism) -> str:
    """Return a structure as one frame of a dump; its header repeats the box as LAMMPS wants it."""
    lx, ly, lz, xy, xz, yz = prism.get_lammps_prism()
    tilted = prism.is_skewed()
    bounds = [
        (min(0.0, xy, xz, xy + xz), lx + max(0.0, xy, xz, xy + xz), xy),
        (min(0.0, yz), ly + max(0.0, yz), xz),
        (0.0, lz, yz),
    ]
    positions = prism.vector_to_lammps(structure.positions).tolist()
    lines = [
        *("ITEM: TIMESTEP", f"{step}", "ITEM: NUMBER OF ATOMS", f"{len(structure)}"),
        f"ITEM: BOX BOUNDS {'xy xz yz ' if tilted else ''}pp pp pp",
        *(" ".join(f"{x:.17g}" for x in (bound if tilted else bound[:2])) for bound in bounds),
        "ITEM: ATOMS id x y z",
        *(f"{atom} {x:.17g} {y:.17g} {z:.17g}" for atom, (x, y, z) in enumerate(positions, 1)),
    ]
    return "\n".join(lines) + "\n"
