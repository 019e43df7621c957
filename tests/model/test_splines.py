"""Splines of the radial functions: as exact as they say, and as smooth as phonons need."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gaunt_md.errors import InputError
from gaunt_md.kernels.reference import hermite_spline
from gaunt_md.model.radial import RadialFunctions
from gaunt_md.model.splines import TOLERANCE, RadialTable, tabulate

CUTOFF = 5.0


@pytest.fixture(scope="module")
def radial() -> RadialFunctions:
    torch.manual_seed(0)
    return RadialFunctions(4, 2, CUTOFF, basis_size=8, width=16).double().requires_grad_(False)


@pytest.fixture(scope="module")
def splines(radial: RadialFunctions) -> RadialTable:
    return tabulate(radial, CUTOFF, shortest=1.0)


def evaluate(splines: RadialTable, distances: Tensor) -> Tensor:
    return hermite_spline(distances, splines.table, splines.step)


def test_the_stated_error_holds_between_the_nodes(
    radial: RadialFunctions, splines: RadialTable
) -> None:
    distances = torch.linspace(1.0, CUTOFF, 5001, dtype=torch.float64)[1:]
    exact = radial(distances)
    error = (evaluate(splines, distances) - exact).abs().max() / exact.abs().max()
    assert error < 1.05 * splines.error
    assert splines.error < TOLERANCE


def test_below_the_shortest_distance_they_stay_close(
    radial: RadialFunctions, splines: RadialTable
) -> None:
    distances = torch.linspace(0.05, 1.0, 501, dtype=torch.float64)
    exact = radial(distances)
    assert (evaluate(splines, distances) - exact).abs().max() < 0.01 * exact.abs().max()


def test_two_derivatives_are_continuous_at_the_nodes(splines: RadialTable) -> None:
    nodes = splines.step * torch.arange(1, len(splines.table) - 1, dtype=torch.float64)

    def derivatives(distances: Tensor) -> tuple[Tensor, Tensor]:
        along = torch.ones_like(distances)

        def slope(distances: Tensor) -> Tensor:
            slopes: Tensor = torch.func.jvp(lambda r: evaluate(splines, r), (distances,), (along,))[
                1
            ]
            return slopes

        return torch.func.jvp(slope, (distances,), (along,))

    before, after = (derivatives(nodes + shift) for shift in (-1e-9, 1e-9))
    for one, other in zip(before, after, strict=True):
        assert (one - other).abs().max() < 1e-6 * one.abs().max()


def test_functions_too_wild_for_a_table_are_refused(radial: RadialFunctions) -> None:
    wild = RadialFunctions(4, 2, CUTOFF, basis_size=8, width=16)
    wild.load_state_dict({name: 1e6 * value for name, value in radial.state_dict().items()})
    with pytest.raises(InputError, match="vary too fast for splines"):
        tabulate(wild.exact(), CUTOFF, shortest=1.0)
