"""Which edges and atoms a layer needs."""

import torch
from torch import Tensor


def first_rows(tensor: Tensor, rows: int) -> Tensor:
    """Return the first rows; where these are all, autograd has no copy to make."""
    return tensor if rows == tensor.shape[0] else tensor[:rows]


def rows_of_layers(
    centres: Tensor, neighbours: Tensor, owned: int, atoms: int, layers: int
) -> list[int]:
    """Return how many atoms each layer has to update, from the first layer to the last.

    The last layer updates the owned atoms, the one before also their neighbours, and so on. If
    atoms are numbered by their distance in edges from the owned ones, as beside a domain of a
    parallel run, nothing is computed that is not needed. If all are owned, every layer updates all.
    """
    rows = [owned]
    if owned == atoms:
        return rows * layers
    for _ in range(layers - 1):
        used = neighbours[: int(torch.searchsorted(centres, rows[0]))]
        reached = int(used.max()) + 1 if used.shape[0] > 0 else 0
        rows.insert(0, max(rows[0], reached))
    return rows
