"""Mean squared displacement and diffusion.

mdtraj has neither, so they are computed here, with the usual Fourier transforms (Calandrini et
al., Collection SFN 12, 201 (2011)), from unwrapped positions in ASE's precision.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from ..errors import InputError
from ..units import SQUARE_ANGSTROM_PER_FS_TO_SQUARE_CM_PER_S
from ..words import counted
from .trajectory import Trajectory

_BLOCKS = 4
_FIRST_LAG, _LAST_LAG = 0.1, 0.5  # parts of a block between which the line is fitted
_FEWEST_FRAMES = 40


@dataclass(frozen=True)
class Diffusion:
    """Motion of the atoms of one element.

    Attributes
    ----------
    lags : ndarray, shape (lags,), float64
        Time differences in fs, up to half the run.
    displacements : ndarray, shape (lags,), float64
        Mean squared displacement in Å^2, averaged over atoms and origins.
    coefficient, error : float
        Self-diffusion coefficient in cm^2/s from Einstein's relation, and its standard error from
        four blocks of the run.
    fitted : tuple of float
        First and last time difference in fs of the line whose slope gives the coefficient.
    """

    lags: np.ndarray
    displacements: np.ndarray
    coefficient: float
    error: float
    fitted: tuple[float, float]


def diffusion(run: Trajectory, element: str | None = None) -> Diffusion:
    """Compute mean squared displacement and diffusion coefficient.

    Motion of the common centre of mass is left out.

    Parameters
    ----------
    run : Trajectory
        Unwrapped positions at equal intervals.
    element : str, optional
        All atoms if not given.

    Raises
    ------
    InputError
        If frames are too few or not equally far apart, or there is no such element.
    """
    interval = equal_interval(run)
    if len(run.frames) < _FEWEST_FRAMES:
        raise InputError(
            f"diffusion needs {_FEWEST_FRAMES} frames or more, for error bars; there are "
            f"{len(run.frames)}. Simulate longer, or write frames more often."
        )
    symbols = np.array(run.frames[0].get_chemical_symbols())
    chosen = np.ones(len(symbols), dtype=bool) if element is None else symbols == element
    if not chosen.any():
        raise InputError(f"there is no {element}; the elements are {', '.join(sorted({*symbols}))}")
    masses = run.frames[0].get_masses()
    positions = run.positions
    centres = np.einsum("tac,a->tc", positions, masses) / masses.sum()
    positions = (positions - centres[:, None])[:, chosen]
    found = mean_squared_displacement(positions)[: len(positions) // 2]
    lags = interval * np.arange(len(found))
    length = len(positions) // _BLOCKS
    window = slice(max(1, int(_FIRST_LAG * length)), max(3, int(_LAST_LAG * length)))
    slopes = [
        _coefficient(mean_squared_displacement(block[:length]), interval, window)
        for block in np.array_split(positions, _BLOCKS)
    ]
    return Diffusion(
        lags,
        found,
        _coefficient(found, interval, window),
        float(np.std(slopes, ddof=1) / np.sqrt(_BLOCKS)),
        (float(lags[window.start]), float(lags[window.stop - 1])),
    )


def equal_interval(run: Trajectory) -> float:
    """Return the time in fs between frames.

    Raises
    ------
    InputError
        If there is one frame only, or intervals differ.
    """
    if len(run.times) < 2:
        raise InputError(f"{counted(len(run.times), 'frame')} has no motion; use a trajectory")
    intervals = np.diff(run.times)
    if not np.allclose(intervals, intervals[0], rtol=1e-3):
        raise InputError(
            f"{len(run.times)} frames have no equal intervals of time; leave out what is between, "
            "or use the frames of one run"
        )
    return float(intervals.mean())


def mean_squared_displacement(positions: np.ndarray) -> np.ndarray:
    """Return the mean squared displacement in Å^2 at every time difference.

    Parameters
    ----------
    positions : ndarray, shape (frames, atoms, 3), float64
        In Å.

    Returns
    -------
    ndarray, shape (frames,), float64
        Averaged over atoms and all origins.
    """
    frames = len(positions)
    squares = (positions**2).sum(axis=(1, 2))
    both = np.append(squares, 0.0)
    total = 2.0 * squares.sum()
    sums = np.empty(frames)
    for lag in range(frames):
        total -= both[lag - 1] + both[frames - lag] if lag else 0.0
        sums[lag] = total
    counts = (frames - np.arange(frames)) * positions.shape[1]
    return (sums - 2.0 * autocorrelation_sums(positions)) / counts


def autocorrelation_sums(series: np.ndarray) -> np.ndarray:
    """Return Σ_t x(t)·x(t + lag) over atoms and components at every lag, shape (frames,)."""
    frames = len(series)
    length = next_fast_len(2 * frames, real=True)
    sums = np.zeros(frames)
    # One atom after the other: all at once would need many times the memory of the trajectory.
    for atom in range(series.shape[1]):
        spectrum = rfft(series[:, atom], length, axis=0)
        sums += irfft((np.abs(spectrum) ** 2).sum(axis=1), length)[:frames]
    return sums


def _coefficient(displacements: np.ndarray, interval: float, window: slice) -> float:
    lags = interval * np.arange(len(displacements))
    slope = np.polyfit(lags[window], displacements[window], 1)[0]
    return float(SQUARE_ANGSTROM_PER_FS_TO_SQUARE_CM_PER_S * slope / 6.0)
