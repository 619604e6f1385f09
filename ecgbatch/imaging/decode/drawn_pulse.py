"""The calibration pulse of a drawing: its height is one millivolt, its foot is zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecgbatch.types import DoubleArray

_RISE_MM = 2.0  # less than the smallest pulse (2.5 mm/mV), more than a baseline wanders
_WIDTH_MM = (2.0, 12.0)  # 200 ms at 12.5 to 50 mm/s
_FOOT_MM = 12.0  # a pulse begins within this of the line's beginning
_FLAT_MM = 0.15  # a drawn top is a ruler's edge; no R wave is flat for 2 mm
_GAINS_MM_PER_MV = (2.5, 5.0, 10.0, 20.0, 40.0)
_TOLERANCE = 0.03


@dataclass(frozen=True, slots=True)
class Pulse:
    """A pulse at the beginning of a line.

    Attributes:
        gain_mm_per_mv: Its height.
        foot_mm: Height of its foot, upwards, in the coordinates of the line.
        end: Index of the first point after it.
    """

    gain_mm_per_mv: float
    foot_mm: float
    end: int


def find_pulse(points_mm: DoubleArray) -> Pulse | None:
    """Return the pulse with which a line begins, if it does.

    Args:
        points_mm: ``(n, 2)`` x and y in millimetres, y upwards, x never decreasing.
    """
    x, y = points_mm[:, 0], points_mm[:, 1]
    near = int(np.searchsorted(x, x[0] + _FOOT_MM + _WIDTH_MM[1] + 1, side="right"))
    x, y = x[:near], y[:near]
    risen = np.flatnonzero(y > y[0] + _RISE_MM)
    if not risen.size or risen[0] == 0 or x[risen[0]] > x[0] + _FOOT_MM:
        return None
    up = int(risen[0])
    foot = float(np.median(y[:up]))
    fallen = np.flatnonzero(y[up:] < foot + _RISE_MM / 2)
    if not fallen.size or fallen[0] < 2:
        return None
    down = up + int(fallen[0])
    top = float(np.median(y[up:down]))
    # The slopes of a sampled pulse may hold a point each.
    plateau = y[up:down][np.abs(y[up:down] - top) < 0.5 * (top - foot)]
    width = float(x[down - 1] - x[up])
    flat = np.abs(plateau - top).max() <= _FLAT_MM and np.abs(y[:up] - foot).max() <= _FLAT_MM * 4
    if not flat or len(plateau) < 2 or not _WIDTH_MM[0] <= width <= _WIDTH_MM[1]:
        return None
    gain = nearest_gain(top - foot)
    return None if gain is None else Pulse(gain, foot, down)


def nearest_gain(height_mm: float) -> float | None:
    """Return the gain that carts offer and that a height measures; None for another height."""
    return next(
        (gain for gain in _GAINS_MM_PER_MV if abs(height_mm / gain - 1) <= _TOLERANCE), None
    )


def agreed_gain(pulses: Sequence[Pulse]) -> float | None:
    """Return the gain of a page's pulses; None where there are none or they differ."""
    gains = {pulse.gain_mm_per_mv for pulse in pulses}
    return gains.pop() if len(gains) == 1 else None
