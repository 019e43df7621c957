"""Products of other packages, each in the form that does the same as ours, up to weights.

They take part if they are installed: e3nn (0.4.4, which mace-torch asks for, as well as later
ones), cuequivariance with cuequivariance-torch, and mace-torch.
"""

from __future__ import annotations

import inspect
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from itertools import combinations_with_replacement
from typing import Any

import torch
from torch import Tensor, nn

from ..sphere import degrees_of_coefficients

# Beyond this degree MACE takes minutes to set its tables of couplings up, and at degree 6 more
# memory meanwhile than a workstation has, several times that of the tables themselves.
LAST_DEGREE_OF_MACE_TABLES = 4


def installed(*packages: str) -> bool:
    """Tell whether all the packages are there, without importing them."""
    return all(find_spec(package) is not None for package in packages)


PACKAGES = ("e3nn", "cuequivariance", "cuequivariance-torch", "mace-torch")
"""What takes part, by its names on PyPI."""


def versions() -> dict[str, str]:
    """Return the versions of those packages that are installed."""
    found = {}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def absent() -> list[str]:
    """Return what is missing, and how to get it."""
    missing = [package for package in PACKAGES if package not in versions()]
    if not missing:
        return []
    return [
        f"{', '.join(missing)}; what `pip install {' '.join(missing)}` puts into this environment "
        "takes part"
    ]


def natural_irreps(degree: int, channels: int) -> list[str]:
    """Return ["64x0e", "64x1o", "64x2e", ...]."""
    return [f"{channels}x{l}{'eo'[l % 2]}" for l in range(degree + 1)]


def e3nn_product(
    irreps1: str, irreps2: str, irreps_out: str, *, weights_for_each_edge: bool = False
) -> Any:
    """Return e3nn's product with all paths and a weight for each of them and channel.

    With weights for each edge the second factor has one channel, which meets all of the first.
    """
    o3 = _e3nn()
    first, second, out = map(o3.Irreps, (irreps1, irreps2, irreps_out))
    mode = "uvu" if weights_for_each_edge else "uuu"
    instructions = [
        (i, j, k, mode, True)
        for i, (_, ir1) in enumerate(first)
        for j, (_, ir2) in enumerate(second)
        for k, (_, ir3) in enumerate(out)
        if ir3 in ir1 * ir2
    ]
    return o3.TensorProduct(
        first,
        second,
        out,
        instructions,
        shared_weights=not weights_for_each_edge,
        internal_weights=not weights_for_each_edge,
    )


class E3nnGridProduct(nn.Module):
    """The product by e3nn's ToS2Grid and FromS2Grid, with weights on both inputs and the output.

    That is what e3nn's experimental GauntTensorProductS2Grid consists of, which no release has.
    Maps two tensors (nodes, channels, (degree + 1)^2) to one of the same shape.
    """

    degrees: Tensor

    def __init__(self, degree: int, channels: int) -> None:
        super().__init__()
        o3 = _e3nn()
        # Exact for the degree 3 L of product times harmonic.
        n_theta = 3 * degree + 1 + (3 * degree + 1) % 2
        grid = (n_theta, 3 * degree + 1 + (3 * degree) % 2)
        options = {"fft": False} if _takes(o3.ToS2Grid, "fft") else {}
        self.to_grid = o3.ToS2Grid(degree, grid, normalization="integral", **options)
        self.from_grid = o3.FromS2Grid(grid, degree, normalization="integral", **options)
        self.weights = nn.Parameter(torch.ones(3, channels, degree + 1))
        self.register_buffer("degrees", degrees_of_coefficients(degree), persistent=False)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the weighted product."""
        weight1, weight2, weight_out = self.weights[..., self.degrees].unbind()
        product: Tensor = self.from_grid(self.to_grid(weight1 * x) * self.to_grid(weight2 * y))
        return weight_out * product


class SuccessiveProducts(nn.Module):
    """The product of several copies of a function, by products of two; nothing is cut off.

    Maps e3nn's vectors of natural irreps up to ``degree`` to the same.
    """

    def __init__(self, degree: int, factors: int, channels: int) -> None:
        super().__init__()
        irreps = " + ".join(natural_irreps(degree, channels))
        before = irreps
        self.products = nn.ModuleList()
        for number in range(2, factors + 1):
            # Higher degrees than this could not come back to the degree of the result.
            reached = min(number * degree, (factors - number + 1) * degree)
            after = " + ".join(natural_irreps(reached, channels))
            self.products.append(e3nn_product(before, irreps, after))
            before = after

    def forward(self, x: Tensor) -> Tensor:
        """Return the product of all copies of the vector."""
        result = x
        for product in self.products:
            result = product(result, x)
        return result


def cuequivariance_product(degree: int, channels: int, *, zonal: bool = False) -> nn.Module:
    """Return cuequivariance's product with a weight for each path and channel.

    It maps [weights (1 or nodes, paths · channels), x, y] to [z], each (nodes, (degree + 1)^2 ·
    channels) in our order. If ``zonal``, y has one channel. There is a compiled form on GPUs only.
    """
    import cuequivariance as cue
    from cuequivariance_torch import SegmentedPolynomial

    irreps = [cue.O3(l, (-1) ** l) for l in range(degree + 1)]
    product = cue.SegmentedTensorProduct.from_subscripts(
        "u,iu,j,ku+ijk" if zonal else "u,iu,ju,ku+ijk"
    )
    for operand in (1, 2, 3):
        for irrep in irreps:
            single = zonal and operand == 2
            product.add_segment(operand, (irrep.dim,) if single else (irrep.dim, channels))
    for i, irrep1 in enumerate(irreps):
        for j, irrep2 in enumerate(irreps):
            for k, irrep3 in enumerate(irreps):
                if irrep3 in irrep1 * irrep2:
                    for coupling in cue.clebsch_gordan(irrep1, irrep2, irrep3):
                        product.add_path(None, i, j, k, c=coupling, dims={"u": channels})
    product = product.normalize_paths_for_operand(-1)
    polynomial = cue.SegmentedPolynomial.eval_last_operand(product)
    module: nn.Module = SegmentedPolynomial(polynomial, method="naive")
    return module


class CuequivarianceInteraction(nn.Module):
    """:func:`cuequivariance_product` with weights of its own, for tensors as ours are."""

    def __init__(self, degree: int, channels: int) -> None:
        super().__init__()
        self.product = cuequivariance_product(degree, channels)
        paths = len(list(even_paths(degree)))
        self.weight = nn.Parameter(torch.randn(1, paths * channels))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Map two tensors (nodes, (degree + 1)^2, channels) to one."""
        (product,) = self.product([self.weight, x.flatten(1), y.flatten(1)])
        return product.view_as(x)


def even_paths(degree: int) -> Iterator[tuple[int, int, int]]:
    """Yield the paths (l1, l2, l3) of even sum up to a degree: those of natural parities."""
    for l1 in range(degree + 1):
        for l2 in range(degree + 1):
            for l3 in range(abs(l1 - l2), min(l1 + l2, degree) + 1, 2):
                yield l1, l2, l3


def mace_contraction(degree: int, factors: int, channels: int) -> nn.Module:
    """Return MACE's symmetric contraction of (nodes, channels, (degree + 1)^2), one species.

    It has all products of 1, 2, ... ``factors`` copies of a function; the lower ones cost little.
    Above degree 4 its tables of couplings hold random numbers, as many as the couplings are: the
    contraction takes the same time and memory, but its result means nothing.
    """
    o3 = _e3nn()
    with warnings.catch_warnings(action="ignore"):
        from mace.modules import symmetric_contraction as mace
    features = o3.Irreps(" + ".join(natural_irreps(degree, channels)))
    # What MACE itself does where cuequivariance is installed; the other way is slow to set up.
    reduced = installed("cuequivariance") and _takes(mace.SymmetricContraction, "use_reduced_cg")
    options = {"use_reduced_cg": True} if reduced else {}
    with _random_tables(mace, degree > LAST_DEGREE_OF_MACE_TABLES):
        contraction: nn.Module = mace.SymmetricContraction(
            features, features, factors, num_elements=1, **options
        )
    return contraction


@contextmanager
def _random_tables(module: Any, wanted: bool) -> Iterator[None]:
    """Make a module of MACE take random tables of couplings, if wanted."""
    original = module.U_matrix_real

    def random_table(irreps_in: Any, irreps_out: Any, correlation: int, **_: Any) -> list[Any]:
        count, l = irreps_in.dim, irreps_out.lmax
        paths = symmetric_paths(irreps_in.lmax, correlation)[l]
        table = torch.randn([2 * l + 1] * (l > 0) + [count] * correlation + [paths])
        return [str(irreps_out), table]

    module.U_matrix_real = random_table if wanted else original
    try:
        yield
    finally:
        module.U_matrix_real = original


def symmetric_paths(degree: int, factors: int) -> list[int]:
    """Return in how many ways so many copies of a function couple to l = 0, 1, ..., degree.

    With natural parities. The products of copies with orders m, m', ... and parity p are counted by
    the sum M of their orders: what has l couples to M = -l..l, so that l occurs as often as there
    are more of M = l than of M = l + 1.
    """
    functions = [(l, m) for l in range(degree + 1) for m in range(-l, l + 1)]
    products = Counter(
        (sum(l for l, _ in chosen) % 2, sum(m for _, m in chosen))
        for chosen in combinations_with_replacement(functions, factors)
    )
    return [products[l % 2, l] - products[l % 2, l + 1] for l in range(degree + 1)]


def _takes(kind: type, option: str) -> bool:
    return option in inspect.signature(kind).parameters


def _e3nn() -> Any:
    with (
        warnings.catch_warnings(action="ignore"),  # e3nn uses torch.jit.script on import
        torch.serialization.safe_globals([slice]),  # which e3nn 0.4.4 keeps in a file it loads
    ):
        from e3nn import o3
    return o3
