"""Edges laid out as a table with one row for each centre, so that sums are matrix products."""

import torch
from torch import Tensor


def edge_table(centres: Tensor, rows: int) -> Tensor:
    """Return the edges of each centre.

    Parameters
    ----------
    centres : Tensor, shape (edges,), int64
        Ascending, all below ``rows``.
    rows : int

    Returns
    -------
    Tensor, shape (rows, places), int64
        Indices of edges; a row has as many places as the busiest centre needs, and the number of
        edges stands at empty places.
    """
    counts = torch.bincount(centres, minlength=rows)
    places = int(counts.max()) if rows > 0 else 0
    first = torch.cumsum(counts, 0) - counts
    edges = torch.arange(centres.shape[0], device=centres.device)
    table = torch.full((rows, places), centres.shape[0], dtype=torch.long, device=centres.device)
    table[centres, edges - first[centres]] = edges
    return table


def rows_of_layers(centres: Tensor, neighbours: Tensor, owned: int, layers: int) -> list[int]:
    """Return how many atoms each layer has to update, from the first layer to the last.

    The last layer updates the owned atoms, the one before also their neighbours, and so on. If
    atoms are numbered by their distance in edges from the owned ones, as beside a domain of a
    parallel run, nothing is computed that is not needed.
    """
    rows = [owned]
    for _ in range(layers - 1):
        used = neighbours[: int(torch.searchsorted(centres, rows[0]))]
        reached = int(used.max()) + 1 if used.shape[0] > 0 else 0
        rows.insert(0, max(rows[0], reached))
    return rows
