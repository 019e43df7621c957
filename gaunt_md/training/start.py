"""Starting a training from the parameters of another one instead of random ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from ..data.read import LabelledStructure
from ..data.statistics import composition, elements_of, reference_energies
from ..errors import InputError
from ..model import Potential
from ..units import EV_TO_MEV
from .checkpoints import load_checkpoint
from .config import Configuration
from .evaluate import compare
from .parameters import averaged_potential


@dataclass(frozen=True)
class StartingPoint:
    """A potential that a training starts from.

    Attributes
    ----------
    potential : Potential
    source : str
        Where it was read, for messages.
    record : dict
        Name of the potential, name and digest of the file; JSON-able.
    resumed : bool
        It is a checkpoint of the same training, and has its reference energies.
    """

    potential: Potential
    source: str
    record: dict[str, Any]
    resumed: bool = False

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """All that the potential was made with."""
        return self.potential.hyperparameters

    @property
    def average_neighbours(self) -> float:
        """What the potential was made with, since its parameters rely on it."""
        return self.hyperparameters["average_neighbours"]

    @property
    def energy_scale(self) -> float:
        """Likewise, eV."""
        return self.hyperparameters["energy_scale"]

    def completed(self, configuration: Configuration) -> Configuration:
        """Return a configuration with the model options of the potential where it has none.

        Raises
        ------
        InputError
            If it has others.
        """
        given = configuration.model.model_dump(exclude_unset=True)
        theirs = {
            name: self.hyperparameters[name] for name in type(configuration.model).model_fields
        }
        different = [
            f"model.{name} is {value}, in '{self.source}' {theirs[name]}"
            for name, value in given.items()
            if value != theirs[name]
        ]
        if different:
            raise InputError(
                f"{'; '.join(different)}. A training that starts from a potential keeps its model "
                "options: leave them out or give the same"
            )
        model = configuration.model.model_copy(update=theirs)
        return configuration.model_copy(update={"model": model})

    def elements(self, structures: Sequence[LabelledStructure]) -> list[str]:
        """Return the elements of the potential.

        Raises
        ------
        InputError
            If the structures have others.
        """
        known = self.hyperparameters["elements"]
        unknown = [element for element in elements_of(structures) if element not in known]
        if unknown:
            raise InputError(
                f"the data have {', '.join(unknown)}, but '{self.source}' knows only "
                f"{', '.join(known)}; elements cannot be added, train without start_from"
            )
        return list(known)

    def reference_energies(
        self,
        structures: Sequence[LabelledStructure],
        known: Mapping[str, float],
        console: Console,
    ) -> list[float]:
        """Return the reference energies with which the potential is right on average.

        Other first-principles settings shift the energy of each atom; so the potential's own
        reference energies are shifted to what is known, or else by what fits best, in the sense of
        least squares.

        Parameters
        ----------
        structures : sequence of LabelledStructure
        known : mapping
            Reference energies in eV that are given, or those of isolated atoms in the data.
        console : Console
            Is told how good the potential is before the training.
        """
        elements = self.hyperparameters["elements"]
        own = self.hyperparameters["reference_energies"]
        if self.resumed:
            return list(own)
        comparison = compare(self.potential, structures)
        labelled = [x for x in structures if np.isfinite(x.energy)]
        missing = comparison.energies[:, 0] - comparison.energies[:, 1]
        shifts = reference_energies(
            [
                replace(x, energy=len(x.atoms) * energy)
                for x, energy in zip(labelled, missing, strict=True)
            ],
            elements,
            {x: known[x] - energy for x, energy in zip(elements, own, strict=True) if x in known},
        )
        counts = composition(labelled, elements)
        missing = missing - counts @ shifts / counts.sum(axis=1)
        self._describe(missing, comparison.errors().force_rmse, shifts, console)
        return [energy + shift for energy, shift in zip(own, shifts, strict=True)]

    def _describe(
        self, missing: np.ndarray, force: float | None, shifts: list[float], console: Console
    ) -> None:
        errors = [] if force is None else [f"force RMSE {force:.4g} eV/Å"]
        if len(missing):
            errors.insert(0, f"energy MAE {EV_TO_MEV * np.abs(missing).mean():.4g} meV/atom")
        elements = self.hyperparameters["elements"]
        console.print(
            f"starting from {self.source}: {', '.join(errors)} on these data, with the "
            "reference energies shifted by "
            + ", ".join(f"{shift:.6f} eV ({x})" for x, shift in zip(elements, shifts, strict=True)),
            highlight=False,
        )


def read_start(path: Path) -> StartingPoint:
    """Read the averaged potential of a checkpoint to start from.

    Raises
    ------
    CheckpointError
        If it is missing or damaged.
    InputError
        If it is no checkpoint.
    """
    if path.suffix != ".ckpt" and not path.is_dir():
        raise InputError(
            f"'{path}' is no checkpoint, NAME.ckpt. Potential files hold their radial functions as "
            "tables, which cannot be trained further; start from checkpoints/best.ckpt in the "
            "folder of the potential's training"
        )
    checkpoint = load_checkpoint(path)
    record = {
        "name": checkpoint["gaunt_md"]["record"]["name"],
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    return StartingPoint(averaged_potential(checkpoint, str(path)), str(path), record)


def resumed_start(checkpoint: dict[str, Any], path: Path) -> StartingPoint:
    """Return what a training started from that is gone on with; its file is not needed again."""
    record = checkpoint["gaunt_md"]["record"]["started_from"]
    potential = averaged_potential(checkpoint, str(path))
    return StartingPoint(potential, str(path), record, resumed=True)
