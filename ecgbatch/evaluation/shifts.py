"""Moving signals in time to where they correlate best."""

from __future__ import annotations

import numpy as np
from scipy import signal as filters

from ecgbatch.types import DoubleArray


def best_shift(reference: DoubleArray, estimate: DoubleArray, *, most: int) -> int:
    """Samples by which to move ``estimate`` to the right for the best correlation.

    Args:
        reference: ``(sample,)``; NaN counts as the mean.
        estimate: ``(sample,)``; NaN counts as the mean.
        most: Largest shift in either direction.

    Example:
        >>> best_shift(np.array([0.0, 0, 0, 1, 0]), np.array([0.0, 1, 0, 0, 0]), most=3)
        2
    """
    product = filters.correlate(without_mean(reference), without_mean(estimate), method="fft")
    lags = filters.correlation_lags(reference.size, estimate.size)
    allowed = np.abs(lags) <= most
    # Of equal peaks the smallest shift; rounding of the transform must not decide.
    best = product[allowed].max()
    near = lags[allowed][product[allowed] >= best - 1e-9 * max(abs(best), 1e-300)]
    return int(near[np.argmin(np.abs(near))])


def shift_to(values: DoubleArray, shift: int) -> DoubleArray:
    """Move samples to the right by ``shift``; what comes in from outside is NaN.

    Example:
        >>> shift_to(np.array([1.0, 2.0, 3.0]), 1).tolist()
        [nan, 1.0, 2.0]
    """
    moved = np.full_like(values, np.nan)
    if abs(shift) < values.size:
        moved[max(shift, 0) : values.size + min(shift, 0)] = values[
            max(-shift, 0) : values.size - max(shift, 0)
        ]
    return moved


def without_mean(values: DoubleArray) -> DoubleArray:
    """Return values about their mean; NaN counts as the mean."""
    known = np.isfinite(values)
    if not known.any():
        return np.zeros_like(values)
    return np.asarray(np.where(known, values - values[known].mean(), 0.0))
