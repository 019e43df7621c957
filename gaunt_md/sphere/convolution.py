"""Convolution: the neighbours' functions times a filter that depends on the edge, summed.

The filter of an edge in direction r̂ has the coefficients R_l Y_lm(r̂), so that it is zonal, a
function of r̂ · s alone (addition theorem):

    F(s) = Σ_l R_l Σ_m Y_lm(r̂) Y_lm(s) = Σ_l R_l (2 l + 1)/4π P_l(r̂ · s).

Two ways to the same sum of Gaunt products A_i = Σ_j h_j · F_ij:

- :class:`ZonalConvolution` works on a grid. A neighbour's function goes there once, not once per
  edge; an edge costs one Legendre series per node.
- :class:`RotatedConvolution` turns each edge to the z axis, where only m = 0 of the filter is left
  and the coupling is diagonal in m. For an edge and channel the rotations take O(L^3) operations,
  the coupling O(L^4), one for each (l1, l2, l3, m), since every edge and channel has an R_l of its
  own. S. Passaro, C. L. Zitnick, "Reducing SO(3) Convolutions to SO(2) for Efficient Equivariant
  GNNs", ICML 2023, arXiv:2302.03655, applied to Gaunt products in arXiv:2401.10216.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import InputError
from .checks import check_integers, check_numbers, check_tensors, dtypes_of, shapes_of
from .coefficients import places_by_degree, places_by_order
from .gaunt import gaunt_coefficients
from .grid import evaluation_matrix, projection_matrix
from .harmonics import legendre_polynomials
from .quadrature import quadrature
from .rotation import RotationMatrices


class ZonalConvolution(nn.Module):
    """Sum over edges of feature times zonal filter, by values on a grid.

    A_i(s_g) = Σ_j h_j(s_g) Σ_l R_l(r_ij) (2 l + 1)/4π P_l(r̂_ij · s_g) at the nodes s_g of a
    quadrature that is exact to the sum of the three degrees; projected once per centre.

    Parameters
    ----------
    degree_in, filter_degree, degree_out : int
        Degrees of the neighbours' features, of the filter and of the result.
    """

    nodes: Tensor
    addition: Tensor
    evaluation: Tensor
    projection: Tensor

    def __init__(self, degree_in: int, filter_degree: int, degree_out: int) -> None:
        super().__init__()
        check_integers(0, degree_in=degree_in, filter_degree=filter_degree, degree_out=degree_out)
        self.degree_in, self.filter_degree = degree_in, filter_degree
        grid = quadrature(degree_in + filter_degree + degree_out)
        matrices = {
            "nodes": grid.points,
            "addition": (2 * np.arange(filter_degree + 1) + 1) / (4 * np.pi),
            "evaluation": evaluation_matrix(degree_in, grid),
            "projection": projection_matrix(degree_out, grid),
        }
        for name, matrix in matrices.items():
            self.register_buffer(name, torch.from_numpy(matrix), persistent=False)

    def forward(
        self,
        features: Tensor,
        radial: Tensor,
        directions: Tensor,
        centres: Tensor,
        neighbours: Tensor,
    ) -> Tensor:
        """Return the sums over the edges of each centre.

        Parameters
        ----------
        features : Tensor, shape (nodes, (degree_in + 1)^2, channels)
        radial : Tensor, shape (edges, filter_degree + 1, channels or 1)
            R_l of each edge, for each channel or one for all.
        directions : Tensor, shape (edges, 3)
            Unit vectors from centre to neighbour.
        centres, neighbours : Tensor, shape (edges,), int64
            Indices of nodes.

        Returns
        -------
        Tensor, shape (nodes, (degree_out + 1)^2, channels)

        Raises
        ------
        InputError
            If an argument has another shape, the dtypes are not one of float32 and float64,
            directions are no unit vectors or indices none of nodes. (TorchScript and torch.compile
            look at shapes and dtypes only.)
        """
        edges = (directions, centres, neighbours)
        _check_arguments(features, radial, edges, self.degree_in, self.filter_degree)
        cosines = torch.matmul(directions, self.nodes.to(directions.dtype).t())
        polynomials = legendre_polynomials(self.filter_degree, cosines)
        filters = torch.matmul(polynomials * self.addition.to(polynomials.dtype), radial)
        values = torch.matmul(self.evaluation.to(features.dtype), features)
        messages = values[neighbours] * filters
        sums = torch.zeros_like(values).index_add(0, centres, messages)
        return torch.matmul(self.projection.to(sums.dtype), sums)


class RotatedConvolution(nn.Module):
    """Sum over edges of feature times filter, each edge in a frame of its own.

    The same as :class:`ZonalConvolution`. The frame is reached by the reflection that exchanges r̂
    with the z axis, or with the opposite axis if that is farther away: it is a smooth function of
    r̂ everywhere it is used, which Euler angles are not at the poles, and its own inverse.

    Parameters
    ----------
    degree_in, filter_degree, degree_out : int
    """

    coupling: Tensor
    by_order: Tensor
    by_degree: Tensor
    parities: Tensor

    def __init__(self, degree_in: int, filter_degree: int, degree_out: int) -> None:
        super().__init__()
        check_integers(0, degree_in=degree_in, filter_degree=filter_degree, degree_out=degree_out)
        self.degree_in, self.filter_degree, self.degree_out = degree_in, filter_degree, degree_out
        self.rotations = RotationMatrices(max(degree_in, degree_out))
        coupling = torch.from_numpy(_zonal_coupling(degree_in, filter_degree, degree_out))
        self.register_buffer("coupling", coupling, persistent=False)
        # To arrays [m, l], where the coupling is zero if there is no such coefficient, and back.
        self.register_buffer("by_order", places_by_order(degree_in, degree_out), persistent=False)
        self.register_buffer("by_degree", places_by_degree(degree_out), persistent=False)
        parities = (-1.0) ** torch.arange(filter_degree + 1, dtype=torch.float64)
        self.register_buffer("parities", parities.unsqueeze(-1), persistent=False)

    def forward(
        self,
        features: Tensor,
        radial: Tensor,
        directions: Tensor,
        centres: Tensor,
        neighbours: Tensor,
    ) -> Tensor:
        """Return the sums over the edges of each centre; arguments as of ZonalConvolution."""
        edges = (directions, centres, neighbours)
        _check_arguments(features, radial, edges, self.degree_in, self.filter_degree)
        reflections, down = _reflections_to_axis(directions)
        matrices = self.rotations(reflections)
        # Y_l0(-z) = (-1)^l Y_l0(z) for the edges that point down in their frame.
        parities = self.parities.to(radial.dtype)
        filters = torch.where(down[:, None, None], radial * parities, radial)

        turned = _turn(matrices, features[neighbours], self.degree_in)[:, self.by_order]
        messages = torch.zeros_like(turned[:, :, :1])
        for l1, coupling in enumerate(self.coupling.to(radial.dtype).unbind()):
            # One number for each m, l3 and channel: the filter's part in (l1, m) to (l3, m).
            numbers = torch.matmul(coupling.flatten(0, 1), filters)
            numbers = numbers.unflatten(1, [2 * self.degree_out + 1, self.degree_out + 1])
            messages = messages + numbers * turned[:, :, l1 : l1 + 1]
        messages = messages.flatten(1, 2)[:, self.by_degree]

        messages = _turn(matrices, messages, self.degree_out)
        shape = [features.shape[0], messages.shape[1], messages.shape[2]]
        sums = torch.zeros(shape, dtype=messages.dtype, device=messages.device)
        return sums.index_add(0, centres, messages)


def _check_arguments(
    features: Tensor,
    radial: Tensor,
    edges: tuple[Tensor, Tensor, Tensor],
    degree_in: int,
    filter_degree: int,
) -> None:
    directions, centres, neighbours = edges
    if not torch.jit.is_scripting():
        check_tensors([centres, neighbours])
    check_numbers([features, radial, directions])
    count = (degree_in + 1) * (degree_in + 1)
    if features.dim() != 3 or features.shape[1] != count or features.shape[2] == 0:
        raise InputError(
            f"features of shape {shapes_of([features])}: expected (nodes, {count}, channels)"
        )
    if directions.dim() != 2 or directions.shape[1] != 3:
        raise InputError(f"directions of shape {shapes_of([directions])}: expected (edges, 3)")
    number, channels = directions.shape[0], features.shape[2]
    shape = list(radial.shape)
    one = [number, filter_degree + 1, 1]
    if shape != [number, filter_degree + 1, channels] and shape != one:
        raise InputError(
            f"radial functions of shape {shape}: expected ({number}, {filter_degree + 1}, "
            f"{channels}) for as many edges, degrees of the filter and channels, or "
            f"({number}, {filter_degree + 1}, 1) with one for all channels"
        )
    for indices in (centres, neighbours):
        if list(indices.shape) != [number] or indices.dtype != torch.int64:
            raise InputError(
                f"centres and neighbours of shape {shapes_of([centres, neighbours])} and dtype"
                f"{dtypes_of([centres, neighbours])}: expected ({number},) and int64, an index of "
                "a node for each edge"
            )
    if number > 0 and not torch.jit.is_scripting() and not torch.compiler.is_compiling():
        _check_values(directions, [centres, neighbours], features.shape[0])


@torch.jit.unused
def _check_values(directions: Tensor, indices: list[Tensor], nodes: int) -> None:
    """Raise InputError unless directions have length one and indices are those of nodes."""
    lengths = torch.linalg.vector_norm(directions.detach(), dim=1)
    shortest, longest = float(lengths.min()), float(lengths.max())
    if not (shortest > 0.999 and longest < 1.001):
        raise InputError(
            f"directions of length {shortest:.3g} to {longest:.3g}: expected unit vectors; "
            "torch.nn.functional.normalize(directions, dim=-1) makes them"
        )
    for name, index in zip(("centres", "neighbours"), indices, strict=True):
        lowest, highest = int(index.min()), int(index.max())
        if lowest < 0 or highest >= nodes:
            raise InputError(
                f"{name} from {lowest} to {highest}: expected indices from 0 to {nodes - 1}, "
                "those of the nodes of features"
            )


def _zonal_coupling(degree_in: int, filter_degree: int, degree_out: int) -> NDArray[np.float64]:
    """Return G(l1 m, l2 0, l3 m) Y_{l2 0}(z), shape (l1, m = -degree_out..degree_out, l3, l2)."""
    table = gaunt_coefficients(degree_in, filter_degree, degree_out)
    coupling = np.zeros((degree_in + 1, 2 * degree_out + 1, degree_out + 1, filter_degree + 1))
    for l1, l2, l3 in np.ndindex(degree_in + 1, filter_degree + 1, degree_out + 1):
        pole = np.sqrt((2 * l2 + 1) / (4 * np.pi))
        for m in range(-min(l1, l3), min(l1, l3) + 1):
            entry = table[l1 * l1 + l1 + m, l2 * l2 + l2, l3 * l3 + l3 + m]
            coupling[l1, m + degree_out, l3, l2] = pole * entry
    return coupling


def _reflections_to_axis(directions: Tensor) -> tuple[Tensor, Tensor]:
    """Return reflections (edges, 3, 3) that take unit vectors to the z axis, and which go down.

    Householder's: 1 - 2 v vᵀ/v² with v = r̂ - target, where the target is the pole that is the
    farther from r̂, so that v² ≥ 2.
    """
    down = directions[:, 2] > 0
    target = torch.zeros_like(directions)
    target[:, 2] = torch.where(down, -torch.ones_like(target[:, 2]), torch.ones_like(target[:, 2]))
    v = directions - target
    scaled = 2 * v / (v * v).sum(1, keepdim=True)
    identity = torch.eye(3, dtype=directions.dtype, device=directions.device)
    return identity - scaled.unsqueeze(2) * v.unsqueeze(1), down


def _turn(matrices: list[Tensor], x: Tensor, degree: int) -> Tensor:
    """Apply the matrices of each edge to coefficients (edges, (degree + 1)^2, channels)."""
    blocks: list[Tensor] = []
    for l in range(degree + 1):
        block = x[:, l * l : (l + 1) * (l + 1)]
        blocks.append(torch.matmul(matrices[l].to(x.dtype), block))
    return torch.cat(blocks, dim=1)
