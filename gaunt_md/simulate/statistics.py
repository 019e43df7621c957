"""Means of correlated numbers and how sure they are."""

from __future__ import annotations

import numpy as np

BLOCKS = 5
"""Number of blocks: few enough that they hardly correlate, enough for a spread."""


def block_means(values: np.ndarray, blocks: int = BLOCKS) -> np.ndarray:
    """Return the means of equally long blocks of a series, shape (blocks, ...)."""
    length = len(values) // blocks
    kept = values[len(values) - blocks * length :]
    return kept.reshape(blocks, length, *values.shape[1:]).mean(axis=1)


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """Return the mean of a series and its standard error, from the spread of block means.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Neighbours may correlate. With less than two numbers a block there is no error: nan.
    """
    if len(values) < 2 * BLOCKS:
        return float(np.mean(values)), float("nan")
    means = block_means(np.asarray(values, dtype=float))
    return float(np.mean(values)), float(means.std(ddof=1) / np.sqrt(BLOCKS))


def slope_and_error(times: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Return the slope of a line through a series and its standard error, from blocks.

    The error is that of the slopes between neighbouring block means.
    """
    if len(values) < 2:
        return 0.0, float("nan")
    slope = float(np.polyfit(times, values, 1)[0])
    if len(values) < 2 * BLOCKS:
        return slope, float("nan")
    slopes = np.diff(block_means(values)) / np.diff(block_means(times))
    return slope, float(slopes.std(ddof=1) / np.sqrt(len(slopes)))
