"""Comparing a potential with labelled structures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.graph import Evaluation, evaluate
from ..data.read import LabelledStructure
from ..progress import Progress, silent
from ..units import EV_PER_CUBIC_ANGSTROM_TO_GPA, EV_TO_MEV
from .dataset import Batch, InOrder, labelled_graph
from .quantities import UNITS


@dataclass(frozen=True)
class Errors:
    """Mean absolute and root mean square errors; None where there are no labels."""

    energy_mae: float | None
    """eV/atom, over structures"""
    energy_rmse: float | None
    force_mae: float | None
    """eV/Å, over Cartesian components"""
    force_rmse: float | None
    stress_rmse: float | None
    """eV/Å^3, over the nine components"""

    def summary(self) -> dict[str, float | None]:
        """Return the errors in the units people quote, with None where there are no labels."""
        values = (
            (self.energy_mae, EV_TO_MEV),
            (self.energy_rmse, EV_TO_MEV),
            (self.force_mae, 1.0),
            (self.force_rmse, 1.0),
            (self.stress_rmse, EV_PER_CUBIC_ANGSTROM_TO_GPA),
        )
        return {
            name: None if value is None else value * factor
            for name, (value, factor) in zip(UNITS, values, strict=True)
        }


@dataclass(frozen=True)
class Comparison:
    """Labels beside predictions: first column the label, second the prediction.

    Attributes
    ----------
    energies : ndarray, shape (structures, 2), eV/atom
    forces : ndarray, shape (components, 2), eV/Å
    stresses : ndarray, shape (components, 2), eV/Å^3
    """

    energies: np.ndarray
    forces: np.ndarray
    stresses: np.ndarray

    def errors(self) -> Errors:
        """Return the errors over all entries."""
        energy, force, stress = (
            pairs[:, 1] - pairs[:, 0] for pairs in (self.energies, self.forces, self.stresses)
        )
        return Errors(_mae(energy), _rmse(energy), _mae(force), _rmse(force), _rmse(stress))


def compare_batch(evaluation: Evaluation, batch: Batch) -> Comparison:
    """Put an evaluation beside the labels of its batch, leaving out what is not known."""
    volumes = batch.volumes[:, None, None]
    return Comparison(
        energies=_pairs(batch.energies / batch.sizes, evaluation.energies / batch.sizes),
        forces=_pairs(batch.forces, evaluation.forces),
        stresses=_pairs(batch.virials / volumes, evaluation.virials / volumes),
    )


def join_comparisons(comparisons: Sequence[Comparison]) -> Comparison:
    """Return several comparisons as one."""
    return Comparison(
        energies=np.concatenate([x.energies for x in comparisons]),
        forces=np.concatenate([x.forces for x in comparisons]),
        stresses=np.concatenate([x.stresses for x in comparisons]),
    )


def compare(
    potential: Any,
    structures: Iterable[LabelledStructure],
    batch_size: int = 8,
    *,
    progress: Progress = silent,
) -> Comparison:
    """Evaluate a potential, eager or loaded from a file, on labelled structures.

    ``progress`` is told how many have been evaluated.

    Raises
    ------
    InputError
        If a structure has an element that the potential does not know; names the frame.
    """
    graphs = [
        labelled_graph(structure, potential.elements, potential.cutoff) for structure in structures
    ]
    comparisons = []
    done = 0
    for batch in InOrder(graphs, batch_size):
        comparisons.append(compare_batch(evaluate(potential, batch.graph), batch))
        done += len(batch.sizes)
        progress("Evaluating structures", done, len(graphs))
    return join_comparisons(comparisons)


def _pairs(labels: Any, predictions: Any) -> np.ndarray:
    pairs = np.stack([labels.numpy().ravel(), predictions.detach().numpy().ravel()], axis=1)
    return pairs[~np.isnan(pairs[:, 0])]


def _mae(differences: np.ndarray) -> float | None:
    return float(np.abs(differences).mean()) if len(differences) else None


def _rmse(differences: np.ndarray) -> float | None:
    return float(np.sqrt(np.square(differences).mean())) if len(differences) else None
