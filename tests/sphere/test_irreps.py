"""Conversions and the stand-in for e3nn's tensor product, against e3nn itself."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest
import torch
from sphere_functions import random_directions, random_function

from gaunt_md.errors import InputError
from gaunt_md.sphere import (
    IrrepsTensorProduct,
    channels_first,
    channels_last,
    from_e3nn_axes,
    gaunt_product,
    real_wigner_3j,
    spherical_harmonics,
    to_e3nn_axes,
)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
with warnings.catch_warnings(action="ignore"):  # e3nn calls torch.jit.script when it is imported
    o3 = pytest.importorskip("e3nn.o3")


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    """e3nn rounds its constants to the default dtype when modules are made."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def test_couplings_equal_those_of_e3nn() -> None:
    for l1 in range(6):
        for l2 in range(6):
            for l3 in range(abs(l1 - l2), l1 + l2 + 1):
                found = torch.from_numpy(real_wigner_3j(l1, l2, l3))
                torch.testing.assert_close(found, o3.wigner_3j(l1, l2, l3), atol=1e-12, rtol=0)


def test_harmonics_differ_by_a_cyclic_exchange_of_the_axes() -> None:
    s = random_directions(20)
    theirs = o3.spherical_harmonics(list(range(7)), s[:, [1, 2, 0]], False, "integral")
    torch.testing.assert_close(theirs, spherical_harmonics(6, s), atol=1e-13, rtol=0)


def test_functions_keep_their_values_when_the_axes_are_exchanged() -> None:
    s, x = random_directions(20), random_function(4, 3)
    theirs = o3.spherical_harmonics(list(range(5)), s, False, "integral") @ to_e3nn_axes(x)
    torch.testing.assert_close(theirs, spherical_harmonics(4, s) @ x, atol=1e-13, rtol=0)
    torch.testing.assert_close(from_e3nn_axes(to_e3nn_axes(x)), x, atol=1e-13, rtol=0)


def test_order_of_e3nn() -> None:
    """e3nn: all channels of an irrep, for each of them m = -l..l; and back again."""
    x = torch.arange(2 * 4.0)
    assert channels_last(x, "2x0e + 2x1o").tolist() == [[0, 1], [2, 5], [3, 6], [4, 7]]
    assert torch.equal(channels_first(channels_last(x, "2x0e+2x1o"), "2x0e+2x1o"), x)


@pytest.mark.parametrize(
    "irreps",
    [
        ("8x0e + 8x1o + 8x2e", "8x0e + 8x1o + 8x2e", "8x0e + 8x1o + 8x2e"),
        ("4x1o + 4x0e + 4x1e", "4x0o + 4x2e + 4x1o", "4x2e + 4x2o + 4x1e + 4x0e + 4x1o"),
        ("1x3o", "1x2e + 1x2o", "3o + 2e + 2o"),
    ],
)
def test_tensor_product_equals_that_of_e3nn(irreps: tuple[str, str, str]) -> None:
    """Same paths, layout and normalisation: with the same weights the same result."""
    first, second, out = map(o3.Irreps, irreps)
    instructions = [
        (i, j, k, "uuu", True)
        for i, (_, ir1) in enumerate(first)
        for j, (_, ir2) in enumerate(second)
        for k, (_, ir3) in enumerate(out)
        if ir3 in ir1 * ir2
    ]
    theirs = o3.TensorProduct(first, second, out, instructions)
    ours = IrrepsTensorProduct(*irreps)
    with torch.no_grad():  # as the docstring of IrrepsTensorProduct has it
        ours.product.weight.copy_(theirs.weight.reshape(ours.product.weight.shape))
    x, y = first.randn(5, -1), second.randn(5, -1)
    torch.testing.assert_close(ours(x, y), theirs(x, y), atol=1e-12, rtol=0)


def test_gaunt_product_turns_with_features_of_e3nn() -> None:
    """A feature of e3nn goes through our product and still is one."""
    irreps = o3.Irreps("4x0e + 4x1o + 4x2e")
    rotation = -o3.rand_matrix()
    matrix = irreps.D_from_matrix(rotation)
    x, y = irreps.randn(5, -1), irreps.randn(5, -1)

    def product(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        product = gaunt_product(channels_last(x, str(irreps)), channels_last(y, str(irreps)), 2)
        return channels_first(product, str(irreps))

    torch.testing.assert_close(
        product(x @ matrix.T, y @ matrix.T), product(x, y) @ matrix.T, atol=1e-10, rtol=0
    )


def test_irreps_that_cannot_be_used_are_refused() -> None:
    with pytest.raises(InputError, match="'8x1v'"):
        channels_last(torch.zeros(3), "8x0e + 8x1v")
    with pytest.raises(InputError, match=r"\[4, 8\]"):
        IrrepsTensorProduct("8x0e + 4x1o", "8x0e", "8x0e")
    with pytest.raises(InputError, match="different numbers"):
        IrrepsTensorProduct("8x0e", "8x0e", "4x0e")
