"""The kernels in plain torch, written for reading: the same operations, the same arguments.

They serve where no compiler is found, and as the reference that the compiled ones are tested
against. Arguments are those of the operators, csrc/operators.cpp; csrc/kernels.h tells what they
mean, where the arrays are padded and tiled.
"""

import math

import torch
from torch import Tensor


def convolution(
    features: Tensor,
    radial: Tensor,
    harmonics: Tensor,
    first: Tensor,
    neighbours: Tensor,
    coupling: Tensor,
    table: Tensor | None,
    step: float,
) -> Tensor:
    """Return A_i = G : Σ_e h_j ⊗ (R Y)_e, shape (centres, outputs, channels).

    Parameters
    ----------
    features : Tensor, shape (atoms, features, channels)
    radial : Tensor, shape (edges, degree + 1, channels), or (edges,) with a table
        R_l of each edge, or (edges, 1, channels) if it is the same for all degrees; with a table
        the lengths of the edges.
    harmonics : Tensor, shape (edges, (degree + 1)^2)
    first : Tensor, shape (centres + 1,), int64
        The edges of centre i are first[i] ... first[i + 1] - 1.
    neighbours : Tensor, shape (edges,), int64
    coupling : Tensor, shape (outputs, (degree + 1)^2 · features)
    table : Tensor or None, shape (nodes, 3, degree + 1 or 1, channels)
        Values of R at equidistant nodes, slopes times ``step``, curvatures times ``step``^2.
    step : float
        Distance of the nodes.
    """
    if table is not None:
        radial = hermite_spline(radial, table, step)
    degree = math.isqrt(harmonics.shape[1]) - 1
    radial = radial.expand(-1, degree + 1, -1)
    edges = edge_table(first)
    n_centres, places = edges.shape
    # The place after the last edge is empty; radial functions of zero keep it from counting.
    radial = torch.cat([radial, torch.zeros_like(radial[:1])]) if len(radial) else radial
    if places == 0:
        return features.new_zeros(n_centres, coupling.shape[0], features.shape[2])
    rows = edges.flatten()
    harmonics = torch.cat([harmonics, harmonics[:1]]).index_select(0, rows)
    of_neighbours = features.index_select(0, torch.cat([neighbours, neighbours[:1]])[rows])
    radial = radial.index_select(0, rows)
    moments = []
    for l in range(degree + 1):
        weighted = radial[:, l].unsqueeze(1) * of_neighbours
        moments.append(
            torch.bmm(
                harmonics[:, l * l : (l + 1) ** 2].unflatten(0, (n_centres, places)).mT,
                weighted.flatten(1).unflatten(0, (n_centres, places)),
            )
        )
    moment = torch.cat(moments, dim=1).view(n_centres, -1, features.shape[2])
    return torch.matmul(coupling, moment)


def edge_table(first: Tensor) -> Tensor:
    """Return the edges of each centre, shape (centres, places); the number of edges if empty."""
    counts = first.diff()
    places = int(counts.max()) if len(counts) else 0
    place = torch.arange(places, device=first.device)
    edges = first[:-1].unsqueeze(1) + place
    return torch.where(place < counts.unsqueeze(1), edges, first[-1])


def hermite_spline(distances: Tensor, table: Tensor, step: float) -> Tensor:
    """Return the quintic Hermite splines of a table, shape (edges, functions, channels)."""
    x = distances / step
    node = x.detach().long().clamp(0, table.shape[0] - 2)
    t = (x - node).view(-1, 1, 1)
    u = 1 - t
    value, slope, curvature = table[node].unbind(1)
    next_value, next_slope, next_curvature = table[node + 1].unbind(1)
    return (
        u**3 * (1 + 3 * t + 6 * t**2) * value
        + t * u**3 * (1 + 3 * t) * slope
        + t**2 * u**3 / 2 * curvature
        + t**3 * (1 + 3 * u + 6 * u**2) * next_value
        - u * t**3 * (1 + 3 * u) * next_slope
        + u**2 * t**3 / 2 * next_curvature
    )


def grid_product(
    factors: list[Tensor], evaluation: Tensor, projection: Tensor, waves: Tensor | None = None
) -> Tensor:
    """Return P [f_1 f_2 ...], the product of functions projected to coefficients.

    Parameters
    ----------
    factors : list of Tensor, each of shape (nodes, (L_q + 1)^2, channels)
    evaluation : Tensor, shape (points, columns)
        Harmonics at points of which -s is a node of the grid, too. With waves, shape
        (latitudes, columns): Y_lm without cos mφ and sin |m|φ at θ of which π - θ is one, too.
    projection : Tensor, shape (points or latitudes, (degree_out + 1)^2)
        The same times weights of the quadrature.
    waves : Tensor or None, shape (longitudes, 2 degree + 1)
        cos mφ (m ≥ 0) and sin |m|φ (m < 0) for m = -degree..degree at φ of which -φ, π + φ and
        π - φ are angles of the grid, too.

    Returns
    -------
    Tensor, shape (nodes, (degree_out + 1)^2, channels)
    """
    if waves is None:
        evaluation, projection = with_opposites(evaluation), with_opposites(projection)
    else:
        evaluation, projection = at_all_angles(evaluation, waves), at_all_angles(projection, waves)
    product = torch.matmul(evaluation[:, : factors[0].shape[1]], factors[0])
    for factor in factors[1:]:
        product = product * torch.matmul(evaluation[:, : factor.shape[1]], factor)
    return torch.matmul(projection.mT, product)


def many_body(
    x: Tensor, mix: Tensor, weights: Tensor, evaluation: Tensor, projection: Tensor
) -> Tensor:
    """Return P [f_1 (w_1 + f_2 (w_2 + ...))] with the mixes f_q = x W_q of one function.

    Parameters
    ----------
    x : Tensor, shape (nodes, (degree + 1)^2, channels_in)
    mix : Tensor, shape (degree + 1, channels_in, factors · channels)
    weights : Tensor, shape (nodes, factors, channels)
    evaluation, projection : Tensor
        As for `grid_product`.

    Returns
    -------
    Tensor, shape (nodes, (degree_out + 1)^2, channels)
    """
    mixes = degree_linear(x, mix).unflatten(2, weights.shape[1:])
    values = torch.einsum("gm,nmqc->qngc", with_opposites(evaluation), mixes)
    product = torch.zeros_like(values[0])
    for q in range(len(values) - 1, -1, -1):
        product = values[q] * (weights[:, q].unsqueeze(1) + product)
    return torch.matmul(with_opposites(projection).mT, product)


def with_opposites(matrix: Tensor) -> Tensor:
    """Return a matrix for points s extended by the opposite points -s."""
    return torch.cat([matrix, matrix * parities(matrix)])


def parities(matrix: Tensor) -> Tensor:
    """Return (-1)^l of each column lm: what harmonics are multiplied with from s to -s."""
    degree = math.isqrt(matrix.shape[1]) - 1
    signs = [(-1.0) ** l for l in range(degree + 1) for _ in range(2 * l + 1)]
    return torch.tensor(signs, dtype=matrix.dtype, device=matrix.device)


def at_all_angles(profiles: Tensor, waves: Tensor) -> Tensor:
    """Return profiles times waves at θ and π - θ, each with φ, -φ, π + φ and π - φ."""
    degree = math.isqrt(profiles.shape[1]) - 1
    order = torch.tensor(
        [m for l in range(degree + 1) for m in range(-l, l + 1)], device=waves.device
    )
    even, odd = 1 - 2 * (order % 2), torch.where(order < 0, -1, 1)  # (-1)^m, and -1 for sines
    fours = waves[:, order + waves.shape[1] // 2]
    circle = torch.cat([fours, fours * odd, fours * even, fours * even * odd])
    both = torch.cat([profiles, profiles * (parities(profiles) * even)])
    return (both.unsqueeze(1) * circle).flatten(0, 1)


def degree_linear(x: Tensor, weight: Tensor) -> Tensor:
    """Map (nodes, (degree + 1)^2, in) by (degree + 1, in, out), one matrix for each degree."""
    blocks = x.split([2 * l + 1 for l in range(weight.shape[0])], dim=1)
    return torch.cat([torch.matmul(block, w) for block, w in zip(blocks, weight, strict=True)], 1)


def degree_weights(x: Tensor, weight: Tensor) -> Tensor:
    """Multiply (nodes, (degree + 1)^2, channels) by (degree + 1, channels), a number for each."""
    orders = 2 * torch.arange(weight.shape[0], device=weight.device) + 1
    return x * weight.repeat_interleave(orders, dim=0)


def harmonics(vectors: Tensor, degree: int) -> Tensor:
    """Return the spherical harmonics of the directions of (edges, 3); (edges, (degree + 1)^2)."""
    return spherical_harmonics(degree, vectors / vectors.norm(dim=1, keepdim=True))


def spherical_harmonics(degree: int, directions: Tensor) -> Tensor:
    """Return the harmonics of `gaunt_md.sphere.spherical_harmonics`, which checks its arguments."""
    x, y, z = directions[..., 0], directions[..., 1], directions[..., 2]
    cosines: list[Tensor] = [torch.ones_like(x)]  # Re (x + iy)^m
    sines: list[Tensor] = [torch.zeros_like(x)]  # Im (x + iy)^m
    for m in range(1, degree + 1):
        cosines.append(x * cosines[m - 1] - y * sines[m - 1])
        sines.append(x * sines[m - 1] + y * cosines[m - 1])

    harmonics = [torch.zeros_like(x) for _ in range((degree + 1) * (degree + 1))]
    sectoral = 1.0 / math.sqrt(4.0 * math.pi)  # Q_mm, a constant
    for m in range(degree + 1):
        if m == 1:
            sectoral *= math.sqrt(3.0)
        elif m > 1:
            sectoral *= math.sqrt((2 * m + 1) / (2 * m))
        before = torch.zeros_like(z)
        polynomial = sectoral * torch.ones_like(z)
        for l in range(m, degree + 1):
            if l > m:
                rising = math.sqrt((4.0 * l * l - 1) / (l * l - m * m))
                falling = math.sqrt(((l - 1.0) ** 2 - m * m) / (4.0 * (l - 1) ** 2 - 1))
                following = rising * (z * polynomial - falling * before)
                before = polynomial
                polynomial = following
            harmonics[l * l + l + m] = polynomial * cosines[m]
            if m > 0:
                harmonics[l * l + l - m] = polynomial * sines[m]
    return torch.stack(harmonics, -1)
