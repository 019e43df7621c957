"""Spherical harmonics and Legendre polynomials against scipy, the addition theorem and autograd."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import eval_legendre, sph_harm_y

from gaunt_md.sphere import legendre_polynomials, spherical_harmonics

POLES_AND_AXES = torch.tensor([[0, 0, 1], [0, 0, -1], [1, 0, 0], [0, -1, 0]], dtype=torch.float64)


def random_directions(count: int, random: np.random.Generator) -> torch.Tensor:
    vectors = torch.from_numpy(random.normal(size=(count, 3)))
    return vectors / vectors.norm(dim=1, keepdim=True)


def from_scipy(degree: int, directions: torch.Tensor) -> np.ndarray:
    """Real harmonics without the Condon-Shortley phase, from scipy's complex ones."""
    x, y, z = directions.numpy().T
    theta, phi = np.arccos(z), np.arctan2(y, x)
    columns = []
    for l in range(degree + 1):
        for m in range(-l, l + 1):
            value = (-1) ** m * sph_harm_y(l, abs(m), theta, phi)
            part = value.real if m >= 0 else value.imag
            columns.append(part * (1 if m == 0 else np.sqrt(2)))
    return np.stack(columns, axis=1)


def test_harmonics_equal_scipy(random: np.random.Generator) -> None:
    directions = torch.cat([random_directions(50, random), POLES_AND_AXES])
    np.testing.assert_allclose(
        spherical_harmonics(14, directions), from_scipy(14, directions), atol=1e-13
    )


@pytest.mark.parametrize("degree", [0, 1, 40])
def test_addition_theorem(degree: int, random: np.random.Generator) -> None:
    """Σ_m Y_lm(a) Y_lm(b) = (2 l + 1)/4π P_l(a·b) for every degree."""
    a, b = random_directions(20, random), random_directions(20, random)
    products = spherical_harmonics(degree, a) * spherical_harmonics(degree, b)
    sums = torch.stack([products[:, l * l : (l + 1) ** 2].sum(1) for l in range(degree + 1)], 1)
    degrees = torch.arange(degree + 1, dtype=torch.float64)
    expected = (2 * degrees + 1) / (4 * torch.pi) * legendre_polynomials(degree, (a * b).sum(1))
    torch.testing.assert_close(sums, expected, atol=1e-12, rtol=0)


def test_legendre_polynomials_equal_scipy() -> None:
    x = torch.linspace(-1, 1, 31, dtype=torch.float64)
    expected = np.stack([eval_legendre(l, x.numpy()) for l in range(13)], axis=1)
    np.testing.assert_allclose(legendre_polynomials(12, x), expected, atol=1e-14)


def test_derivatives_at_the_poles() -> None:
    directions = POLES_AND_AXES.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda d: spherical_harmonics(4, d), directions)
    assert torch.autograd.gradgradcheck(lambda d: spherical_harmonics(4, d), directions)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
def test_scripted_functions_give_the_same(random: np.random.Generator) -> None:
    directions = random_directions(5, random)
    scripted = torch.jit.script(spherical_harmonics)
    torch.testing.assert_close(
        scripted(5, directions), spherical_harmonics(5, directions), atol=1e-15, rtol=0
    )
