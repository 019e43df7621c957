"""Products of functions in the two-dimensional Fourier basis: the method of the paper.

S. Luo, T. Chen, A. S. Krishnapriyan, "Enabling Efficient Equivariant Operations in the Fourier
Basis via Gaunt Tensor Products", ICLR 2024, arXiv:2401.10216; the same algorithm is in H. Xin,
Z. Zhou, D. An, L.-Q. Yan, K. Xu, S.-M. Hu, S.-T. Yau, "Fast and accurate spherical harmonics
products", ACM Trans. Graph. 40, 280 (2021).

A harmonic is a trigonometric polynomial on the torus, Y_lm(θ, φ) = T_l|m|(θ) · (cos mφ or
sin |m|φ), where T_lm is a sum of cos uθ (m even) or sin uθ (m odd) with u ≤ l and u ≡ l (mod 2).
A function of degree L has therefore a spectrum F(u, v), |u|, |v| ≤ L, and v = ±m only:

    F(u, m) = Σ_l A^m_ul (x_lm - i x_l,-m) for m ≥ 0,    F(-u, -v) = F(u, v)* ,

O(L^3) operations. Products of functions are convolutions of their spectra, done by FFT in
O(L^2 log L), two at a time, so that spectra stay small for as long as possible (divide and
conquer). The way back integrates with the measure of the sphere,

    x_lm - i x_l,-m = Σ_u B^m_lu F(u, m),    B^m_lu ∝ ∫ T_lm(θ) e^{iuθ} sin θ dθ  over [0, π].

Angles φ are counted from the y axis: then A and B are real.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .harmonics import spherical_harmonics


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
        self.to_spectrum = nn.ModuleList(_ToSpectrum(degree) for degree in degrees)
        self.degree = sum(degrees)
        self.from_spectrum = _FromSpectrum(self.degree, degree_out)

    def forward(self, factors: list[Tensor]) -> Tensor:
        """Map coefficients (..., (L_i + 1)^2, channels) to (..., (degree_out + 1)^2, channels)."""
        spectra: list[Tensor] = []
        for index, to_spectrum in enumerate(self.to_spectrum):
            spectra.append(to_spectrum(factors[index]))
        while len(spectra) > 1:
            # Only the last product may leave out the orders v that the result has not.
            highest = self.from_spectrum.highest if len(spectra) == 2 else self.degree
            pairs: list[Tensor] = []
            for index in range(0, len(spectra) - 1, 2):
                pairs.append(multiply_spectra(spectra[index], spectra[index + 1], highest))
            spectra = pairs + spectra[2 * len(pairs) :]
        return self.from_spectrum(spectra[0])


def multiply_spectra(first: Tensor, second: Tensor, highest: int) -> Tensor:
    """Return the spectrum of the product of two real functions on the torus.

    Parameters
    ----------
    first, second : Tensor, shape (..., D + 1, 2 D + 1, channels), complex
        With D the degree: v = 0..D (the rest follows by symmetry), then u = 0..D, -D..-1.
    highest : int
        Highest order v of the result, if that is below its degree D = D1 + D2.

    Returns
    -------
    Tensor, shape (..., min(D, highest) + 1, 2 D + 1, channels), complex
    """
    degree1, degree2 = first.shape[-3] - 1, second.shape[-3] - 1
    degree = degree1 + degree2
    highest = min(degree, highest)
    n_theta = _fast_length(2 * degree + 1)
    # Orders above ``highest`` may be aliased, but not onto those up to it.
    n_phi = _fast_length(max(degree + highest, 2 * degree1, 2 * degree2) + 1)
    values = _torus_values(first, n_theta, n_phi) * _torus_values(second, n_theta, n_phi)
    spectrum = torch.fft.rfft2(values, dim=[-2, -3], norm="forward").narrow(-3, 0, highest + 1)
    positive = spectrum.narrow(-2, 0, degree + 1)
    return torch.cat([positive, spectrum.narrow(-2, n_theta - degree, degree)], dim=-2)


def _torus_values(spectrum: Tensor, n_theta: int, n_phi: int) -> Tensor:
    """Return the values on a uniform grid of angles, shape (..., n_phi, n_theta, channels)."""
    degree = spectrum.shape[-3] - 1
    positive = spectrum.narrow(-2, 0, degree + 1)
    negative = spectrum.narrow(-2, degree + 1, degree)
    padded = torch.nn.functional.pad(positive, [0, 0, 0, n_theta - 2 * degree - 1])
    padded = torch.cat([padded, negative], dim=-2)
    return torch.fft.irfft2(padded, s=[n_theta, n_phi], dim=[-2, -3], norm="forward")


def _fast_length(length: int) -> int:
    """Return the smallest length from ``length`` up that has no prime factor above 5."""
    while _without_small_factors(length) > 1:
        length += 1
    return length


def _without_small_factors(number: int) -> int:
    for factor in [2, 3, 5]:
        while number % factor == 0:
            number = number // factor
    return number


class _ToSpectrum(nn.Module):
    """Coefficients (..., (L + 1)^2, channels) to spectrum (..., L + 1, 2 L + 1, channels)."""

    matrix: Tensor
    order: Tensor

    def __init__(self, degree: int) -> None:
        super().__init__()
        self.degree = degree
        matrix = _with_imaginary_part(torch.from_numpy(_spectrum_matrices(degree)))
        self.register_buffer("matrix", matrix, persistent=False)
        # The matrix is zero at the places without a coefficient, whatever is put there.
        order = torch.tensor(_places(degree)).clamp(min=0)
        self.register_buffer("order", order, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        by_order = x.index_select(-2, self.order)
        by_order = by_order.unflatten(-2, [self.degree + 1, 2, self.degree + 1])
        parts = torch.matmul(self.matrix.to(x.dtype), by_order)
        return torch.complex(parts.select(-3, 0), parts.select(-3, 1))


class _FromSpectrum(nn.Module):
    """Spectrum of degree D, at least the orders needed, to (..., (degree_out + 1)^2, channels)."""

    matrix: Tensor
    order: Tensor

    def __init__(self, degree: int, degree_out: int) -> None:
        super().__init__()
        self.degree = degree
        self.highest = min(degree, degree_out)
        self.missing = (degree_out + 1) ** 2 - (self.highest + 1) ** 2
        matrix = _with_imaginary_part(torch.from_numpy(_integrals(self.highest, degree)))
        self.register_buffer("matrix", matrix, persistent=False)
        place = {coefficient: k for k, coefficient in enumerate(_places(self.highest))}
        order = torch.tensor([place[k] for k in range((self.highest + 1) ** 2)])
        self.register_buffer("order", order, persistent=False)

    def forward(self, spectrum: Tensor) -> Tensor:
        # u < 0 repeats u > 0, so that the matrices count the latter twice.
        needed = spectrum.narrow(-3, 0, self.highest + 1).narrow(-2, 0, self.degree + 1)
        parts = torch.stack([needed.real, needed.imag], dim=-3)
        by_order = torch.matmul(self.matrix.to(parts.dtype), parts).flatten(-4, -2)
        x = by_order.index_select(-2, self.order)
        return torch.nn.functional.pad(x, [0, 0, 0, self.missing])


def _places(degree: int) -> list[int]:
    """Return the coefficient (l, ±m) at each place of an array [m, sign, l]; -1 where l < m."""
    return [
        l * l + l + sign * m if l >= m and not (m == 0 and sign < 0) else -1
        for m in range(degree + 1)
        for sign in (1, -1)
        for l in range(degree + 1)
    ]


def _with_imaginary_part(matrices: Tensor) -> Tensor:
    """Stack the matrices of each m for x_lm with those for -i x_l,-m, which is zero for m = 0."""
    imaginary = -matrices
    imaginary[0] = 0
    return torch.stack([matrices, imaginary], dim=1)


def _profiles(degree: int, theta: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return T_lm(θ) = Y_lm(θ, φ = 0), shape (m, l, angles); zero where l < m.

    θ may be any angle: the harmonics are polynomials of (sin θ, 0, cos θ).
    """
    directions = np.stack([np.sin(theta), np.zeros_like(theta), np.cos(theta)], axis=-1)
    harmonics = spherical_harmonics(degree, torch.from_numpy(directions)).numpy()
    profiles = np.zeros((degree + 1, degree + 1, len(theta)))
    for l in range(degree + 1):
        for m in range(l + 1):
            profiles[m, l] = harmonics[:, l * l + l + m]
    return profiles


def _spectrum_matrices(degree: int) -> NDArray[np.float64]:
    """Return A, shape (m, u, l) with u = 0..L, -L..-1."""
    theta = 2 * np.pi * np.arange(2 * degree + 1) / (2 * degree + 1)
    series = np.fft.fft(_profiles(degree, theta), axis=-1, norm="forward")
    m = np.arange(degree + 1).reshape(-1, 1, 1)
    weights = np.where(m == 0, 1, 0.5)  # cos mφ = (e^{imφ} + e^{-imφ}) / 2
    return np.ascontiguousarray((weights * 1j**m * series).real.transpose(0, 2, 1))


def _integrals(degree_out: int, degree: int) -> NDArray[np.float64]:
    """Return B, shape (m, l, u) with u = 0..D."""
    cosines, weights = np.polynomial.legendre.leggauss((degree_out + degree) // 2 + 1)
    theta, u = np.arccos(cosines), np.arange(degree + 1)
    weighted = 2 * np.pi * weights * _profiles(degree_out, theta)
    even, odd = weighted @ np.cos(np.outer(theta, u)), weighted @ np.sin(np.outer(theta, u))
    m = np.arange(degree_out + 1).reshape(-1, 1, 1)
    integrals = np.where(m % 2 == 0, (1j**-m).real * even, (1j * 1j**-m).real * odd)
    return integrals * np.where(u == 0, 1, 2)
