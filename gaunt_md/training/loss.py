"""What a training makes small."""

from __future__ import annotations

import torch
from torch import Tensor

from ..data.graph import Evaluation
from .config import TrainingOptions
from .dataset import Batch


def loss(
    evaluation: Evaluation,
    batch: Batch,
    options: TrainingOptions,
    scale: float,
    share: float = 1.0,
) -> Tensor:
    """Return the weighted mean squared errors of energies per atom, forces and virials per atom.

    Parameters
    ----------
    evaluation : Evaluation
    batch : Batch
    options : TrainingOptions
        Gives the weight of each term.
    scale : float
        Root mean square force component of the training data, eV/Å. Squares are divided by its
        square, so that a loss of 1 is a potential that knows nothing, whatever the material.
    share : float
        Factor on the weights of energies and stress, see `share_of_energies`.
    """
    atom_weights = batch.weights[batch.graph.structures].unsqueeze(1)
    energy = _mean_square(
        evaluation.energies / batch.sizes, batch.energies / batch.sizes, batch.weights
    )
    force = _mean_square(evaluation.forces, batch.forces, atom_weights)
    sizes = batch.sizes[:, None, None]
    virial = _mean_square(
        evaluation.virials / sizes, batch.virials / sizes, batch.weights[:, None, None]
    )
    total = (
        share * options.energy_weight * energy
        + options.forces_weight * force
        + share * options.stress_weight * virial
    )
    return total / scale**2


def share_of_energies(done: float, options: TrainingOptions) -> float:
    """Return the factor on the weights of energies and stress in the course of a training.

    1/100 until the part ``done`` of all steps reaches ``forces_first``, then rising geometrically
    to 1 at 0.9. Energies jump about while steps are large; at full weight, they would drown the
    forces, of which there are hundreds in a structure.
    """
    rise = (done - options.forces_first) / (0.9 - options.forces_first)
    return 0.01 ** (1.0 - min(max(rise, 0.0), 1.0))


def _mean_square(prediction: Tensor, label: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean over the entries whose label is known."""
    known = ~label.isnan()
    squares = torch.where(known, prediction - label, 0.0).square() * weights
    return squares.sum() / known.sum().clamp(min=1)
