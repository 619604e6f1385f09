"""Small pieces of many signals at once, and statistics that pass over what is missing."""

from __future__ import annotations

from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from ecgbatch.types import DoubleArray

IntArray: TypeAlias = npt.NDArray[np.intp]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
_T = TypeVar("_T", bound=np.generic)


def cut(values: npt.NDArray[_T], first: IntArray, length: int) -> npt.NDArray[_T]:
    """Return ``(row, beat, length)`` pieces of ``(row, sample)`` values.

    Args:
        values: Rows; beyond their ends the last value repeats.
        first: ``(beat,)`` or ``(row, beat)`` first sample of each piece.
        length: Of every piece.
    """
    column = np.clip(first[..., None] + np.arange(length), 0, values.shape[1] - 1)
    if first.ndim == 1:
        return np.asarray(values[:, column])
    return np.asarray(values[np.arange(values.shape[0])[:, None, None], column])


def at(values: npt.NDArray[_T], index: IntArray) -> npt.NDArray[_T]:
    """Return ``values[..., index]`` element by element along the last axis."""
    return np.asarray(np.take_along_axis(values, index[..., None], axis=-1)[..., 0])


def middle(values: DoubleArray, *, axis: int) -> DoubleArray:
    """Return the median along an axis without the NaN; NaN where there is nothing else.

    Example:
        >>> middle(np.array([[1.0, np.nan, 4.0, 2.0], [np.nan] * 4]), axis=1).tolist()
        [2.0, nan]
    """
    ordered = np.sort(np.moveaxis(values, axis, -1), axis=-1)  # NaN come last
    if ordered.shape[-1] == 0:
        return np.full(ordered.shape[:-1], np.nan)
    count = np.isfinite(ordered).sum(axis=-1)
    low = at(ordered, np.maximum(count - 1, 0) // 2)
    high = at(ordered, np.minimum(count // 2, ordered.shape[-1] - 1))
    return np.asarray(np.where(count > 0, (low + high) / 2, np.nan))
