"""Radial functions: what a filter learns about the length of an edge."""

import copy
import math

import torch
from torch import Tensor, nn

from .linear import Linear

SILU_GAIN = 1.0 / math.sqrt(0.356)  # SiLU of a unit normal has second moment 0.356


def smooth_cutoff(x: Tensor) -> Tensor:
    """Return 1 at x = 0 and 0 for x ≥ 1, with two continuous derivatives at 1.

    1 - 28 x^6 + 48 x^7 - 21 x^8, the polynomial envelope with p = 6 of Gasteiger, Groß and
    Günnemann, ICLR 2020, arXiv:2003.03123.
    """
    envelope = 1.0 + x**6 * (-28.0 + x * (48.0 - 21.0 * x))
    return torch.where(x < 1.0, envelope, torch.zeros_like(x))


def bessel_functions(distances: Tensor, wave_numbers: Tensor, cutoff: float) -> Tensor:
    """Map distances r (...) to sin(kr)/r, with second moment 1 over the ball of the cutoff."""
    r = distances.unsqueeze(-1)
    return math.sqrt(2.0 / 3.0) * cutoff * torch.sin(r * wave_numbers) / r


def bessel_wave_numbers(cutoff: float, count: int) -> Tensor:
    """Return k = nπ/cutoff for n = 1..count, in 1/Å: there the functions vanish at the cutoff."""
    return torch.arange(1, count + 1, dtype=torch.float64) * (math.pi / cutoff)


def untrained_mean_square(distances: Tensor, cutoff: float, basis_size: int) -> Tensor:
    """Return the mean square of untrained radial functions at these distances.

    That of the Bessel functions and the envelope; the network between keeps it, nearly.
    """
    basis = bessel_functions(distances, bessel_wave_numbers(cutoff, basis_size), cutoff)
    return basis.square().mean(-1) * smooth_cutoff(distances / cutoff).square()


class RadialFunctions(nn.Module):
    """A small network on Bessel functions of the edge length, switched off at the cutoff.

    Parameters
    ----------
    channels, degree : int
        One function for each channel and each filter degree 0..degree.
    cutoff : float
        In Å.
    basis_size, width : int
        Number of Bessel functions and width of the two hidden layers.
    """

    wave_numbers: Tensor

    def __init__(
        self, channels: int, degree: int, cutoff: float, basis_size: int, width: int
    ) -> None:
        super().__init__()
        self.cutoff = cutoff
        self.degree = degree
        self.channels = channels
        wave_numbers = bessel_wave_numbers(cutoff, basis_size)
        self.register_buffer("wave_numbers", wave_numbers, persistent=False)
        self.network = nn.Sequential(
            Linear(basis_size, width),
            nn.SiLU(),
            Linear(width, width, gain=SILU_GAIN),
            nn.SiLU(),
        )
        self.last = Linear(width, channels * (degree + 1), gain=SILU_GAIN)

    def forward(self, distances: Tensor) -> Tensor:
        """Map distances (...) in Å to values (..., degree + 1, channels)."""
        return self.last(self.hidden(distances)).unflatten(-1, [self.degree + 1, self.channels])

    def hidden(self, distances: Tensor) -> Tensor:
        """Map distances (...) in Å to the functions (..., width) that the others are made of.

        The last map is linear: switched off before it, there are fewer numbers to multiply.
        """
        basis = bessel_functions(distances, self.wave_numbers, self.cutoff)
        envelope = smooth_cutoff(distances / self.cutoff).unsqueeze(-1)
        hidden: Tensor = self.network(basis) * envelope
        return hidden

    def exact(self) -> "RadialFunctions":
        """Return a copy in float64 for use."""
        return copy.deepcopy(self).double().requires_grad_(False)

    def combinations(self) -> Tensor:
        """Return the last map, shape (width, degree + 1, channels)."""
        return self.last.matrix().unflatten(-1, [self.degree + 1, self.channels])
