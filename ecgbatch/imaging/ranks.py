"""Medians and percentiles of few or of small numbers, without the checks that take longer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgbatch.types import ByteArray, DoubleArray


def median(values: npt.NDArray[np.floating[Any]]) -> float:
    """Return the median of ``(n,)`` numbers without NaN.

    A fit asks for hundreds of medians of some hundred numbers; ``np.median`` takes ten times as
    long for each.
    """
    low, high = (values.size - 1) // 2, values.size // 2
    ordered = np.partition(values, (low, high))
    return float(ordered[low] + ordered[high]) / 2


def levels_at(levels: ByteArray, percents: Sequence[float]) -> DoubleArray:
    """Return percentiles of grey levels: the lowest level that as many stay below or at.

    Args:
        levels: uint8 of any shape, not empty.
        percents: 0 to 100.
    """
    below = np.bincount(levels.ravel(), minlength=256).cumsum()
    wanted = np.asarray(percents) / 100 * (below[-1] - 1)
    return np.asarray(np.searchsorted(below, wanted, side="right"), np.float64)
