"""Many structures evaluated together."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

from ase import Atoms
from ase.calculators.calculator import BaseCalculator, all_properties
from ase.calculators.singlepoint import SinglePointCalculator

from .calculator import GauntCalculator
from .progress import Progress, silent

ATOMS_PER_BATCH = 256
"""More in one evaluation gain nothing and fill the memory."""


def evaluate_many(
    calculator: BaseCalculator, structures: Sequence[Atoms], *, progress: Progress = silent
) -> list[Atoms]:
    """Return copies of the structures, each with what the calculator says of it.

    Parameters
    ----------
    calculator : BaseCalculator
        A `GauntCalculator` evaluates many structures at once; others get one after the other.
    structures : sequence of Atoms
        They are left as they are.
    progress : callable
        Told how many structures have been evaluated.

    Returns
    -------
    list of Atoms
        In the same order, each with a ``SinglePointCalculator`` that holds its energy (eV), forces
        (eV/Å), stress (eV/Å^3, where it has a volume) and whatever else the calculator gives.

    Raises
    ------
    GauntError, or ASE's errors
        As the calculator raises them.
    """
    evaluated: list[Atoms] = []
    for batch in _batches(structures):
        evaluated += [
            _with_results(atoms, results)
            for atoms, results in zip(batch, _results(calculator, batch), strict=True)
        ]
        progress("Evaluating structures", len(evaluated), len(structures))
    return evaluated


def _batches(structures: Sequence[Atoms]) -> Iterator[list[Atoms]]:
    """Yield neighbours in the list that together have few enough atoms."""
    batch: list[Atoms] = []
    for atoms in structures:
        if batch and sum(map(len, batch)) + len(atoms) > ATOMS_PER_BATCH:
            yield batch
            batch = []
        batch.append(atoms)
    if batch:
        yield batch


def _results(calculator: BaseCalculator, structures: Sequence[Atoms]) -> list[dict[str, Any]]:
    if isinstance(calculator, GauntCalculator):
        return calculator.calculate_many(structures)
    found = []
    for atoms in structures:
        probe = atoms.copy()
        probe.calc = calculator
        probe.get_forces(apply_constraint=False)
        if probe.cell.rank == 3 and "stress" in calculator.implemented_properties:
            probe.get_stress(apply_constraint=False)
        # Copies, since some calculators write the next results into the same arrays.
        results = copy.deepcopy(calculator.results)
        found.append({name: results[name] for name in results if name in all_properties})
    return found


def _with_results(atoms: Atoms, results: dict[str, Any]) -> Atoms:
    evaluated = atoms.copy()
    evaluated.calc = SinglePointCalculator(evaluated, **results)
    return evaluated
