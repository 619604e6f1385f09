"""Where waves end, and whether a row shows them."""

from __future__ import annotations

import numpy as np

from ecgbatch.signal.sheet import Sheet
from ecgbatch.signal.windows import BoolArray, IntArray
from ecgbatch.types import DoubleArray


def known_between(sheet: Sheet, first: DoubleArray, last: DoubleArray) -> BoolArray:
    """Whether rows are known from one column to another, all of it inside the sheet.

    Args:
        sheet: Of one page.
        first: ``(row, beat)``.
        last: The same.
    """
    inside = (first >= 0) & (last <= sheet.samples - 1)
    before = np.pad(np.cumsum(sheet.known, axis=1), ((0, 0), (1, 0)))
    begin = np.clip(np.floor(np.where(inside, first, 0)), 0, sheet.samples).astype(np.intp)
    end = np.clip(np.ceil(np.where(inside, last, 0)) + 1, 0, sheet.samples).astype(np.intp)
    counted: IntArray = np.take_along_axis(before, end, axis=1) - np.take_along_axis(
        before, begin, axis=1
    )
    return np.asarray(inside & (counted == end - begin))


def wave_end(
    pieces: DoubleArray, sign: DoubleArray, area: int, *, room: DoubleArray
) -> DoubleArray:
    """Samples from the top to the end of a wave, by the largest area below a level line.

    Args:
        pieces: ``(row, beat, area + tail)``; the top of the wave stands at ``area``.
        sign: ``(row, beat)`` of the wave.
        area: Length of the line.
        room: ``(row, beat)`` largest result.
    """
    upright = pieces * sign[..., None]
    total = np.cumsum(np.pad(upright, ((0, 0), (0, 0), (1, 0))), axis=-1)
    end = np.arange(area, pieces.shape[-1])
    below = total[..., end + 1] - total[..., end + 1 - area] - area * upright[..., end]
    below[end - area > np.maximum(room, 0)[..., None]] = -np.inf
    return np.asarray(below.argmax(axis=-1), np.float64)
