"""For users of e3nn: its order, its axes, and a tensor product with its calling conventions.

e3nn (https://e3nn.org) writes a feature as a list of irreps, "64x0e + 64x1o + 64x2e", and stores
it as one vector: for each entry all channels, for each channel the components m = -l..l. Here the
coefficients come first and the channels last. Its spherical harmonics have the polar axis y:

    Y_lm of e3nn at (y, z, x)  =  Y_lm here at (x, y, z),

so that the same numbers describe a function turned by a cyclic exchange of the axes. Products
commute with rotations and do not notice. Only a feature that meets directions, or features from
the other convention, must be turned: :func:`to_e3nn_axes`, :func:`from_e3nn_axes`. e3nn itself is
not needed.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import InputError
from .checks import check_numbers, check_tensors, shapes_of
from .coefficients import degree_of
from .complete import Block, Path, PathProduct
from .rotation import RotationMatrices


@dataclass(frozen=True)
class Irrep:
    """A degree l with a parity, 1 ("e") or -1 ("o")."""

    l: int
    parity: int


@dataclass(frozen=True)
class Irreps:
    """A list of irreps that all have the same number of channels.

    Attributes
    ----------
    irreps : tuple of Irrep
    channels : int
    """

    irreps: tuple[Irrep, ...]
    channels: int

    @classmethod
    def parse(cls, text: str) -> "Irreps":
        """Read e3nn's notation, "64x0e + 64x1o"; also the string form of an ``e3nn.o3.Irreps``.

        Raises
        ------
        InputError
            If it cannot be read, or the numbers of channels differ.
        """
        if "," in str(text):
            raise InputError(f"irreps '{text}': expected '+' between the entries in place of ','")
        entries = [entry.strip() for entry in str(text).split("+")]
        matches = [re.fullmatch(r"(?:(\d+)x)?(\d+)([eo])", entry) for entry in entries]
        for entry, match in zip(entries, matches, strict=True):
            if match is None:
                raise InputError(
                    f"irreps '{text}': cannot read '{entry}', expected entries as '64x1o' or '1o' "
                    "with '+' between them, e.g. '64x0e + 64x1o'"
                )
        found = [match.groups() for match in matches if match is not None]
        channels = {int(count or 1) for count, _, _ in found}
        if len(channels) > 1:
            raise InputError(
                f"irreps '{text}': the numbers of channels are {sorted(channels)}, expected one "
                "number for all, since channels are multiplied one by one"
            )
        if channels == {0}:
            raise InputError(f"irreps '{text}': expected one channel at least")
        irreps = tuple(Irrep(int(l), 1 if parity == "e" else -1) for _, l, parity in found)
        return cls(irreps, channels.pop())

    @property
    def blocks(self) -> list[Block]:
        """Where each irrep lies among the coefficients."""
        starts = np.cumsum([0] + [2 * irrep.l + 1 for irrep in self.irreps])
        return [
            Block(irrep.l, int(start))
            for irrep, start in zip(self.irreps, starts[:-1], strict=True)
        ]

    @property
    def coefficients(self) -> int:
        """Number of coefficients of one channel."""
        return sum(2 * irrep.l + 1 for irrep in self.irreps)


def channels_last(x: Tensor, irreps: str) -> Tensor:
    """Map e3nn's vectors (..., irreps.dim) to coefficients (..., coefficients, channels).

    With irreps of degrees 0, 1, ..., L in this order the result is a function on the sphere as the
    other operations take it:

    >>> f = channels_last(torch.randn(10, 64 * 9), "64x0e + 64x1o + 64x2e")
    >>> f.shape
    torch.Size([10, 9, 64])

    Raises
    ------
    InputError
        If the irreps cannot be read or have other vectors.
    """
    parsed = Irreps.parse(irreps)
    check_tensors([x])
    _check_vectors(x, str(irreps), parsed.coefficients, parsed.channels)
    order = _e3nn_order(parsed).to(x.device)
    return x.index_select(-1, order).unflatten(-1, (-1, parsed.channels))


def channels_first(x: Tensor, irreps: str) -> Tensor:
    """Map coefficients (..., coefficients, channels) to e3nn's vectors (..., irreps.dim).

    Raises
    ------
    InputError
        If the irreps cannot be read or have other coefficients or channels.
    """
    parsed = Irreps.parse(irreps)
    check_tensors([x])
    expected = (parsed.coefficients, parsed.channels)
    if x.dim() < 2 or tuple(x.shape[-2:]) != expected:
        hint = ""
        if x.dim() > 0 and x.shape[-1] == parsed.coefficients * parsed.channels:
            hint = "; this is e3nn's layout already, from which channels_last leads back"
        raise InputError(
            f"coefficients of shape {shapes_of([x])} do not have irreps '{irreps}': expected "
            f"(..., {expected[0]}, {expected[1]}){hint}"
        )
    order = torch.argsort(_e3nn_order(parsed)).to(x.device)
    return x.flatten(-2).index_select(-1, order)


def to_e3nn_axes(x: Tensor) -> Tensor:
    """Turn coefficients (..., (L + 1)^2, channels) to the axes of e3nn's harmonics.

    Σ x Y(s) = Σ to_e3nn_axes(x) Y_e3nn(s), where Y_e3nn has ``normalization="integral"``.

    Raises
    ------
    InputError
        If the second last dimension is not a square, or the dtype neither float32 nor float64.
    """
    degree = degree_of(x)
    check_numbers([x])
    return torch.matmul(_axes_matrix(degree, x.dtype, x.device), x)


def from_e3nn_axes(x: Tensor) -> Tensor:
    """Undo :func:`to_e3nn_axes`."""
    degree = degree_of(x)
    check_numbers([x])
    return torch.matmul(_axes_matrix(degree, x.dtype, x.device).mT, x)


class IrrepsTensorProduct(nn.Module):
    """Every path that parity allows between irreps, channel by channel, each with its weights.

    Stands in for ``e3nn.o3.TensorProduct`` with the instructions (i, j, k, "uuu", True) for all i,
    j and k, in this order, that couple: same layout of inputs and output, same paths, same
    normalisation, and, with the same weights, the same result. Natural parities (0e, 1o, 2e, ...)
    allow the even paths only. Weights belong to the module and are shared by all nodes; there are
    no external ones. Those of such a product of e3nn are taken over by

    >>> paths = [
    ...     (i, j, k, "uuu", True)
    ...     for i, (_, one) in enumerate(irreps_in1)  # of class e3nn.o3.Irreps
    ...     for j, (_, two) in enumerate(irreps_in2)
    ...     for k, (_, out) in enumerate(irreps_out)
    ...     if out in one * two
    ... ]  # doctest: +SKIP
    >>> tp = e3nn.o3.TensorProduct(irreps_in1, irreps_in2, irreps_out, paths)  # doctest: +SKIP
    >>> with torch.no_grad():  # doctest: +SKIP
    ...     product.product.weight.copy_(tp.weight.reshape(product.product.weight.shape))

    For equality to rounding in float64, call ``torch.set_default_dtype(torch.float64)`` before
    e3nn's module is made: its coefficients have the default dtype.

    Parameters
    ----------
    irreps_in1, irreps_in2, irreps_out : str
        All with the same number of channels.

    Raises
    ------
    InputError
        If irreps cannot be read, have different numbers of channels or no path; in the forward
        pass, if inputs are not vectors of these irreps, or differ in dtype from the weights.

    Attributes
    ----------
    irreps_in1, irreps_in2, irreps_out : str
    weight_numel : int
        Number of weights.
    product.weight : Parameter, shape (paths, channels)
        The weights of e3nn's module, reshaped.
    """

    order1: Tensor
    order2: Tensor
    order_out: Tensor

    def __init__(self, irreps_in1: str, irreps_in2: str, irreps_out: str) -> None:
        super().__init__()
        first, second, out = map(Irreps.parse, (irreps_in1, irreps_in2, irreps_out))
        if len({first.channels, second.channels, out.channels}) > 1:
            raise InputError(
                f"irreps '{irreps_in1}', '{irreps_in2}' and '{irreps_out}' have different numbers "
                "of channels, expected the same, since channels are multiplied one by one"
            )
        paths = [
            Path(block1, block2, block3)
            for irrep1, block1 in zip(first.irreps, first.blocks, strict=True)
            for irrep2, block2 in zip(second.irreps, second.blocks, strict=True)
            for irrep3, block3 in zip(out.irreps, out.blocks, strict=True)
            if irrep1.parity * irrep2.parity == irrep3.parity
            and abs(irrep1.l - irrep2.l) <= irrep3.l <= irrep1.l + irrep2.l
        ]
        if not paths:
            raise InputError(
                f"irreps '{irreps_in1}' and '{irreps_in2}' have no path to '{irreps_out}': "
                "expected an l from |l1 - l2| to l1 + l2 with the product of the parities"
            )
        self.irreps_in1, self.irreps_in2 = str(irreps_in1), str(irreps_in2)
        self.irreps_out = str(irreps_out)
        self.channels = out.channels
        counts = first.coefficients, second.coefficients, out.coefficients
        self.product = PathProduct(paths, counts, out.channels)
        self.weight_numel = self.product.weight.numel()
        self.register_buffer("order1", _e3nn_order(first), persistent=False)
        self.register_buffer("order2", _e3nn_order(second), persistent=False)
        self.register_buffer("order_out", torch.argsort(_e3nn_order(out)), persistent=False)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Map (..., irreps_in1.dim) and (..., irreps_in2.dim) to (..., irreps_out.dim)."""
        if not torch.jit.is_scripting():
            check_tensors([x, y])
        _check_vectors(x, self.irreps_in1, self.product.coefficients_in[0], self.channels)
        _check_vectors(y, self.irreps_in2, self.product.coefficients_in[1], self.channels)
        x = x.index_select(-1, self.order1).unflatten(-1, [-1, self.channels])
        y = y.index_select(-1, self.order2).unflatten(-1, [-1, self.channels])
        return self.product(x, y).flatten(-2).index_select(-1, self.order_out)


def _check_vectors(x: Tensor, irreps: str, coefficients: int, channels: int) -> None:
    length = coefficients * channels
    if x.dim() == 0 or x.shape[-1] != length:
        hint = ""
        if x.dim() >= 2 and x.shape[-2] == coefficients and x.shape[-1] == channels:
            hint = f"; channels_first(x, '{irreps}') brings this layout to e3nn's"
        raise InputError(
            f"vectors of shape {shapes_of([x])} do not have irreps '{irreps}': expected "
            f"(..., {length}){hint}"
        )


def _e3nn_order(irreps: Irreps) -> Tensor:
    """Return where e3nn keeps each element of (coefficients, channels)."""
    channel = torch.arange(irreps.channels)
    rows = [
        irreps.channels * block.start + channel * (2 * block.l + 1) + m
        for block in irreps.blocks
        for m in range(2 * block.l + 1)
    ]
    return torch.cat(rows)


@torch.compiler.disable  # making the matrix is not to be traced
@lru_cache(maxsize=256)
def _axes_matrix(degree: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return D of Y_e3nn(s) = Y(Q s) = D Y(s), where Q takes (x, y, z) to (z, x, y)."""
    # Kept for callers of all kinds, as products are.
    with torch.inference_mode(False):
        exchange = torch.eye(3, dtype=torch.float64)[[2, 0, 1]]
        matrix = torch.block_diag(*RotationMatrices(degree)(exchange))
        return matrix.to(device=device, dtype=dtype)
