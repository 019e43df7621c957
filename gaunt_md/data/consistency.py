"""Do energies and forces belong together? Finds wrong units and signs before any training."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from ase.geometry import find_mic

from .read import LabelledStructure

LARGEST_STEP = 0.6
"""Å; pairs of structures in which an atom moved farther tell nothing."""


def forces_against_energies(structures: Sequence[LabelledStructure]) -> tuple[float, float]:
    """Compare energy differences of similar structures with the work of their forces.

    For two structures that differ by small displacements d, the trapezoidal rule
    E2 - E1 = -(F1 + F2)·d/2 is exact up to third order.

    Returns
    -------
    slope : float
        Energy differences divided by work, least squares over neighbouring frames of the same
        atoms and cell; 1 where units and signs agree, 0.0367 for energies in Hartree beside
        forces in eV/Å. NaN where no two frames can be compared.
    correlation : float
        Between both; a slope without correlation means nothing.
    """
    pairs = [
        (second.energy - first.energy, work)
        for first, second in pairwise(x for x in structures if np.isfinite(x.forces).all())
        if (work := _work(first, second)) is not None
    ]
    if len(pairs) < 5:
        return float("nan"), 0.0
    energies, work = np.array(pairs).T
    if not np.isfinite(energies).all() or not work.any() or not energies.any():
        return float("nan"), 0.0
    correlation = (energies @ work) / np.sqrt((energies @ energies) * (work @ work))
    return float((energies @ work) / (work @ work)), float(correlation)


def unit_warning(structures: Sequence[LabelledStructure]) -> str | None:
    """Return a sentence about energies and forces that cannot belong together, or None."""
    slope, correlation = forces_against_energies(structures)
    if abs(correlation) < 0.8 or 0.5 < slope < 2:
        return None
    if slope < 0:
        return (
            f"energies change against the work of the forces (factor {slope:.3g}): the forces "
            "seem to have the wrong sign"
        )
    return (
        f"energies change by {slope:.3g} times the work of the forces, not by 1: are energies in "
        "eV and forces in eV/Å? (Hartree beside eV/Å: 0.0367; eV beside Hartree/Bohr: 51.4)"
    )


def _work(first: LabelledStructure, second: LabelledStructure) -> float | None:
    a, b = first.atoms, second.atoms
    if (
        len(a) != len(b)
        or (a.numbers != b.numbers).any()
        or (a.pbc != b.pbc).any()
        or not np.allclose(a.cell.array, b.cell.array, atol=1e-8)
    ):
        return None
    steps = b.positions - a.positions
    if a.pbc.any():
        steps, _ = find_mic(steps, a.cell, a.pbc)
    if np.linalg.norm(steps, axis=1).max() > LARGEST_STEP:
        return None
    return float(-0.5 * np.sum((first.forces + second.forces) * steps))
