"""Products of functions in the two-dimensional Fourier basis: the method of the paper.

S. Luo, T. Chen, A. S. Krishnapriyan, "Enabling Efficient Equivariant Operations in the Fourier
Basis via Gaunt Tensor Products", ICLR 2024, arXiv:2401.10216; the same algorithm is in H. Xin,
Z. Zhou, D. An, L.-Q. Yan, K. Xu, S.-M. Hu, S.-T. Yau, "Fast and accurate spherical harmonics
products", ACM Trans. Graph. 40, 280 (2021).

A harmonic is a trigonometric polynomial on the torus, Y_lm(θ, φ) = T_l|m|(θ) · (cos mφ or
sin |m|φ), where T_lm is a sum of cos uθ (m even) or sin uθ (m odd) with u ≤ l. The spectrum
F(u, v) of a function of degree L has therefore |u|, |v| ≤ L, and its orders v = ±m come from the
coefficients of the same m alone: O(L^3) operations. The product of functions is the convolution of
their spectra: transformed to a uniform grid of angles, fine enough that nothing is aliased onto
what is kept, multiplied there, transformed back, and integrated with the measure of the sphere,
x_lm = ∫ T_lm(θ) F_m(θ) sin θ dθ over [0, π], again O(L^3).

What makes it fast on processors as they are:

- The transform in θ follows the conversion to the spectrum, for each m, without anything in
  between: both are one small matrix. So are the transform back and the integral.
- f(-θ, φ) = f(θ, φ + π): half the torus is enough.
- All factors of a product meet on one grid, which is left once.
- The transforms are real and done as products of matrices, O(L^3) like the conversion, with nodes
  and channels together as the long last dimension, a cache full of them at a time.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .checks import as_nodes
from .coefficients import places_by_degree, places_by_order, with_zeros
from .harmonics import meridian_harmonics, waves

# How many values on the torus are computed together: 1 MB in float32, which a core's cache holds.
BLOCK = 250_000


class FourierProduct(nn.Module):
    """Product of functions of the given degrees, up to ``degree_out``, by 2D Fourier series.

    Parameters
    ----------
    degrees : sequence of int
        Degrees of the factors.
    degree_out : int
    """

    def __init__(self, degrees: Sequence[int], degree_out: int) -> None:
        super().__init__()
        degree = sum(degrees)
        highest = min(degree, degree_out)
        # All u of the product are integrated over; orders v above the highest of the result may
        # be aliased, but not onto those up to it.
        n_theta, n_phi = degree + 1, degree + highest + 1
        self.columns = BLOCK // (n_theta * n_phi)
        self.to_torus = nn.ModuleList(_ToTorus(one, n_theta, n_phi) for one in degrees)
        self.from_torus = _FromTorus(degree, highest, n_phi)
        self.coefficients_out = (degree_out + 1) ** 2

    def forward(self, factors: list[Tensor]) -> Tensor:
        """Map coefficients (..., (L_i + 1)^2, channels) to (..., (degree_out + 1)^2, channels)."""
        nodes, leading = as_nodes(factors)
        channels = nodes[0].shape[-1]
        length = max(1, self.columns // channels)
        if torch.compiler.is_compiling() or not factors[0].is_cpu:
            length = max(1, nodes[0].shape[0])
        parts = [factor.split(length) for factor in nodes]
        blocks: list[Tensor] = []
        for index in range(len(parts[0])):
            blocks.append(self._product([part[index] for part in parts]))
        product = with_zeros(torch.cat(blocks), self.coefficients_out)
        return product.reshape(leading + [product.shape[-2], channels])  # noqa: RUF005  (TorchScript)

    def _product(self, factors: list[Tensor]) -> Tensor:
        values: list[Tensor] = []
        for index, to_torus in enumerate(self.to_torus):
            values.append(to_torus(factors[index]))
        product = values[0]
        for value in values[1:]:
            product = product * value
        return self.from_torus(product, factors[0].shape[0], factors[0].shape[2])


class _ToTorus(nn.Module):
    """Coefficients (nodes, (L + 1)^2, channels) to values (n_phi, n_theta · nodes · channels)."""

    profiles: Tensor
    waves: Tensor
    order: Tensor

    def __init__(self, degree: int, n_theta: int, n_phi: int) -> None:
        super().__init__()
        self.degree = degree
        profiles = torch.from_numpy(_profiles(degree, _half_circle(n_theta)))
        self.register_buffer("profiles", profiles.mT.contiguous(), persistent=False)
        self.register_buffer("waves", _waves_of_circle(degree, n_phi), persistent=False)
        self.register_buffer("order", places_by_order(degree, degree).flatten(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        by_order = x.transpose(0, 1).index_select(0, self.order)
        by_order = by_order.reshape([2 * self.degree + 1, self.degree + 1, -1])
        series = torch.bmm(self.profiles.to(x.dtype), by_order)
        return torch.mm(self.waves.to(x.dtype), series.flatten(1))


class _FromTorus(nn.Module):
    """Values (n_phi, n_theta · nodes · channels) to (nodes, (degree_out + 1)^2, channels)."""

    integrals: Tensor
    waves: Tensor
    order: Tensor

    def __init__(self, degree: int, degree_out: int, n_phi: int) -> None:
        super().__init__()
        self.orders, self.n_theta = 2 * degree_out + 1, degree + 1
        integrals = torch.from_numpy(_integrals(degree_out, degree))
        self.register_buffer("integrals", integrals, persistent=False)
        waves = (2 * np.pi / n_phi) * _waves_of_circle(degree_out, n_phi).mT.contiguous()
        self.register_buffer("waves", waves, persistent=False)
        # Row (m, l) of the integrals has the coefficient (l, m).
        self.register_buffer("order", places_by_degree(degree_out), persistent=False)

    def forward(self, values: Tensor, nodes: int, channels: int) -> Tensor:
        series = torch.mm(self.waves.to(values.dtype), values)
        series = series.reshape([self.orders, self.n_theta, -1])
        by_order = torch.bmm(self.integrals.to(values.dtype), series).flatten(0, 1)
        x = by_order.index_select(0, self.order)
        return x.reshape([x.shape[0], nodes, channels]).transpose(0, 1)


def _half_circle(count: int) -> NDArray[np.float64]:
    """Return uniform angles within (0, π): those of half a torus, and none at the poles."""
    return (np.arange(count) + 0.5) * np.pi / count


def _waves_of_circle(degree: int, count: int) -> Tensor:
    """Return the waves at uniform angles, shape (angles, m = -degree..degree)."""
    return torch.from_numpy(waves(degree, 2 * np.pi * np.arange(count) / count))


def _profiles(degree: int, theta: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return T_l|m|(θ), shape (m = -degree..degree, l, angles); zero where l < |m|."""
    m, l = np.arange(-degree, degree + 1)[:, None, None], np.arange(degree + 1)[:, None]
    profiles = meridian_harmonics(degree, theta).T[places_by_order(degree, degree).numpy()]
    return np.where(np.abs(m) <= l, profiles, 0)


def _integrals(degree_out: int, degree: int) -> NDArray[np.float64]:
    """Return what takes values at the angles of θ to ∫ T_lm(θ) F_m(θ) sin θ dθ.

    The values determine F_m, a cosine series (m even) or a sine series (m odd) up to ``degree``;
    the integral of its product with T_lm, a polynomial of cos θ, is exact by Gauss and Legendre.

    Returns
    -------
    ndarray, shape (m = -degree_out..degree_out, l, angles)
    """
    n = degree + 1
    cosines, weights = np.polynomial.legendre.leggauss((degree_out + degree) // 2 + 1)
    theta, u, angles = np.arccos(cosines), np.arange(n), _half_circle(n)
    series_of_values = np.where(u == 0, 1, 2)[:, None] / n
    weighted = weights * _profiles(degree_out, theta)
    even, odd = (
        weighted @ wave(np.outer(theta, u)) @ (series_of_values * wave(np.outer(u, angles)))
        for wave in (np.cos, np.sin)
    )
    m = np.arange(-degree_out, degree_out + 1).reshape(-1, 1, 1)
    return np.where(m % 2 == 0, even, odd)
