"""Clebsch-Gordan against Gaunt products: where will five charged particles be?

The task of T. Kipf et al., ICML 2018, and V. Garcia Satorras et al., ICML 2021 ("n-body"): from
positions, velocities and charges (±1) of five particles that attract and repel each other by
Coulomb's law, predict the positions one unit of time later. The network is a small version of SEGNN
(J. Brandstetter et al., ICLR 2022): messages and updates are tensor products of functions on the
sphere. It is trained twice, with products that have a weight for each Clebsch-Gordan path and with
Gaunt products, which have fewer weights; the mean squared errors on unseen particles are printed.

    python 04_charged_particles.py [--epochs 30] [--seeds 1]
"""

from __future__ import annotations

import argparse
import time

import torch
from torch import Tensor, nn

from gaunt_md.sphere import (
    DegreeLinear,
    FeatureInteraction,
    IrrepsTensorProduct,
    channels_first,
    channels_last,
    degrees_of_coefficients,
    spherical_harmonics,
)

PARTICLES = 5
DEGREE = 2
CHANNELS = 16


def simulate(samples: int, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return positions, velocities, charges, and the positions one unit of time later.

    Shapes (samples, particles, 3), charges (samples, particles). Leapfrog; the distance in
    Coulomb's law is softened by 0.1, so that close encounters can be integrated.
    """
    generator = torch.Generator().manual_seed(seed)
    positions = torch.randn(samples, PARTICLES, 3, generator=generator, dtype=torch.float64)
    velocities = torch.randn(samples, PARTICLES, 3, generator=generator, dtype=torch.float64)
    velocities = 0.5 * nn.functional.normalize(velocities, dim=-1)
    charges = torch.randint(2, (samples, PARTICLES), generator=generator).double() * 2 - 1

    def forces(x: Tensor) -> Tensor:
        vectors = x.unsqueeze(2) - x.unsqueeze(1)
        strength = charges.unsqueeze(2) * charges.unsqueeze(1)
        strength = strength / (vectors.square().sum(-1) + 0.01) ** 1.5
        return (strength.unsqueeze(-1) * vectors).sum(2)

    x, v, step = positions, velocities, 0.002
    for _ in range(round(1 / step)):
        v = v + step / 2 * forces(x)
        x = x + step * v
        v = v + step / 2 * forces(x)
    return positions.float(), velocities.float(), charges.float(), x.float()


class GauntInteraction(FeatureInteraction):
    """Gaunt product with channel mixing before and after."""

    def __init__(self) -> None:
        super().__init__(DEGREE, DEGREE, DEGREE, CHANNELS)


class ClebschGordanInteraction(nn.Module):
    """A weight for each path and channel in place of the Gaunt coefficients, the rest alike."""

    def __init__(self) -> None:
        super().__init__()
        self.weights1, self.weights2, self.weights_out = (
            DegreeLinear(CHANNELS, CHANNELS, DEGREE) for _ in range(3)
        )
        self.irreps = " + ".join(f"{CHANNELS}x{l}{'eo'[l % 2]}" for l in range(DEGREE + 1))
        self.product = IrrepsTensorProduct(self.irreps, self.irreps, self.irreps)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        x, y = (channels_first(f, self.irreps) for f in (self.weights1(x), self.weights2(y)))
        return self.weights_out(channels_last(self.product(x, y), self.irreps))


class Gate(nn.Module):
    """Scalars through SiLU, the other degrees times a sigmoid of the scalars."""

    def __init__(self) -> None:
        super().__init__()
        self.gates = nn.Linear(CHANNELS, DEGREE * CHANNELS)

    def forward(self, x: Tensor) -> Tensor:
        scalars = x[..., :1, :]
        gates = torch.sigmoid(self.gates(scalars)).unflatten(-1, (DEGREE, CHANNELS)).squeeze(-3)
        factors = gates[..., degrees_of_coefficients(DEGREE)[1:] - 1, :]
        return torch.cat([nn.functional.silu(scalars), factors * x[..., 1:, :]], dim=-2)


class Layer(nn.Module):
    """Messages along all edges, their sum, and an update of every particle."""

    def __init__(self, interaction: type[nn.Module]) -> None:
        super().__init__()
        self.radial = nn.Sequential(
            nn.Linear(3, 32), nn.SiLU(), nn.Linear(32, (DEGREE + 1) * CHANNELS)
        )
        self.ends = DegreeLinear(2 * CHANNELS, CHANNELS, DEGREE)
        self.message, self.update = interaction(), interaction()
        self.gate_message, self.gate_update = Gate(), Gate()
        self.mix = DegreeLinear(CHANNELS, CHANNELS, DEGREE)

    def forward(self, h: Tensor, scalars: Tensor, harmonics: Tensor, edges: Tensor) -> Tensor:
        centres, neighbours = edges
        radial = self.radial(scalars).unflatten(-1, (DEGREE + 1, CHANNELS))
        filters = radial[:, degrees_of_coefficients(DEGREE)] * harmonics.unsqueeze(-1)
        ends = self.ends(torch.cat([h[centres], h[neighbours]], dim=-1))
        messages = self.gate_message(self.message(ends, filters))
        sums = torch.zeros_like(h).index_add(0, centres, messages) / (PARTICLES - 1) ** 0.5
        return h + self.mix(self.gate_update(self.update(h, sums) + sums))


class Network(nn.Module):
    """From the state of the particles to their displacements."""

    def __init__(self, interaction: type[nn.Module], layers: int = 3) -> None:
        super().__init__()
        self.embed = DegreeLinear(2, CHANNELS, DEGREE)
        self.layers = nn.ModuleList(Layer(interaction) for _ in range(layers))
        self.readout = DegreeLinear(CHANNELS, 1, DEGREE)

    def forward(self, positions: Tensor, velocities: Tensor, charges: Tensor) -> Tensor:
        samples = len(positions)
        edges = edges_between_all(samples)
        x, v, q = positions.flatten(0, 1), velocities.flatten(0, 1), charges.flatten()
        centred = (positions - positions.mean(1, keepdim=True)).flatten(0, 1)
        h = x.new_zeros(len(x), (DEGREE + 1) ** 2, 2)
        h[:, 0, 0] = q
        h[:, 0, 1] = v.norm(dim=-1)
        h[:, 1:4] = torch.stack([v, centred], dim=-1).roll(-1, dims=1)  # the order y, z, x
        h = self.embed(h)

        vectors = x[edges[1]] - x[edges[0]]
        distances = vectors.norm(dim=-1)
        harmonics = spherical_harmonics(DEGREE, vectors / distances.unsqueeze(-1)) * 3.5  # √4π
        products = q[edges[0]] * q[edges[1]]
        scalars = torch.stack([products, distances, products / (distances + 0.1)], dim=-1)
        for layer in self.layers:
            h = layer(h, scalars, harmonics, edges)
        displacements = self.readout(h)[:, 1:4, 0].roll(1, dims=1)
        return positions + velocities + displacements.unflatten(0, (samples, PARTICLES))


def edges_between_all(samples: int) -> Tensor:
    """Return centres and neighbours of all pairs within each sample, shape (2, edges)."""
    pairs = torch.tensor([(i, j) for i in range(PARTICLES) for j in range(PARTICLES) if i != j])
    return (pairs + PARTICLES * torch.arange(samples).reshape(-1, 1, 1)).reshape(-1, 2).T


def train(interaction: type[nn.Module], epochs: int, samples: int, seed: int) -> float:
    """Return the mean squared error on particles not seen in training."""
    training, unseen = simulate(samples, seed=1), simulate(1000, seed=2)
    torch.manual_seed(seed)
    network = Network(interaction)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    batches = -(-samples // 100)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=epochs * batches)
    for _ in range(epochs):
        for batch in torch.randperm(samples).split(100):
            *state, target = (tensor[batch] for tensor in training)
            loss = (network(*state) - target).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    with torch.no_grad():
        *state, target = unseen
        return float((network(*state) - target).square().mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()

    positions, velocities, _, later = simulate(1000, seed=2)
    print(f"{'no force':16} error {(positions + velocities - later).square().mean():.5f}")
    for name, kind in (("Clebsch-Gordan", ClebschGordanInteraction), ("Gaunt", GauntInteraction)):
        start = time.perf_counter()
        errors = [
            train(kind, arguments.epochs, arguments.samples, seed)
            for seed in range(arguments.seeds)
        ]
        error = sum(errors) / len(errors)
        print(f"{name:16} error {error:.5f}   ({time.perf_counter() - start:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
