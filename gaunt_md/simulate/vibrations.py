"""Velocity autocorrelation and the density of vibrational states of a trajectory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import rfft, rfftfreq

from ..errors import InputError
from .trajectory import Trajectory
from .transport import autocorrelation_sums, equal_interval

_FS_TO_PER_THZ = 1e-3
_PADDING = 4  # zeros behind the autocorrelation, times its length: a smooth curve
_FEWEST_FRAMES = 40


@dataclass(frozen=True)
class VibrationalSpectrum:
    """Velocity autocorrelation and its spectrum.

    Attributes
    ----------
    lags : ndarray, shape (lags,), float64
        Time differences in fs.
    autocorrelation : ndarray, shape (lags,), float64
        Weighted by mass; 1 at the start.
    frequencies : ndarray, shape (frequencies,), float64
        In THz, up to the highest that the interval of frames resolves.
    densities : dict of str to ndarray, shape (frequencies,), float64
        Vibrational states per THz by element, and of all ("all"), whose integral is 1.
    """

    lags: np.ndarray
    autocorrelation: np.ndarray
    frequencies: np.ndarray
    densities: dict[str, np.ndarray]

    @property
    def highest_frequency(self) -> float:
        """Highest frequency in THz that can be told from a lower one; faster motion is folded."""
        return float(self.frequencies[-1])


def vibrational_spectrum(run: Trajectory, resolution: float = 1.0) -> VibrationalSpectrum:
    """Compute the density of vibrational states from velocities.

    Parameters
    ----------
    run : Trajectory
        Frames with velocities at equal intervals, at least two in the fastest period.
    resolution : float
        Width in THz to which lines are broadened, by a Hann window on the autocorrelation.

    Raises
    ------
    InputError
        If frames are too few or not equally far apart, or have no velocities.
    """
    interval = equal_interval(run)
    frames = run.frames
    if len(frames) < _FEWEST_FRAMES:
        raise InputError(
            f"a spectrum needs {_FEWEST_FRAMES} frames or more; there are {len(frames)}. Simulate "
            "longer, or write frames more often."
        )
    if not all(frame.has("momenta") for frame in frames):
        raise InputError(
            "the trajectory has no velocities, which a vibrational spectrum needs; xtc and dcd "
            "files hold rounded positions only. Write extxyz, traj, h5, or a dump with vx vy vz."
        )
    if not resolution > 0.0:
        raise InputError(f"resolution is {resolution} THz; it must be positive")
    # A Hann window of this length has a spectrum as wide as the resolution.
    longest = min(round(2.0 / resolution / _FS_TO_PER_THZ / interval), len(frames) // 2)
    symbols = np.array(frames[0].get_chemical_symbols())
    weights = np.sqrt(frames[0].get_masses())[:, None]
    velocities = np.array([frame.get_velocities() * weights for frame in frames])
    counts = len(frames) - np.arange(longest)
    by_element = {
        name: autocorrelation_sums(velocities[:, symbols == name])[:longest] / counts
        for name in sorted(set(symbols))
    }
    total = np.sum(list(by_element.values()), axis=0)
    if not total[0] > 0.0:
        raise InputError("all atoms are at rest in all frames; there is no spectrum")
    length = 2 * _PADDING * longest
    frequencies = rfftfreq(length, _FS_TO_PER_THZ * interval)
    spectra = {name: _spectrum(values, length) for name, values in by_element.items()}
    whole = np.sum(list(spectra.values()), axis=0)
    norm = np.trapezoid(whole, frequencies)
    return VibrationalSpectrum(
        interval * np.arange(longest),
        total / total[0],
        frequencies,
        {"all": whole / norm, **{name: values / norm for name, values in spectra.items()}},
    )


def _spectrum(autocorrelation: np.ndarray, length: int) -> np.ndarray:
    """Return the cosine transform of an even function that is damped to zero at its end."""
    damped = (
        autocorrelation
        * np.cos(0.5 * np.pi * np.arange(len(autocorrelation)) / len(autocorrelation)) ** 2
    )
    damped[0] *= 0.5
    return np.maximum(2.0 * rfft(damped, length).real, 0.0)
