"""Structures of ASE as mdtraj has them: nm, ps, float32, the cell in standard orientation.

mdtraj keeps only lengths and angles of a cell and takes the orientation with a along x and b in the
xy plane for granted, so positions and velocities are rotated with the cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import mdtraj
import numpy as np
from ase import Atoms, units
from ase.neighborlist import natural_cutoffs, neighbor_list
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from ..units import ANGSTROM_TO_NM, FS_TO_PS
from .trajectory import Trajectory

VELOCITY_TO_NM_PER_PS = ANGSTROM_TO_NM * units.fs / FS_TO_PS
"""Velocity in ASE's unit times this is velocity in nm/ps."""


@dataclass(frozen=True)
class StandardFrame:
    """A structure in standard orientation.

    Attributes
    ----------
    positions : ndarray, shape (atoms, 3), float64
        In nm.
    velocities : ndarray, shape (atoms, 3), float64
        In nm/ps.
    box : ndarray, shape (3, 3), float64
        Cell vectors in nm; zero if there are less than three.
    lengths, angles : ndarray, shape (3,), float64, or None
        Of the cell, in nm and degrees; None if there are less than three vectors.
    """

    positions: np.ndarray
    velocities: np.ndarray
    box: np.ndarray
    lengths: np.ndarray | None
    angles: np.ndarray | None


def standard_frame(atoms: Atoms) -> StandardFrame:
    """Rotate a structure into the orientation that mdtraj takes for granted."""
    positions = ANGSTROM_TO_NM * atoms.positions
    velocities = VELOCITY_TO_NM_PER_PS * atoms.get_velocities()
    if atoms.cell.rank < 3:
        return StandardFrame(positions, velocities, np.zeros((3, 3)), None, None)
    cell, rotation = atoms.cell.standard_form()
    parameters = cell.cellpar()
    return StandardFrame(
        positions @ rotation.T,
        velocities @ rotation.T,
        ANGSTROM_TO_NM * cell.array,
        ANGSTROM_TO_NM * parameters[:3],
        parameters[3:],
    )


def to_topology(atoms: Atoms) -> mdtraj.Topology:
    """Return the atoms as mdtraj's topology: a residue for every molecule, one for a crystal.

    Molecules are what covalent radii connect; they become residues, with bonds, if their atoms
    follow each other.
    """
    topology = mdtraj.Topology()
    chain = topology.add_chain()
    first, second = _bonds(atoms)
    molecules = _molecules(len(atoms), first, second)
    crystal = atoms.pbc.any() and molecules.max(initial=0) == 0
    residue = None
    for index, symbol in enumerate(atoms.get_chemical_symbols()):
        if residue is None or molecules[index] != molecules[index - 1]:
            residue = topology.add_residue("ALL" if crystal else "MOL", chain)
        topology.add_atom(symbol, mdtraj.element.Element.getBySymbol(symbol), residue)
    if not crystal:
        for one, other in zip(first, second, strict=True):
            if one < other:
                topology.add_bond(topology.atom(one), topology.atom(other))
    return topology


def _bonds(atoms: Atoms) -> tuple[np.ndarray, np.ndarray]:
    first, second = neighbor_list("ij", atoms, natural_cutoffs(atoms, mult=1.1))
    return first, second


def _molecules(atoms: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the number of each atom's molecule, all 0 if their atoms do not follow each other."""
    graph = coo_matrix((np.ones(len(first)), (first, second)), shape=(atoms, atoms))
    count, molecules = connected_components(graph, directed=False)
    changes = int((np.diff(molecules) != 0).sum())
    return molecules if changes == count - 1 else np.zeros(atoms, dtype=int)


def to_mdtraj(run: Trajectory) -> mdtraj.Trajectory:
    """Convert a trajectory; velocities and energies have no place in mdtraj's."""
    frames = [standard_frame(frame) for frame in run.frames]
    periodic = frames[0].lengths is not None
    return mdtraj.Trajectory(
        np.array([frame.positions for frame in frames]),
        to_topology(run.frames[0]),
        time=FS_TO_PS * run.times,
        unitcell_lengths=np.array([frame.lengths for frame in frames]) if periodic else None,
        unitcell_angles=np.array([frame.angles for frame in frames]) if periodic else None,
    )
