"""The Gaunt tensor product: the pointwise product of functions on the sphere.

S. Luo, T. Chen, A. S. Krishnapriyan, "Enabling Efficient Equivariant Operations in the Fourier
Basis via Gaunt Tensor Products", ICLR 2024, arXiv:2401.10216.

Functions are the form for eager code, modules the one for models, ``torch.jit.script`` and
``torch.compile``. The three methods give the same result; they differ in speed.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn

from ..errors import InputError, closest
from .checks import check_functions, check_integers, check_tensors, shapes_of
from .coefficients import degree_of
from .direct import DirectProduct
from .fourier import FourierProduct
from .grid import GridProduct
from .selection import fastest_method

METHODS = {"grid": GridProduct, "fourier": FourierProduct, "direct": DirectProduct}

# How many factors the compiled grid product takes at once: max_factors of kernels/csrc/kernels.h.
MAX_FACTORS_ON_GRID = 16


def gaunt_product(x: Tensor, y: Tensor, degree_out: int, method: str = "auto") -> Tensor:
    """Return the coefficients of the product of two functions on the sphere.

    (x · y)_{l3 m3} = Σ G(l1 m1, l2 m2, l3 m3) x_{l1 m1} y_{l2 m2} with G = ∫ Y Y Y: all
    Clebsch-Gordan paths (l1, l2, l3) of even l1 + l2 + l3, with fixed weights. The others are in
    :func:`poisson_bracket`.

    Parameters
    ----------
    x : Tensor, shape (..., (L1 + 1)^2, channels)
        Coefficients of the first function.
    y : Tensor, shape (..., (L2 + 1)^2, channels)
        Coefficients of the second; leading dimensions and channels broadcast.
    degree_out : int
        Highest degree of the result.
    method : str
        "grid" (values at the nodes of a quadrature), "fourier" (the paper's: two-dimensional
        Fourier series), "direct" (sparse table of G), or "auto", the fastest for these
        degrees by the table crossovers.json beside this module, which ``gaunt-md bench product
        --crossovers`` measures anew. All are exact up to rounding.

    Returns
    -------
    Tensor, shape (..., (degree_out + 1)^2, channels)

    Raises
    ------
    InputError
        If an argument is no tensor of float32 or float64, the dtypes differ, the second last
        dimension is not a square, the others do not broadcast, there are no channels, the degree
        is negative or no integer, or the method is unknown.

    Notes
    -----
    The result has the dtype of the arguments, float32 or float64. Half precision is refused by all
    methods alike, since the compiled loops have none.

    Differentiated by torch.autograd, twice where wanted; the transforms of torch.func (vmap, grad,
    jvp) are not supported: leading dimensions broadcast in place of vmap. For ``torch.jit.script``
    there are the modules, as :class:`GauntProduct`.

    Rounding in float32, as rms (and largest) error in units of the result's rms, for three equal
    degrees L, as ``gaunt-md bench product --rounding`` prints it: "grid" 1.2e-7 (8e-7) at L = 2,
    1.4e-7 (1.0e-6) at L = 14, 1.8e-7 (1.1e-6) at L = 30; "fourier" 1.1e-7 (7e-7), 1.8e-7 (1.6e-6)
    and 2.5e-7 (1.7e-6); "direct" 8e-8 (7e-7) at L = 2, 2.2e-7 (2.5e-6) at L = 6. In float64 the
    largest error is below 3e-13 up to L = 30.
    """
    return many_body_product([x, y], degree_out, method)


def many_body_product(factors: Sequence[Tensor], degree_out: int, method: str = "auto") -> Tensor:
    """Return the coefficients of the product of any number of functions on the sphere.

    On the grid and on the torus of the Fourier series every factor is evaluated once and the
    product projected once; "direct" goes from left to right.

    Parameters
    ----------
    factors : sequence of Tensor, each of shape (..., (L_i + 1)^2, channels)
        At least one, and at most 16 with method "grid"; leading dimensions and channels broadcast.
    degree_out, method
        As for :func:`gaunt_product`. Nothing is cut off in between: the result equals successive
        products with full degrees.

    Returns
    -------
    Tensor, shape (..., (degree_out + 1)^2, channels)

    Raises
    ------
    InputError
        If there is no factor, or too many for "grid", and where :func:`gaunt_product` raises it.
    """
    if isinstance(factors, Tensor):
        raise InputError(
            f"factors is one tensor of shape {shapes_of([factors])}: expected a list, as [x, x, x]"
        )
    factors = list(factors)
    check_tensors(factors)
    degrees = tuple(degree_of(factor) for factor in factors)
    check_product(degrees, degree_out, method)
    check_functions(factors, [(degree + 1) ** 2 for degree in degrees])
    product = _kept_product(degrees, degree_out, method, factors[0].dtype, factors[0].device)
    result: Tensor = product(factors)
    return result


class ManyBodyGauntProduct(nn.Module):
    """Product of functions of fixed degrees, as a module: :func:`many_body_product`.

    Parameters
    ----------
    degrees : sequence of int
        Degrees of the factors.
    degree_out : int
    method : str
        As for :func:`gaunt_product`.
    """

    def __init__(self, degrees: Sequence[int], degree_out: int, method: str = "auto") -> None:
        super().__init__()
        if not isinstance(degrees, Sequence) or isinstance(degrees, str):
            raise InputError(
                f"degrees={degrees!r}: expected a list with one for each factor, as [2, 2, 2]"
            )
        self.product = make_product(degrees, degree_out, method)
        self.coefficients = [(degree + 1) ** 2 for degree in degrees]

    def forward(self, factors: list[Tensor]) -> Tensor:
        """Map factors (..., (L_i + 1)^2, channels) to (..., (degree_out + 1)^2, channels)."""
        check_functions(factors, self.coefficients)
        return self.product(factors)


class GauntProduct(nn.Module):
    """Product of two functions of fixed degrees, as a module: :func:`gaunt_product`.

    Parameters
    ----------
    degree1, degree2, degree_out : int
    method : str
        As for :func:`gaunt_product`.
    """

    def __init__(self, degree1: int, degree2: int, degree_out: int, method: str = "auto") -> None:
        super().__init__()
        check_integers(0, degree1=degree1, degree2=degree2)
        self.product = make_product([degree1, degree2], degree_out, method)
        self.coefficients = [(degree1 + 1) ** 2, (degree2 + 1) ** 2]

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Map (..., (degree1 + 1)^2, channels) and the like to (..., (degree_out + 1)^2, ...)."""
        check_functions([x, y], self.coefficients)
        return self.product([x, y])


def check_product(degrees: Sequence[int], degree_out: int, method: str) -> None:
    """Raise InputError unless there is such a product: of how many degrees, to which, and how."""
    if not degrees:
        raise InputError("a product of no functions is not defined: pass at least one factor")
    for number, degree in enumerate(degrees):
        check_integers(0, **{f"degrees[{number}]": degree})
    check_integers(0, degree_out=degree_out)
    known = ["auto", *METHODS]
    if method not in known:
        raise InputError(
            f"unknown method {method!r} of a Gaunt product: choose one of {', '.join(known)}."
            + closest(str(method), known)
        )
    if method == "grid" and len(degrees) > MAX_FACTORS_ON_GRID:
        raise InputError(
            f"{len(degrees)} factors with method='grid': expected at most {MAX_FACTORS_ON_GRID}; "
            "'fourier' and 'auto' take any number"
        )


def make_product(degrees: Sequence[int], degree_out: int, method: str) -> nn.Module:
    """Return the module of a method, which maps a list of factors to their product."""
    check_product(degrees, degree_out, method)
    if method == "auto":
        few = len(degrees) <= MAX_FACTORS_ON_GRID
        method = fastest_method(max([*degrees, degree_out])) if few else "fourier"
    return METHODS[method](degrees, degree_out)


@torch.compiler.disable  # making the matrices is not to be traced
@lru_cache(maxsize=256)
def _kept_product(
    degrees: tuple[int, ...],
    degree_out: int,
    method: str,
    dtype: torch.dtype,
    device: torch.device,
) -> nn.Module:
    # Kept for callers of all kinds: tensors made in inference mode cannot be differentiated with.
    with torch.inference_mode(False):
        return make_product(degrees, degree_out, method).to(device=device, dtype=dtype)
