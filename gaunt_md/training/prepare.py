"""From data files to all that a training needs: batches, statistics, the record."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from ..data.consistency import unit_warning
from ..data.read import (
    LabelKeys,
    LabelledStructure,
    read_labelled,
    read_with_keys,
    without_isolated_atoms,
)
from ..data.statistics import (
    average_neighbours,
    elements_of,
    forces_rms,
    isolated_energies,
    reference_energies,
    shortest_distances,
    weighted_neighbours,
)
from ..data.summary import summarise, summary_table
from ..errors import InputError, closest
from ..words import counted
from .config import Configuration
from .dataset import Batch, labelled_graph
from .start import StartingPoint


@dataclass(frozen=True)
class TrainingData:
    """What the data give.

    Attributes
    ----------
    train, validation : list of Batch
        One structure each.
    hyperparameters : dict
        The potential's parameters that come from the data.
    record : dict
        What goes into checkpoints and the exported potential; JSON-able.
    """

    train: list[Batch]
    validation: list[Batch]
    hyperparameters: dict[str, Any]
    record: dict[str, Any]


def prepare(
    configuration: Configuration, console: Console, start: StartingPoint | None = None
) -> TrainingData:
    """Read, check and summarise the data, and build their graphs.

    Parameters
    ----------
    configuration : Configuration
    console : Console
        Where the summary goes.
    start : StartingPoint
        Decides elements, scales and reference energies; None: the data do.

    Raises
    ------
    InputError
        If something in the data cannot be used; names file and frame.
    """
    options = configuration.data
    required = required_labels(configuration)
    structures, keys = read_labelled(options.train, asked_keys(configuration), required)
    molecules = without_isolated_atoms(structures, required)
    elements = start.elements(structures) if start else elements_of(structures)
    known = {**isolated_energies(structures), **_given_energies(configuration, elements)}
    if start:
        energies = start.reference_energies(molecules, known, console)
    else:
        energies = reference_energies(molecules, elements, known)
    console.print(summary_table(summarise(molecules, keys, elements, energies), len(molecules)))
    if warning := unit_warning(molecules):
        console.print(f"[yellow]warning:[/yellow] {warning}")
    train, validation = _split(configuration, molecules, keys)
    files = (*options.train, *options.validation)
    read = [*structures, *validation] if options.validation else structures
    cutoff = configuration.model.cutoff
    weights = _weights(options.weights, molecules)
    batches = [labelled_graph(x, elements, cutoff, weights.get(x.config_type, 1.0)) for x in train]
    if options.test:  # read now, so that no mistake in them shows only after the last epoch
        for x in without_isolated_atoms(read_with_keys(options.test, keys, required), required):
            labelled_graph(x, elements, cutoff)
    graphs = [batch.graph for batch in batches]
    neighbours = average_neighbours(graphs)
    weighted = weighted_neighbours(graphs, cutoff, configuration.model.radial_functions)
    hyperparameters = {
        "elements": elements,
        "average_neighbours": start.average_neighbours if start else weighted,
        "energy_scale": start.energy_scale if start else _energy_scale(train),
        "reference_energies": energies,
    }
    for element, energy in zip(elements, energies, strict=True):
        console.print(f"reference energy of {element}: {energy:.6f} eV", highlight=False)
    console.print(
        f"{len(train)} structures to train on, {len(validation)} to validate on; "
        f"{neighbours:.1f} neighbours within {cutoff} Å; forces {forces_rms(train):.3f} eV/Å rms",
        highlight=False,
    )
    return TrainingData(
        train=batches,
        validation=[labelled_graph(x, elements, cutoff) for x in validation],
        hyperparameters=hyperparameters,
        record={
            "name": configuration.name,
            "configuration": configuration.model_dump(mode="json", exclude={"output"}),
            "hyperparameters": {**hyperparameters, **configuration.model.model_dump()},
            "keys": asdict(keys),
            "data": [_file_record(path, read) for path in files],
            "structures": {"train": len(train), "validation": len(validation)},
            "shortest_distances": shortest_distances(graphs, elements),
            "reference": _small_structure(train),
            **({"started_from": start.record} if start else {}),
        },
    )


def asked_keys(configuration: Configuration) -> dict[str, str | None]:
    """Return the names that the configuration gives the labels; None: look for the usual ones."""
    data = configuration.data
    return {"energy": data.energy_key, "forces": data.forces_key, "stress": data.stress_key}


def required_labels(configuration: Configuration) -> list[str]:
    """Return the labels without which there is no training."""
    training = configuration.training
    weights = {"energy": training.energy_weight, "forces": training.forces_weight}
    return [name for name, weight in weights.items() if weight > 0]


def _energy_scale(structures: list[LabelledStructure]) -> float:
    """Return the unit of the readouts, eV: the rms force component times 1 Å."""
    scale = forces_rms(structures)
    if scale > 0:
        return scale
    # Without forces, or where all vanish by symmetry, the energies give the scale.
    return max(float(np.nanstd([x.energy / len(x.atoms) for x in structures])), 1e-3)


def _given_energies(configuration: Configuration, elements: list[str]) -> dict[str, float]:
    given = configuration.data.reference_energies
    for element in given:
        if element not in elements:
            raise InputError(
                f"data.reference_energies names '{element}', which is not in the data "
                f"({', '.join(elements)}); remove it"
            )
    return given


def _weights(weights: dict[str, float], structures: list[LabelledStructure]) -> dict[str, float]:
    groups = {x.config_type for x in structures}
    for name, weight in weights.items():
        if name not in groups:
            known = ", ".join(sorted(groups - {""})) or "none"
            raise InputError(
                f"data.weights names '{name}', but no structure has this config_type."
                f"{closest(name, groups)} In the data: {known}"
            )
        if weight < 0:
            raise InputError(f"data.weights.{name} must not be negative; got {weight}")
    return weights


def _split(
    configuration: Configuration, structures: list[LabelledStructure], keys: LabelKeys
) -> tuple[list[LabelledStructure], list[LabelledStructure]]:
    options = configuration.data
    if options.validation:
        required = required_labels(configuration)
        validation = read_with_keys(options.validation, keys, required)
        return structures, without_isolated_atoms(validation, required)
    count = round(options.validation_fraction * len(structures))
    if options.validation_fraction > 0:
        count = max(1, count)
    if count >= len(structures):
        raise InputError(
            f"{counted(len(structures), 'structure')} cannot be split into "
            "training and validation; add structures or set data.validation_fraction to 0"
        )
    order = np.random.default_rng(configuration.training.seed).permutation(len(structures))
    chosen = set(order[:count].tolist())
    return (
        [x for k, x in enumerate(structures) if k not in chosen],
        [x for k, x in enumerate(structures) if k in chosen],
    )


def _file_record(path: Path, structures: Sequence[LabelledStructure]) -> dict[str, Any]:
    return {
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "frames": sum(x.path == path for x in structures),
    }


def _small_structure(structures: list[LabelledStructure]) -> dict[str, Any]:
    """Return the smallest structure, as the reference that is checked whenever a file is read.

    A single atom only where there is nothing else: its forces vanish by symmetry.
    """
    atoms = min((x.atoms for x in structures), key=lambda x: (len(x) == 1, len(x)))
    return {
        "numbers": atoms.numbers.tolist(),
        "positions": atoms.positions.tolist(),
        "cell": atoms.cell.array.tolist(),
        "pbc": atoms.pbc.tolist(),
    }
