"""What no operation on the sphere takes: one sentence, whatever the method, and no torch text."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
import torch
from sphere_functions import METHODS, Edges, operations, random_function

from gaunt_md.errors import InputError
from gaunt_md.sphere import (
    CompleteTensorProduct,
    DegreeLinear,
    DegreeWeights,
    FeatureInteraction,
    GauntProduct,
    IrrepsTensorProduct,
    ManyBodyGauntProduct,
    PoissonBracket,
    RotatedConvolution,
    RotationMatrices,
    ZonalConvolution,
    channels_first,
    channels_last,
    degree_of,
    degrees_of_coefficients,
    gaunt_coefficients,
    gaunt_product,
    many_body_product,
    poisson_bracket,
    product_variances,
    quadrature,
    real_wigner_3j,
    spherical_harmonics,
    to_e3nn_axes,
)

Product = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
IRREPS = "8x0e + 8x1o + 8x2e"


def flat(x: torch.Tensor) -> torch.Tensor:
    """e3nn's layout of (..., 9, 8), whatever the shape and kind of x."""
    return x.flatten(-2) if isinstance(x, torch.Tensor) and x.dim() > 1 else x


PRODUCTS: dict[str, Product] = {
    **{f"function_{m}": lambda x, y, m=m: gaunt_product(x, y, 2, m) for m in METHODS},
    **{f"module_{m}": GauntProduct(2, 2, 2, m) for m in METHODS},
    "auto": lambda x, y: gaunt_product(x, y, 2),
    "three_factors": lambda x, y: many_body_product([x, y, x], 2),
    "bracket": lambda x, y: poisson_bracket(x, y, 2),
    "bracket_module": PoissonBracket(2, 2, 2),
    "complete": CompleteTensorProduct(2, 2, 2, 8),
    "interaction": FeatureInteraction(2, 2, 2, 8),
    "weighted": FeatureInteraction(2, 2, 2, 8, mix_channels=False),
    "irreps": lambda x, y: IrrepsTensorProduct(IRREPS, IRREPS, IRREPS)(flat(x), flat(y)),
}

good = random_function(2, 5, 8).float()
UNFIT = {
    "mixed_dtypes": (good.double(), good, "dtype.*float32 or float64, the same for all"),
    "bfloat16": (good.bfloat16(), good.bfloat16(), "torch.bfloat16.*float32 or float64"),
    "half": (good.half(), good.half(), "torch.float16.*float32 or float64"),
    "integers": (good.long(), good.long(), "torch.int64.*float32 or float64"),
    "complex": (good + 0j, good + 0j, "torch.complex64.*float32 or float64"),
    "numpy": (good.numpy(), good, "found numpy.ndarray: torch.as_tensor makes one"),
    "batches": (good, good[:3], r"\[(5|3), 9, 8\], \[(3|5), 9, 8\].*equal or 1"),
}


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("unfit", UNFIT)
def test_tensors_that_do_not_fit_are_refused_alike(product: str, unfit: str) -> None:
    x, y, said = UNFIT[unfit]
    for arguments in ((x, y), (y, x)):
        with pytest.raises(InputError, match=said):
            PRODUCTS[product](*arguments)


@pytest.mark.parametrize("product", PRODUCTS)
def test_other_channels_are_refused(product: str) -> None:
    with pytest.raises(InputError, match=r"\[5, (9, )?(7|63)\].*expected"):
        PRODUCTS[product](good, good[..., :7])
    with pytest.raises(InputError, match="expected"):
        PRODUCTS[product](good[..., :0], good[..., :0])


@pytest.mark.parametrize("product", sorted(set(PRODUCTS) - {"irreps"}))
@pytest.mark.parametrize("shape", [(5, 8, 8), (5, 8, 9), (9,), ()])
def test_other_shapes_are_refused(product: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"of shape .*expected \(\.\.\., "):
        PRODUCTS[product](torch.zeros(shape), good)


@pytest.mark.parametrize("make", [CompleteTensorProduct, FeatureInteraction])
def test_other_dtypes_than_that_of_the_weights_are_refused(make: type) -> None:
    with pytest.raises(InputError, match=r"float64, torch.float32.*\.double\(\) convert"):
        make(2, 2, 2, 8)(good.double(), good.double())
    assert make(2, 2, 2, 8).double()(good.double(), good.double()).dtype == torch.float64


@pytest.mark.parametrize("count", [0, 64, 71, 73, 80, 144])
def test_vectors_of_another_length_are_refused(count: int) -> None:
    """Longer ones too, whose end was once ignored."""
    product = IrrepsTensorProduct(IRREPS, IRREPS, IRREPS)
    for arguments in ((torch.zeros(5, count), flat(good)), (flat(good), torch.zeros(5, count))):
        with pytest.raises(InputError, match=rf"\[5, {count}\].*'{IRREPS[:4]}.*\(\.\.\., 72\)"):
            product(*arguments)


def test_the_other_layout_is_refused_with_what_converts_it() -> None:
    product = IrrepsTensorProduct(IRREPS, IRREPS, IRREPS)
    with pytest.raises(InputError, match=r"\[5, 9, 8\].*\(\.\.\., 72\); channels_first\(x, '8x0e"):
        product(good, good)
    with pytest.raises(InputError, match=r"\[5, 9, 8\].*channels_first"):
        channels_last(good, IRREPS)
    with pytest.raises(InputError, match=r"\[5, 72\].*\(\.\.\., 9, 8\); .*channels_last"):
        channels_first(flat(good), IRREPS)
    with pytest.raises(InputError, match=r"\[5, 8, 9\].*\(\.\.\., 9, 8\)$"):
        channels_first(good.mT, IRREPS)


def test_irreps_that_cannot_be_read_say_how_they_are_written() -> None:
    for text, said in {
        "": "cannot read ''.*'64x0e \\+ 64x1o'",
        "8x0e, 8x1o": r"'\+' between the entries",
        "8x0e + ": "cannot read ''",
        "0x0e": "one channel at least",
    }.items():
        with pytest.raises(InputError, match=said):
            IrrepsTensorProduct(text, "8x0e", "8x0e")


@pytest.mark.parametrize("degree", [-1, "2", 2.0, None, True])
def test_degrees_that_are_none_are_refused(degree: object) -> None:
    calls: list[Callable[[], object]] = [
        *(lambda m=m: gaunt_product(good, good, degree, m) for m in METHODS),
        lambda: poisson_bracket(good, good, degree),
        lambda: GauntProduct(2, degree, 2),
        lambda: PoissonBracket(degree, 2, 2),
        lambda: CompleteTensorProduct(2, 2, degree, 8),
        lambda: FeatureInteraction(degree, 2, 2, 8),
        lambda: ZonalConvolution(2, degree, 2),
        lambda: RotatedConvolution(2, 2, degree),
        lambda: RotationMatrices(degree),
        lambda: DegreeLinear(8, 8, degree),
        lambda: DegreeWeights(8, degree),
        lambda: degrees_of_coefficients(degree),
        lambda: gaunt_coefficients(2, degree, 2),
        lambda: product_variances([2, degree], 2),
        lambda: quadrature(degree),
        lambda: real_wigner_3j(1, degree, 1),
    ]
    gaunt_product(good, good, 2)  # is kept, and 2.0 equals 2
    for call in calls:
        with pytest.raises(InputError, match=rf"={degree!r}: expected an integer, 0 or larger"):
            call()


def test_numpy_integers_are_degrees() -> None:
    assert gaunt_product(good, good, np.int64(2)).shape == good.shape


@pytest.mark.parametrize("method", [None, "gird", ["grid"], 3])
def test_unknown_methods_are_refused(method: object) -> None:
    for call in (
        lambda: gaunt_product(good, good, 2, method),
        lambda: GauntProduct(2, 2, 2, method),
        lambda: FeatureInteraction(2, 2, 2, 8, method=method),
    ):
        with pytest.raises(InputError, match=r"unknown method .*auto, grid, fourier, direct"):
            call()


@pytest.mark.parametrize("channels", [0, -1, "8"])
def test_modules_without_channels_are_refused(channels: object) -> None:
    for call in (
        lambda: CompleteTensorProduct(1, 1, 1, channels),
        lambda: FeatureInteraction(1, 1, 1, channels),
        lambda: FeatureInteraction(1, 1, 1, 8, inner_channels=channels),
        lambda: DegreeLinear(channels, 8, 1),
        lambda: DegreeWeights(channels, 1),
    ):
        with pytest.raises(InputError, match=f"{channels!r}: expected an integer, 1 or larger"):
            call()


def test_functions_of_axes_and_degrees_refuse_alike() -> None:
    for call in (degree_of, to_e3nn_axes):
        with pytest.raises(InputError, match=r"numpy.ndarray"):
            call(good.numpy())
        with pytest.raises(InputError, match=r"\(L \+ 1\)\^2.* integer L; "):
            call(torch.zeros(9, 8)[:8])
        with pytest.raises(InputError, match=r"\(L \+ 1\)\^2.*x\.mT brings channels"):
            call(torch.zeros(8, 9))
    with pytest.raises(InputError, match=r"torch\.int64"):
        to_e3nn_axes(good.long())


@pytest.mark.parametrize("kind", [ZonalConvolution, RotatedConvolution])
def test_convolutions_refuse_arguments_of_other_shapes(kind: type) -> None:
    edges = Edges()
    features, radial = random_function(2, 3, 8), torch.ones(5, 4, 8, dtype=torch.float64)
    fit = [features, radial, edges.directions, edges.centres, edges.neighbours]
    convolution = kind(2, 3, 2)
    assert convolution(*fit).shape == (3, 9, 8)
    for place, unfit, said in (
        (0, features[:, :8], r"\[3, 8, 8\].*\(nodes, 9, channels\)"),
        (0, features.float(), "dtype"),
        (0, features.numpy(), "numpy.ndarray"),
        (1, radial[:, :3], r"\[5, 3, 8\].*\(5, 4, 8\)"),
        (1, radial[:4], r"\[4, 4, 8\].*\(5, 4, 8\)"),
        (1, radial[..., :7], r"\[5, 4, 7\].*\(5, 4, 8\) .*\(5, 4, 1\) with one for all"),
        (2, edges.directions.mT, r"\[3, 5\].*\(edges, 3\)"),
        (3, edges.centres[:4], r"\[4\].*\(5,\)"),
        (4, edges.neighbours.int(), r"torch.int64, torch.int32: expected \(5,\) and int64"),
    ):
        arguments = list(fit)
        arguments[place] = unfit
        with pytest.raises(InputError, match=said):
            convolution(*arguments)


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*deprecated:FutureWarning")
@pytest.mark.parametrize("name", operations())
def test_scripted_and_loaded_operations_refuse_too(name: str) -> None:
    module, arguments, call = operations()[name]
    saved = io.BytesIO()
    torch.jit.save(torch.jit.script(module), saved)
    saved.seek(0)
    loaded = torch.jit.load(saved)
    first, *others = arguments
    shape, dtype = "of shape .*expected", "expected float32 or float64"
    if name == "interaction":  # as potentials, leaves it to the operator of DegreeLinear
        shape, dtype = r"8 coefficients are not \(degree \+ 1\)\^2", "expected scalar type"
    with pytest.raises((RuntimeError, torch.jit.Error), match=shape):
        call(loaded, first[:, :-1], *others)
    with pytest.raises((RuntimeError, torch.jit.Error), match=dtype):
        call(loaded, first.float(), *others)


@pytest.mark.parametrize("make", [ZonalConvolution, RotatedConvolution])
def test_convolutions_refuse_directions_and_indices_that_mean_nothing(make: type) -> None:
    """-1 is how many neighbour lists are padded, and would be the last node."""
    features = torch.randn(4, 9, 2)
    radial, directions = torch.randn(3, 4, 2), torch.nn.functional.normalize(torch.randn(3, 3))
    centres, neighbours = torch.tensor([0, 1, 2]), torch.tensor([1, 2, 3])
    convolution = make(2, 3, 2)
    with pytest.raises(InputError, match=r"directions of length .* expected unit"):
        convolution(features, radial, 3 * directions, centres, neighbours)
    with pytest.raises(InputError, match="neighbours from 0 to 4: expected indices from 0 to 3"):
        convolution(features, radial, directions, centres, torch.tensor([0, 1, 4]))
    with pytest.raises(InputError, match="centres from -1 to 2"):
        convolution(
            features,
            radial,
            directions,
            centres.clone().index_fill_(0, torch.tensor([0]), -1),
            neighbours,
        )


def test_harmonics_refuse_arguments_in_the_wrong_order_or_shape() -> None:
    directions = torch.randn(5, 3)
    with pytest.raises(InputError, match="degree=tensor"):
        spherical_harmonics(directions, 2)
    with pytest.raises(InputError, match=r"directions of shape \[5, 2\]"):
        spherical_harmonics(2, directions[:, :2])
    with pytest.raises(InputError, match="degree=-1"):
        spherical_harmonics(-1, directions)


def test_products_name_what_is_no_list() -> None:
    x = torch.randn(7, 9, 5)
    with pytest.raises(InputError, match="expected a list, as"):
        many_body_product(x, 2)
    with pytest.raises(InputError, match="degrees=2: expected a list"):
        ManyBodyGauntProduct(2, 2)
    with pytest.raises(InputError, match="degree1=-1"):
        GauntProduct(-1, 2, 2)
    with pytest.raises(InputError, match="adds a channel"):
        gaunt_product(torch.randn(10, 10), torch.randn(10, 10), 2)
