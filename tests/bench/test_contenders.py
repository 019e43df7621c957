"""What `gaunt-md bench product` compares is one operation: with the right weights, equal numbers.

Contenders of packages that are not installed are skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from gaunt_md.bench import peers
from gaunt_md.bench.contenders import OURS, convolution, interaction, many_body
from gaunt_md.bench.peers import even_paths, mace_contraction, natural_irreps, symmetric_paths
from gaunt_md.bench.timing import Case
from gaunt_md.sphere import (
    channels_last,
    from_e3nn_axes,
    gaunt_constant,
    gaunt_product,
    product_variances,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)
DEGREE, CHANNELS = 2, 3
IRREPS = " + ".join(natural_irreps(DEGREE, CHANNELS))


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(before)


def pick(cases: dict[str, Case], name: str) -> Case:
    if name not in cases:
        pytest.skip(f"needs the package of {name}")
    return cases[name]


def set_weights(weights: Tensor, values: Tensor) -> None:
    with torch.no_grad():
        weights.copy_(values.unsqueeze(-1).expand(-1, CHANNELS).reshape(weights.shape))


def path_weights(paths: list[tuple[int, int, int]]) -> Tensor:
    """What e3nn's weights must be for Gaunt coefficients: its paths are √((2 l3 + 1)/n) W."""
    fan_in = np.bincount([l3 for _, _, l3 in paths])
    return torch.tensor(
        [gaunt_constant(*path) / np.sqrt((2 * path[2] + 1) / fan_in[path[2]]) for path in paths]
    )


def gains() -> tuple[Tensor, Tensor]:
    """The constants of FeatureInteraction at each degree of the inputs and of the output."""
    inputs = torch.rsqrt(2 * torch.arange(DEGREE + 1.0) + 1)
    variances = product_variances([DEGREE, DEGREE], DEGREE, balanced=True)
    return inputs, torch.from_numpy(variances).rsqrt()


LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    f"{OURS}a weight for each path": lambda z: channels_last(z, IRREPS),
    "e3nn TensorProduct": lambda z: channels_last(z, IRREPS),
    "e3nn ToS2Grid, FromS2Grid": lambda z: from_e3nn_axes(z.mT),
    "cuequivariance": lambda z: z.reshape(len(z), -1, CHANNELS),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_feature_interactions_are_equal(name: str) -> None:
    cases = interaction(DEGREE, 5, CHANNELS)
    case, paths = pick(cases, name), list(even_paths(DEGREE))
    of_input, of_output = gains()
    if "S2Grid" in name:
        with torch.no_grad():
            case.leaves[2].copy_(torch.stack([of_input, of_input, of_output]).unsqueeze(1))
    else:
        factors = [of_input[l1] * of_input[l2] * of_output[l3] for l1, l2, l3 in paths]
        set_weights(case.leaves[2], path_weights(paths) * torch.stack(factors))
    expected = cases[f"{OURS}grid"].call()
    torch.testing.assert_close(LAYOUTS[name](case.call()), expected, atol=1e-6, rtol=0)


def test_all_have_a_weight_for_each_path_and_channel() -> None:
    cases = interaction(DEGREE, 5, CHANNELS)
    for name in (f"{OURS}a weight for each path", "e3nn TensorProduct", "cuequivariance"):
        if name in cases:
            assert cases[name].leaves[2].numel() == 11 * CHANNELS
    for name in (f"{OURS}grid", "e3nn ToS2Grid, FromS2Grid"):
        if name in cases:
            weights = cases[name].leaves[2:]
            assert sum(tensor.numel() for tensor in weights) == 3 * (DEGREE + 1) * CHANNELS


@pytest.mark.parametrize("name", ["e3nn TensorProduct", "cuequivariance"])
def test_convolutions_are_equal(name: str) -> None:
    cases = convolution(DEGREE, 4, CHANNELS)
    case, paths = pick(cases, name), list(even_paths(DEGREE))
    radial = cases[f"{OURS}zonal"].leaves[1]
    of_paths = path_weights(paths).unsqueeze(-1) * radial[:, [l2 for _, l2, _ in paths]]
    with torch.no_grad():
        case.leaves[1].copy_(of_paths.flatten(1))
    found = from_e3nn_axes(LAYOUTS[name](case.call()))
    torch.testing.assert_close(found, cases[f"{OURS}zonal"].call(), atol=1e-6, rtol=0)


def test_successive_products_of_e3nn_are_the_product_of_all_factors() -> None:
    """With Gaunt coefficients, which needs the degrees above the highest in between."""
    cases = many_body(DEGREE, 4, 5, CHANNELS)
    case = pick(cases, "e3nn TensorProduct")
    reached = [DEGREE, 2 * DEGREE, 2 * DEGREE, DEGREE]
    for weights, before, after in zip(case.leaves[1:], reached[:-1], reached[1:], strict=True):
        paths = [
            (l1, l2, l3)
            for l1 in range(before + 1)
            for l2 in range(DEGREE + 1)
            for l3 in range(abs(l1 - l2), min(l1 + l2, after) + 1, 2)
        ]
        set_weights(weights, path_weights(paths))
    found = channels_last(case.call(), IRREPS)
    torch.testing.assert_close(found, cases[f"{OURS}grid"].call(), atol=1e-6, rtol=0)


def test_two_copies_couple_in_as_many_ways_as_there_are_pairs_of_degrees() -> None:
    """A pair in the other order is the same coupling of equal copies."""
    ordered = [path for path in even_paths(5) if path[0] <= path[1]]
    assert symmetric_paths(5, 2) == [sum(path[2] == l for path in ordered) for l in range(6)]
    assert symmetric_paths(2, 1) == [1, 1, 1]


@pytest.mark.parametrize("degree", [1, 2])
def test_random_tables_have_the_shapes_of_those_of_mace(
    degree: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("e3nn", "mace", "cuequivariance"):
        pytest.importorskip(package)
    real = mace_contraction(degree, 3, CHANNELS)
    monkeypatch.setattr(peers, "LAST_DEGREE_OF_MACE_TABLES", 0)
    random = mace_contraction(degree, 3, CHANNELS)
    for one, other in (
        (real.named_buffers(), random.named_buffers()),
        (real.named_parameters(), random.named_parameters()),
    ):
        shapes = {name: tensor.shape for name, tensor in one}
        assert shapes == {name: tensor.shape for name, tensor in other}


def test_contraction_of_mace_contains_the_product() -> None:
    """It is linear in its weights; some of them give the product of three copies exactly."""
    cases = many_body(DEGREE, 3, 40, 1)
    case = pick(cases, "MACE SymmetricContraction")
    weights = case.leaves[1:]
    columns = []
    with torch.no_grad():
        for tensor in weights:
            tensor.zero_()
        for tensor in weights:
            for entry in range(tensor.numel()):
                tensor.view(-1)[entry] = 1
                columns.append(case.call().flatten())
                tensor.view(-1)[entry] = 0
    x = cases[f"{OURS}grid"].leaves[0]
    product = gaunt_product(gaunt_product(x, x, 4), x, DEGREE)
    torch.testing.assert_close(cases[f"{OURS}grid"].call(), product, atol=1e-12, rtol=0)
    matrix = torch.stack(columns, dim=1)
    # In the axes of e3nn, in which the contraction was given the functions.
    results = from_e3nn_axes(matrix.reshape(40, 9, -1)).flatten(0, 1)
    solution = torch.linalg.lstsq(results, product.flatten(), driver="gelsd").solution
    torch.testing.assert_close(results @ solution, product.flatten(), atol=1e-6, rtol=0)
