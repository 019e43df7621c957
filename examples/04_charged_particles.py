"""Clebsch-Gordan against Gaunt products: where will five charged particles be?

The task of T. Kipf et al., ICML 2018, and V. Garcia Satorras et al., ICML 2021 ("n-body"): from
positions, velocities and charges (±1) of five particles that attract and repel each other by
Coulomb's law, predict the positions one unit of time later. The network is a small version of SEGNN
(J. Brandstetter et al., ICLR 2022): messages and updates are tensor products of functions on the
sphere. It is trained with products that have a weight for each Clebsch-Gordan path and channel, and
with Gaunt products; the mean squared errors on unseen particles are printed, as means over seeds,
and the ratio of the two.

What is compared: everything outside the products is the same, and so are data, optimiser and number
of steps. The weights of a Gaunt product factorise, so that it says less with as many channels; what
it saves in time is spent on three times as many channels inside of the product. It still takes less
time, which is printed, and has more parameters, which are printed too: this is a comparison at
equal time, not at equal numbers of parameters.

    python 04_charged_particles.py [--epochs 30] [--samples 2000] [--seeds 3] [--processes 2]

What to expect: first the error of motion without forces, which both kinds of network must beat,
then a line for each kind, then the ratio of their errors. With the defaults, in about ten minutes
of one core, it printed 0.076 without forces, 0.0085 with Clebsch-Gordan products (108 s for each
training) and 0.0078 with Gaunt products (69 s), a ratio of 0.92; single seeds were between 0.005
and 0.011, so that such a ratio says that Gaunt products are no worse, not that they are better. A
quick look, --epochs 8 --samples 300 --seeds 1, takes less than a minute and shows only that both
learn.
"""

from __future__ import annotations

import argparse
import math
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

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
INNER_CHANNELS = 48


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
    """Gaunt product with channel mixing before and after, to more channels and back."""

    def __init__(self) -> None:
        super().__init__(DEGREE, DEGREE, DEGREE, CHANNELS, inner_channels=INNER_CHANNELS)


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

    def __init__(self, interaction: type[nn.Module], layers: int = 2) -> None:
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
        # Y_lm² has the mean 1/4π over all directions: made unit size, as the other features are.
        harmonics = spherical_harmonics(DEGREE, vectors / distances.unsqueeze(-1))
        harmonics = math.sqrt(4 * math.pi) * harmonics
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


PRODUCTS = {"Clebsch-Gordan": ClebschGordanInteraction, "Gaunt": GauntInteraction}


def train(product: str, epochs: int, samples: int, seed: int) -> tuple[float, float]:
    """Return the mean squared error on particles not seen in training, and the time in s."""
    torch.set_num_threads(1)
    training, unseen = simulate(samples, seed=1), simulate(1000, seed=2)
    start = time.process_time()
    torch.manual_seed(seed)
    network = Network(PRODUCTS[product])
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
        error = (network(*state) - target).square().mean()
    return float(error), time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2, help="trainings at the same time")
    arguments = parser.parse_args()

    positions, velocities, _, later = simulate(1000, seed=2)
    print(f"{'no force':16} error {(positions + velocities - later).square().mean():.5f}")
    with ProcessPoolExecutor(arguments.processes, get_context("spawn")) as pool:
        trainings = {
            product: [
                pool.submit(train, product, arguments.epochs, arguments.samples, seed)
                for seed in range(arguments.seeds)
            ]
            for product in PRODUCTS
        }
        means = {}
        for product, futures in trainings.items():
            errors, times = zip(*(future.result() for future in futures), strict=True)
            means[product] = sum(errors) / len(errors)
            parameters = sum(p.numel() for p in Network(PRODUCTS[product]).parameters())
            print(
                f"{product:16} error {means[product]:.5f}   "
                f"(seeds: {', '.join(f'{error:.5f}' for error in errors)}; "
                f"{sum(times) / len(times):.0f} s each, {parameters} parameters)",
                flush=True,
            )
    print(f"Gaunt / Clebsch-Gordan: {means['Gaunt'] / means['Clebsch-Gordan']:.2f}")


if __name__ == "__main__":
    main()
