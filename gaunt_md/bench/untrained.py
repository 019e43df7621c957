"""Potentials without training: how fast one is depends on its size, not on its parameters."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from .. import potential_file
from ..errors import InputError
from ..model import Potential
from ..words import counted
from .silicon import hot_silicon

NEIGHBOURS = 28.0
"""In diamond within the cutoff: 4 + 12 + 12."""

# The unit of the readouts, eV: so small that atoms fly on at their velocity for some steps.
_ENERGY_SCALE = 1e-3


@dataclass(frozen=True)
class Shape:
    """The size of a potential.

    Attributes
    ----------
    channels, hidden_degree, layers, filter_degree, correlation : int
    cutoff : float
        In Å.
    """

    channels: int
    hidden_degree: int
    layers: int
    filter_degree: int = 3
    correlation: int = 3
    cutoff: float = 5.0

    @classmethod
    def parse(cls, text: str) -> Shape:
        """Read CHANNELS,HIDDEN_DEGREE,LAYERS, as "64,1,2".

        Raises
        ------
        InputError
            If it is something else, or there is no potential of this size.
        """
        try:
            channels, hidden_degree, layers = (int(word) for word in text.split(","))
        except ValueError:
            raise InputError(
                f"--shape '{text}' is not CHANNELS,HIDDEN_DEGREE,LAYERS; an example is 64,1,2"
            ) from None
        shape = cls(channels, hidden_degree, layers)
        shape.potential()  # refuses, before long work, what is none
        return shape

    @property
    def name(self) -> str:
        """The size in words."""
        layers = counted(self.layers, "layer")
        if self.layers == 1:  # no features go on to another layer
            return f"{layers}, {counted(self.channels, 'channel')}"
        return f"{layers}, {counted(self.channels, 'channel')}, degree {self.hidden_degree}"

    def options(self) -> dict[str, Any]:
        """Return keyword arguments of a potential, here and in other packages."""
        return {**asdict(self), "average_neighbours": NEIGHBOURS}

    def potential(self) -> Potential:
        """Return a potential for silicon with random parameters.

        Raises
        ------
        InputError
            If there is no potential of this size.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return Potential(
                ["Si"], energy_scale=_ENERGY_SCALE, reference_energies=[0.0], **self.options()
            )

    def write(self, path: Path) -> None:
        """Write a potential file."""
        description = {"name": self.name, "licence": "none: untrained"}
        potential_file.save(
            self.potential(), path, reference=hot_silicon(8), description=description
        )


COMPARED = Shape(channels=64, hidden_degree=1, layers=2)
"""The size in which other packages take part."""
