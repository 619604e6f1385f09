"""From the points of a drawn line to samples on a clock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecgbatch.types import DoubleArray

_UNIFORM = 0.02  # of a step; what six printed digits and PDFium's single precision leave
_WHOLE = 0.06  # of a step, for lines from which points on straight stretches were left out
_RESAMPLED_HZ = 1000.0  # for lines whose points keep no clock
_NICE = 1e-3  # a rate this close to a whole number is that number


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """A line on a clock.

    Attributes:
        fs_hz: Samples per second.
        native_fs_hz: Points per second that the line really has.
        values_mm: ``(sample,)`` height, upwards.
    """

    fs_hz: float
    native_fs_hz: float
    values_mm: DoubleArray


def sample(points_mm: DoubleArray, *, speed_mm_per_s: float) -> Samples:
    """Return the samples that a line was drawn from.

    Most software draws one point for each sample, and those come back as they are. Where points
    were left out of straight stretches (matplotlib does), they are put back on the straight line
    that is drawn. Where points keep no clock, the line is read 1000 times a second.

    Args:
        points_mm: ``(n, 2)`` x and y in millimetres, y upwards, x never decreasing.
        speed_mm_per_s: Paper speed.
    """
    times_s = (points_mm[:, 0] - points_mm[0, 0]) / speed_mm_per_s
    values = points_mm[:, 1]
    duration = float(times_s[-1])
    steps = np.diff(times_s)
    density = len(steps) / duration
    if np.abs(steps * density - 1).max() <= _UNIFORM:
        return Samples(_nice(density), _nice(density), values)
    base = _base_step(steps)
    if base is not None:
        count = round(duration / base)
        clock = np.linspace(0, duration, count + 1)
        rate = _nice(count / duration)
        return Samples(rate, rate, np.interp(clock, times_s, values))
    clock = np.arange(0, duration, 1 / _RESAMPLED_HZ)
    return Samples(_RESAMPLED_HZ, density, np.interp(clock, times_s, values))


def _base_step(steps: DoubleArray) -> float | None:
    """Return the step of which every step is a multiple, or None."""
    positive = steps[steps > 0]
    shortest = positive[positive < 1.5 * positive.min()]
    base = float(np.median(shortest))
    base = float(positive.sum() / np.rint(positive / base).sum())
    multiples = positive / base
    off = np.abs(multiples - np.rint(multiples))
    return base if off.max() <= _WHOLE and len(positive) == len(steps) else None


def _nice(rate_hz: float) -> float:
    whole = round(rate_hz)
    return float(whole) if whole and abs(rate_hz / whole - 1) <= _NICE else rate_hz
