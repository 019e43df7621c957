"""Radial networks frozen into quintic Hermite splines: a few products per edge and channel.

Quintic, because curvatures of cubic splines jump at their nodes, and with them the derivatives of
forces, of which phonons are made; and because their tables are smaller.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError

# Relative to the largest value; rounding in float32 is ten times smaller.
TOLERANCE = 1e-6
_MOST_INTERVALS = 8192


@dataclass(frozen=True)
class RadialTable:
    """Quintic splines between equidistant nodes from distance zero to the cutoff.

    Attributes
    ----------
    table : Tensor, shape (nodes, 3, degrees, channels), float64
        Values, slopes times ``step``, and curvatures times ``step``^2.
    step : float
        Distance of the nodes in Å.
    error : float
        Largest deviation between the nodes beyond the shortest realistic distance, relative to
        the largest value there.
    """

    table: Tensor
    step: float
    error: float


def tabulate(
    functions: Callable[[Tensor], Tensor],
    cutoff: float,
    shortest: float,
    tolerance: float = TOLERANCE,
) -> RadialTable:
    """Return splines with as few nodes as keep the relative error below the tolerance.

    The error of a quintic Hermite spline falls with the sixth power of the distance of its nodes.
    A small table is a fast one: it stays in a core's cache.

    Parameters
    ----------
    functions : callable
        Maps distances in Å, shape (n,), float64, to values, shape (n, degrees, channels).
    cutoff : float
        In Å; beyond it the functions vanish.
    shortest : float
        Shortest realistic distance in Å. Below it, where the network varies fastest, no data are
        and the nuclei repel each other, the splines are as smooth but less exact.
    tolerance : float
        For `RadialTable.error`.

    Raises
    ------
    InputError
        If the functions are too wild for a table of reasonable size.
    """
    intervals = 32
    while intervals <= _MOST_INTERVALS:
        made = _splines(functions, cutoff, intervals, shortest)
        if made.error < tolerance:
            return made
        intervals = 9 * intervals // 8
    raise InputError(
        f"the radial functions vary too fast for splines: with {len(made.table)} nodes they are "
        f"off by {made.error:.1e} of their largest value. Was the training cut short by "
        "diverging? Look at its curves."
    )


def _splines(
    functions: Callable[[Tensor], Tensor], cutoff: float, intervals: int, shortest: float
) -> RadialTable:
    step = cutoff / intervals
    # At distance zero the functions are a limit; a distance no rounding can see stands for it.
    nodes = (torch.arange(intervals + 1, dtype=torch.float64) * step).clamp_min(1e-7)
    along = torch.ones_like(nodes)

    def slope(distances: Tensor) -> Tensor:
        slopes: Tensor = torch.func.jvp(functions, (distances,), (along,))[1]
        return slopes

    slopes, curvatures = torch.func.jvp(slope, (nodes,), (along,))[:2]
    values = functions(nodes)
    table = torch.stack([values, step * slopes, step**2 * curvatures], dim=1)
    # The error is largest in the middle between two nodes.
    this, following = table[:-1], table[1:]
    between = (
        (this[:, 0] + following[:, 0]) / 2
        + 5 / 32 * (this[:, 1] - following[:, 1])
        + 1 / 64 * (this[:, 2] + following[:, 2])
    )
    middles = nodes[:-1] + 0.5 * step
    matters = middles > min(shortest, 0.5 * cutoff)
    deviations = (between - functions(middles))[matters].abs()
    return RadialTable(
        table.detach(), step, float(deviations.max() / values[1:][matters].abs().max())
    )
