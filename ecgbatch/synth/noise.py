"""What stands between heart and paper: noise at the electrodes, and the cart's filter."""

from __future__ import annotations

import numpy as np

from ecgbatch.types import DoubleArray

_LIMB, _CHEST, _BEYOND = 3, 6, 7  # electrodes: RA LA LL, V1 ... V6, V3R ... V9


def electrode_noise(
    time_s: DoubleArray, *, mains_hz: float, rng: np.random.Generator
) -> DoubleArray:
    """Return noise as leads see it.

    Args:
        time_s: ``(sample,)`` evenly spaced.
        mains_hz: 50 or 60.
        rng: Source of all draws.

    Returns:
        ``(15, sample)`` µV: I, II, V1 ... V6, V3R ... V9.
    """
    electrodes = _LIMB + _CHEST + _BEYOND
    noise = _wander(time_s, electrodes, rng)
    noise += _muscle(time_s, electrodes, rng)
    noise += _mains(time_s, electrodes, mains_hz, rng)
    right, left, foot = noise[:_LIMB]
    terminal = (right + left + foot) / 3  # Wilson's
    return np.vstack([left - right, foot - right, noise[_LIMB:] - terminal])


def _wander(time_s: DoubleArray, electrodes: int, rng: np.random.Generator) -> DoubleArray:
    """Return baseline wander: breath and slow drift, below 0.6 Hz, some tens of µV."""
    turns = 2 * np.pi * np.outer(rng.uniform(0.05, 0.6, 5), time_s)
    waves = np.vstack([np.sin(turns), np.cos(turns)])
    size = rng.uniform(5, 60) / np.sqrt(len(waves))
    return np.asarray(rng.normal(0, size, (electrodes, len(waves))) @ waves)


def _muscle(time_s: DoubleArray, electrodes: int, rng: np.random.Generator) -> DoubleArray:
    """Return tremor of the muscles, 1 to 10 µV, stronger on the arms, coming and going."""
    size = rng.uniform(1, 10) * np.where(np.arange(electrodes) < _LIMB, 1.3, 0.8)
    hiss = rng.normal(size=(electrodes, len(time_s)))
    hiss = filtered(hiss, fs_hz=1 / (time_s[1] - time_s[0]), band_hz=(15.0, 180.0))
    hiss /= hiss.std(axis=1, keepdims=True)
    swell = 1 + 0.4 * np.sin(2 * np.pi * rng.uniform(0.05, 0.3) * time_s + rng.uniform(0, 6))
    return np.asarray(size[:, None] * swell * hiss)


def _mains(
    time_s: DoubleArray, electrodes: int, mains_hz: float, rng: np.random.Generator
) -> DoubleArray:
    """Return mains hum, up to 6 µV."""
    hum = np.sin(2 * np.pi * mains_hz * time_s + rng.uniform(0, 2 * np.pi))
    return np.outer(rng.uniform(0, 6) * rng.normal(1, 0.5, electrodes), hum)


def filtered(signal: DoubleArray, *, fs_hz: float, band_hz: tuple[float, float]) -> DoubleArray:
    """Pass a band, without delay, with the slopes of a second-order Butterworth filter.

    Args:
        signal: ``(row, sample)``.
        fs_hz: Samples per second.
        band_hz: Where the response has fallen to 0.71; a lower border of 0 passes everything.
    """
    low, high = band_hz
    hz = np.fft.rfftfreq(signal.shape[1], 1 / fs_hz)
    response = 1 / np.sqrt(1 + (hz / high) ** 4)
    if low > 0:
        response *= hz**2 / np.sqrt(low**4 + hz**4)
    return np.fft.irfft(np.fft.rfft(signal, axis=1) * response, signal.shape[1], axis=1)
