"""What is in the data: one line per label, with what looks wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.table import Table

from ..units import EV_PER_CUBIC_ANGSTROM_TO_GPA
from .read import LabelKeys, LabelledStructure
from .statistics import composition

OUTLIER = 12.0
"""Robust standard deviations from the median beyond which a frame is called an outlier."""


@dataclass(frozen=True)
class LabelSummary:
    """One label over all structures.

    Attributes
    ----------
    label, key, unit : str
    structures : int
        How many have it.
        The key is "none" where there is no label, with what is there instead.
    lowest, highest : float
        NaN where no structure has the label.
    outliers : list of str
        The structures that stand apart, farthest first.
    """

    label: str
    key: str
    unit: str
    structures: int
    lowest: float
    highest: float
    outliers: list[str]


def summarise(
    structures: Sequence[LabelledStructure],
    keys: LabelKeys,
    elements: Sequence[str],
    reference_energies: Sequence[float],
) -> list[LabelSummary]:
    """Summarise energies (above the reference, per atom), largest forces and pressures.

    Isolated atoms are left out. Virials in place of stresses are named but not used: their sign
    is a convention of the program that wrote them.
    """
    structures = [x for x in structures if not x.is_isolated_atom]
    references = composition(structures, elements) @ np.asarray(reference_energies)
    energies = [
        (x.energy - reference) / len(x.atoms)
        for x, reference in zip(structures, references, strict=True)
    ]
    forces = [np.linalg.norm(x.forces, axis=1).max() for x in structures]
    pressures = [-np.trace(x.stress) / 3 * EV_PER_CUBIC_ANGSTROM_TO_GPA for x in structures]
    return [
        _summary(label, key or _instead(label, structures), unit, np.array(values), structures)
        for label, key, unit, values in (
            ("energy above reference", keys.energy, "eV/atom", energies),
            ("largest force", keys.forces, "eV/Å", forces),
            ("pressure from stress", keys.stress, "GPa", pressures),
        )
    ]


def summary_table(summaries: Sequence[LabelSummary], total: int) -> Table:
    """Return the summaries as a table for the terminal."""
    table = Table(title=f"{total} structures", title_justify="left")
    for name in ("label", "key", "structures", "from", "to", "unit", "outliers"):
        table.add_column(name, justify="right" if name in ("structures", "from", "to") else "left")
    for x in summaries:
        shown = "\n".join(x.outliers[:4]) or "none"
        if len(x.outliers) > 4:
            shown += f"\nand {len(x.outliers) - 4} more"
        ends = (f"{end:.4g}" if x.structures else "–" for end in (x.lowest, x.highest))
        table.add_row(x.label, x.key, str(x.structures), *ends, x.unit, shown)
    return table


def _instead(label: str, structures: Sequence[LabelledStructure]) -> str:
    virials = {name for x in structures for name in x.atoms.info if "virial" in name.lower()}
    if virials and "stress" in label:
        return f"none (the frames also hold: {', '.join(sorted(virials))})"
    return "none"


def _summary(
    label: str, key: str, unit: str, values: np.ndarray, structures: Sequence[LabelledStructure]
) -> LabelSummary:
    known = np.flatnonzero(np.isfinite(values))
    values = values[known]
    if not len(known):
        return LabelSummary(label, key, unit, 0, np.nan, np.nan, [])
    away = np.abs(values - np.median(values))
    # 1.4826 makes the median absolute deviation the standard deviation of a normal distribution.
    deviations = away / max(1.4826 * float(np.median(away)), 1e-12)
    order = [int(k) for k in np.argsort(-deviations) if deviations[k] > OUTLIER]
    return LabelSummary(
        label=label,
        key=key,
        unit=unit,
        structures=len(known),
        lowest=float(values.min()),
        highest=float(values.max()),
        outliers=[f"{structures[known[k]].source} ({values[k]:.4g})" for k in order],
    )
