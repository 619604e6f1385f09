"""Medians and percentiles of few or of small numbers, without the checks that take longer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
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
    flat = np.ascontiguousarray(levels).reshape(-1, 1)  # NumPy counts a tenth as fast
    below = cv2.calcHist([flat], [0], None, [256], [0, 256]).ravel().astype(np.int64).cumsum()
    wanted = np.asarray(percents) / 100 * (below[-1] - 1)
    return np.asarray(np.searchsorted(below, wanted, side="right"), np.float64)


def thinned(pixels: ByteArray, step: int) -> ByteArray:
    """Return about every ``step``-th row and column; slices of colour pages take six times as long.

    Args:
        pixels: ``(row, column)`` or ``(row, column, 3)`` uint8.
        step: Rows and columns from one that is kept to the next.
    """
    size = (-(-pixels.shape[1] // step), -(-pixels.shape[0] // step))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_NEAREST))
