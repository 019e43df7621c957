"""The potential: E = Σ_i [E0(z_i) + scale · Σ_t readout_t(h_i^t)] + repulsion of the cores."""

import copy
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor, nn

from .. import kernels  # noqa: F401  (torch.ops.gaunt)
from ..errors import InputError
from ..sphere import DegreeLinear
from ..sphere.products import MAX_FACTORS_ON_GRID
from .edges import first_rows, rows_of_layers
from .elements import covalent_radius
from .first_interaction import FirstInteraction
from .interaction import Interaction
from .linear import Linear
from .radial import SILU_GAIN
from .repulsion import CoreRepulsion

MAX_FILTER_DEGREE = 8  # of kernels/csrc/kernels.h
DTYPES = {"float32": torch.float32, "float64": torch.float64}


class Potential(nn.Module):
    """A message-passing potential whose products are Gaunt tensor products.

    It knows edges, not atoms: everything it needs of the geometry are the vectors r_ij = r_j - r_i
    (periodic images included), so that any cell and any periodicity are one case, and forces and
    stress both follow from ∂E/∂r_ij.

    Parameters
    ----------
    elements : list of str
        Chemical symbols; species are indices into this list.
    average_neighbours : float
        How many neighbours an atom of the training data has, near ones counting more than far ones;
        sums over neighbours are divided by its square root.
    energy_scale : float
        Unit of the readouts in eV; the root mean square force component (eV/Å) times 1 Å.
    reference_energies : list of float
        Energy of an isolated atom of each element in eV.
    cutoff : float
        In Å.
    channels : int
        Width of the features.
    layers : int
        Number of interactions; the potential sees as far as ``layers`` times the cutoff.
    hidden_degree : int
        Degree of the features between the interactions.
    filter_degree : int
        Degree of the filters, and of an atom's neighbourhood before the many-body product.
    correlation : int
        Number of factors of the many-body product.
    radial_functions, radial_width : int
        Bessel functions, and width of the hidden layers of the radial networks.
    core_repulsion : bool
        Add the screened nuclear repulsion of Ziegler, Biersack and Littmark.
    dtype : str
        "float32" or "float64", precision of the network. Geometry and sums are always float64.

    Raises
    ------
    InputError
        If an option has a value that makes no potential.
    """

    reference_energies: Tensor

    def __init__(
        self,
        elements: list[str],
        *,
        average_neighbours: float,
        energy_scale: float,
        reference_energies: list[float],
        cutoff: float = 5.0,
        channels: int = 32,
        layers: int = 2,
        hidden_degree: int = 1,
        filter_degree: int = 3,
        correlation: int = 3,
        radial_functions: int = 8,
        radial_width: int = 32,
        core_repulsion: bool = True,
        dtype: str = "float32",
    ) -> None:
        super().__init__()
        self.hyperparameters: dict[str, Any] = {
            "elements": list(elements),
            "average_neighbours": average_neighbours,
            "energy_scale": energy_scale,
            "reference_energies": list(reference_energies),
            "cutoff": cutoff,
            "channels": channels,
            "layers": layers,
            "hidden_degree": hidden_degree,
            "filter_degree": filter_degree,
            "correlation": correlation,
            "radial_functions": radial_functions,
            "radial_width": radial_width,
            "core_repulsion": core_repulsion,
            "dtype": dtype,
        }
        _check(self.hyperparameters)
        self.elements: list[str] = list(elements)
        self.cutoff = float(cutoff)
        self.layers = layers
        # Numbers per atom that a layer hands to the next one.
        self.exchange_width = (hidden_degree + 1) ** 2 * channels
        self.filter_degree = filter_degree
        self.for_use = False  # see `tabulated`
        self.energy_scale = float(energy_scale)
        self.embedding = nn.Parameter(torch.randn(len(elements), 1, channels))
        degrees = [0] + [hidden_degree] * (layers - 1) + [0]
        self.interactions = nn.ModuleList(
            Interaction(
                channels,
                len(elements),
                degree_in,
                degree_out,
                filter_degree,
                correlation,
                cutoff,
                radial_functions,
                radial_width,
                average_neighbours,
            )
            for degree_in, degree_out in pairwise(degrees)
        )
        self.readouts = nn.ModuleList(
            [Linear(channels, 1) for _ in range(layers - 1)] + [_last_readout(channels)]
        )
        self.to(DTYPES[dtype])
        # Repulsion and reference energies are in float64 whatever the dtype of the network.
        self.core_repulsion = CoreRepulsion(elements) if core_repulsion else None
        energies = torch.tensor(reference_energies, dtype=torch.float64)
        self.register_buffer("reference_energies", energies, persistent=False)

    def forward(
        self,
        edge_vectors: Tensor,
        centres: Tensor,
        neighbours: Tensor,
        species: Tensor,
        owned: int,
    ) -> Tensor:
        """Return the energies of the first ``owned`` atoms.

        Parameters
        ----------
        edge_vectors : Tensor, shape (edges, 3), float64, Å
            From centre to neighbour; every pair of atoms within the cutoff appears as two edges.
        centres, neighbours : Tensor, shape (edges,), int64
            Centres ascend.
        species : Tensor, shape (atoms,), int64
        owned : int
            The other atoms serve as neighbours only. Edges are needed for all centres that are
            fewer than ``layers`` edges away from an owned atom.

        Returns
        -------
        Tensor, shape (owned,), float64, eV
        """
        rows = rows_of_layers(centres, neighbours, owned, species.shape[0], self.layers)
        used = int(torch.searchsorted(centres, rows[0]))
        edge_vectors = first_rows(edge_vectors, used)
        centres, neighbours = centres[:used], neighbours[:used]
        first = torch.searchsorted(centres, torch.arange(rows[0] + 1, device=centres.device))
        distances, harmonics = self.geometry(edge_vectors)
        features = self.first_features(species)
        readout = torch.zeros(owned, dtype=torch.float64, device=edge_vectors.device)
        for index in range(self.layers):
            ends = first[: rows[index] + 1]
            edges = int(ends[-1])
            features, contribution = self.layer(
                index,
                features,
                species,
                first_rows(distances, edges),
                first_rows(harmonics, edges),
                ends,
                neighbours,
            )
            readout = readout + first_rows(contribution, owned)
        return self.energies(readout, species, distances, centres, neighbours)

    # What `forward` is made of, for programs that exchange features between processes.

    @torch.jit.export
    def geometry(self, edge_vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Return the lengths of edges, float64, Å, and the harmonics of their directions."""
        distances = torch.linalg.vector_norm(edge_vectors, dim=-1)
        vectors = edge_vectors.to(self.embedding.dtype)
        return distances, torch.ops.gaunt.harmonics(vectors, self.filter_degree)

    @torch.jit.export
    def first_features(self, species: Tensor) -> Tensor:
        """Return the features before the first layer, shape (atoms, 1, channels)."""
        return self.embedding[species]

    @torch.jit.export
    def layer(
        self,
        index: int,
        features: Tensor,
        species: Tensor,
        distances: Tensor,
        harmonics: Tensor,
        first: Tensor,
        neighbours: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Return one layer's new features and readouts of the atoms whose edges are given.

        Parameters
        ----------
        index : int
            From 0 to ``layers`` - 1.
        features : Tensor, shape (atoms, coefficients, channels)
            `first_features`, or what the layer before has returned, there for the neighbours too.
        species : Tensor, shape (atoms,), int64
        distances, harmonics : Tensor, shape (edges,) and (edges, (filter_degree + 1)^2)
            Of `geometry`.
        first : Tensor, shape (rows + 1,), int64
            The edges of atom i are first[i] ... first[i + 1] - 1.
        neighbours : Tensor, shape (edges or more,), int64

        Returns
        -------
        features : Tensor, shape (rows, coefficients, channels)
        readouts : Tensor, shape (rows,), float64
            In units of ``energy_scale``; their sum over the layers is for `energies`.
        """
        edges = distances.shape[0]
        readouts = distances.new_zeros(0)
        for number, (interaction, layer_readout) in enumerate(
            zip(self.interactions, self.readouts)
        ):
            if number == index:
                features = interaction(
                    features,
                    species,
                    distances.to(self.embedding.dtype),
                    harmonics,
                    first,
                    neighbours[:edges],
                )
                readouts = layer_readout(features[:, 0]).squeeze(-1).double()
        return features, readouts

    @torch.jit.export
    def energies(
        self,
        readouts: Tensor,
        species: Tensor,
        distances: Tensor,
        centres: Tensor,
        neighbours: Tensor,
    ) -> Tensor:
        """Return the energies of the atoms whose readouts are given, shape (rows,), float64, eV.

        The edges are those of `forward`; ``distances`` are their lengths in float64.
        """
        owned = readouts.shape[0]
        if not self.for_use:
            readouts = readouts - self._isolated_readouts()[species[:owned]]
        energies = self.reference_energies[species[:owned]] + self.energy_scale * readouts
        if self.core_repulsion is not None:
            repulsion = self.core_repulsion(distances, centres, neighbours, species)
            energies = energies + first_rows(repulsion, owned)
        return energies

    def _isolated_readouts(self) -> Tensor:
        """Return what the readouts say of an isolated atom of each element, shape (elements,).

        They are subtracted, so that an isolated atom has its reference energy.
        """
        features = self.embedding
        species = torch.arange(features.shape[0], device=features.device)
        readout = torch.zeros(features.shape[0], dtype=torch.float64, device=features.device)
        for interaction, layer_readout in zip(self.interactions, self.readouts):
            features = interaction.alone(features, species)  # type: ignore[operator]
            readout = readout + layer_readout(features[:, 0]).squeeze(-1).double()
        return readout

    @torch.jit.unused
    def tabulated(self) -> "Potential":
        """Return a copy for use: its radial functions are splines, constants are folded."""
        frozen = copy.deepcopy(self).eval().requires_grad_(False)
        if frozen.for_use:
            return frozen
        # Half the length of the shortest bond that these elements make.
        shortest = min(covalent_radius(element) for element in self.elements)
        options = self.hyperparameters
        # Otherwise the sums by species would be the larger ones.
        if len(self.elements) * options["radial_width"] <= options["channels"]:
            first = cast(Interaction, frozen.interactions[0])
            frozen.interactions[0] = FirstInteraction(first, frozen.embedding, shortest)
        for interaction in frozen.interactions:
            if isinstance(interaction, Interaction):
                interaction.tabulate(shortest)
        for module in frozen.modules():
            if isinstance(module, DegreeLinear | Linear):
                module.fold()
        frozen.reference_energies -= frozen.energy_scale * frozen._isolated_readouts()
        frozen.for_use = True
        return frozen

    @torch.jit.unused
    def spline_error(self) -> float:
        """Return the largest relative error of the splines of a tabulated potential."""
        return max(
            cast(Interaction | FirstInteraction, interaction).spline_error()
            for interaction in self.interactions
        )

    @torch.jit.export
    def evaluate(
        self,
        edge_vectors: Tensor,
        centres: Tensor,
        neighbours: Tensor,
        species: Tensor,
        owned: int,
        create_graph: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Return the energies of the first ``owned`` atoms and the gradient of their sum.

        Arguments as for `forward`; with ``create_graph`` the gradient can be differentiated again
        (training).

        Returns
        -------
        energies : Tensor, shape (owned,), float64, eV
        edge_gradients : Tensor, shape (edges, 3), float64, eV/Å
            ∂E/∂r_ij of each edge.
        """
        leaf = edge_vectors.detach().requires_grad_()
        energies = self.forward(leaf, centres, neighbours, species, owned)
        if leaf.shape[0] == 0:
            return energies, torch.zeros_like(leaf)
        gradient = torch.autograd.grad(
            [energies.sum()], [leaf], create_graph=create_graph, allow_unused=True
        )[0]
        if gradient is None:
            gradient = torch.zeros_like(leaf)
        return energies, gradient


def _last_readout(channels: int) -> nn.Module:
    return nn.Sequential(Linear(channels, 16), nn.SiLU(), Linear(16, 1, gain=SILU_GAIN))


def _check(hyperparameters: dict[str, Any]) -> None:
    """Refuse option values that make no potential."""
    elements = hyperparameters["elements"]
    if not elements or len(set(elements)) != len(elements):
        raise InputError(
            f"elements must be distinct chemical symbols, at least one; got {elements}"
        )
    if len(hyperparameters["reference_energies"]) != len(elements):
        raise InputError(
            f"{len(hyperparameters['reference_energies'])} reference energies for "
            f"{len(elements)} elements: give one energy in eV for each of {elements}"
        )
    for name in ("cutoff", "energy_scale", "average_neighbours"):
        if not hyperparameters[name] > 0:
            raise InputError(f"{name} must be positive; got {hyperparameters[name]}")
    for name in ("channels", "layers", "correlation", "radial_functions", "radial_width"):
        if hyperparameters[name] < 1:
            raise InputError(f"{name} must be at least 1; got {hyperparameters[name]}")
    for name in ("hidden_degree", "filter_degree"):
        if hyperparameters[name] < 0:
            raise InputError(f"{name} must not be negative; got {hyperparameters[name]}")
    if hyperparameters["filter_degree"] > MAX_FILTER_DEGREE:
        raise InputError(
            f"filter_degree is {hyperparameters['filter_degree']}; the kernels go up to "
            f"{MAX_FILTER_DEGREE}"
        )
    if hyperparameters["correlation"] > MAX_FACTORS_ON_GRID:
        raise InputError(
            f"correlation is {hyperparameters['correlation']}; the kernels multiply up to "
            f"{MAX_FACTORS_ON_GRID} factors"
        )
    highest = hyperparameters["correlation"] * hyperparameters["filter_degree"]
    if hyperparameters["layers"] > 1 and hyperparameters["hidden_degree"] > highest:
        raise InputError(
            f"hidden_degree {hyperparameters['hidden_degree']} cannot be reached: products of "
            f"{hyperparameters['correlation']} (correlation) functions of degree "
            f"{hyperparameters['filter_degree']} (filter_degree) have degree {highest}"
        )
    if hyperparameters["dtype"] not in DTYPES:
        raise InputError(f"dtype must be one of {list(DTYPES)}; got '{hyperparameters['dtype']}'")
