"""Analysis of trajectories, through mdtraj."""

from __future__ import annotations

from dataclasses import dataclass

import mdtraj
import numpy as np

from ..errors import InputError
from ..units import ANGSTROM_TO_NM, FS_TO_PS
from .geometry import face_distances
from .trajectory import Trajectory


@dataclass(frozen=True)
class RadialDistribution:
    """Pair distribution function g(r).

    Attributes
    ----------
    distances : ndarray, shape (bins,), float64
        Centres of the bins in Å.
    values : ndarray, shape (bins,), float64
        g(r): 1 where pairs are as frequent as in an ideal gas of the same density.
    """

    distances: np.ndarray
    values: np.ndarray


def radial_distribution(run: Trajectory, bin_width: float = 0.05) -> RadialDistribution:
    """Compute g(r) of all atoms, averaged over the frames.

    It ends at half the smallest distance between opposite faces of the cell: farther out the
    nearest periodic images are no longer all pairs.

    Parameters
    ----------
    run : Trajectory
        Frames periodic in three directions.
    bin_width : float
        Width of the bins in Å.
    """
    first = run.frames[0]
    if not first.pbc.all():
        raise InputError(
            f"g(r) needs a structure periodic in three directions, pbc is {first.pbc.tolist()}."
        )
    converted = to_mdtraj(run)
    distances, values = mdtraj.compute_rdf(
        converted,
        converted.topology.select_pairs("all", "all"),
        r_range=(0.0, ANGSTROM_TO_NM * face_distances(first).min() / 2),
        bin_width=ANGSTROM_TO_NM * bin_width,
    )
    return RadialDistribution(distances / ANGSTROM_TO_NM, values)


def to_mdtraj(run: Trajectory) -> mdtraj.Trajectory:
    """Convert to mdtraj: nm, ps, float32, one residue, the cell in standard orientation.

    mdtraj keeps only lengths and angles of a cell and takes the orientation with a along x
    and b in the xy plane for granted, so the positions are rotated with the cell.
    """
    topology = mdtraj.Topology()
    residue = topology.add_residue("ALL", topology.add_chain())
    for symbol in run.frames[0].get_chemical_symbols():
        topology.add_atom(symbol, mdtraj.element.Element.getBySymbol(symbol), residue)
    positions = [frame.positions @ frame.cell.standard_form()[1].T for frame in run.frames]
    cell_parameters = np.array([frame.cell.cellpar() for frame in run.frames])
    return mdtraj.Trajectory(
        ANGSTROM_TO_NM * np.array(positions),
        topology,
        time=FS_TO_PS * run.times,
        unitcell_lengths=ANGSTROM_TO_NM * cell_parameters[:, :3],
        unitcell_angles=cell_parameters[:, 3:],
    )
