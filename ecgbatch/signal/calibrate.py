"""From heights on paper to microvolts."""

from __future__ import annotations

import numpy as np

from ecgbatch.types import FloatArray

_MODE_BIN_MM = 0.25  # a bin of 25 µV at 10 mm/mV, about the width of a line


def to_microvolts(
    y_px: FloatArray, *, zero_px: float, px_per_mm: float, gain_mm_per_mv: float
) -> FloatArray:
    """Convert heights of a trace to voltage.

    Paper prints voltage upwards while image rows count downwards, hence the sign.

    Args:
        y_px: ``(sample,)`` row of the trace; NaN where there is no ink.
        zero_px: Row of 0 mV, see ``zero_line``.
        px_per_mm: Scale of the page the rows belong to.
        gain_mm_per_mv: Deflection of one millivolt.

    Returns:
        ``(sample,)`` float32 in µV; NaN exactly where ``y_px`` is NaN.

    Example:
        >>> to_microvolts(np.array([100, 60, 100], np.float32),
        ...               zero_px=100, px_per_mm=4, gain_mm_per_mv=10).tolist()
        [0.0, 1000.0, 0.0]
    """
    uv_per_px = 1000.0 / (px_per_mm * gain_mm_per_mv)
    return ((zero_px - y_px.astype(np.float64)) * uv_per_px).astype(np.float32)


def zero_line(y_px: FloatArray, *, baseline_px: float, px_per_mm: float) -> float:
    """Say which row stands for 0 mV.

    Paper does not print the zero level of a lead. The baseline that the layout found for the
    region is taken where there is one; otherwise the row on which the trace spends most of its
    time, which is the isoelectric level in all but fast rhythms.

    Args:
        y_px: ``(sample,)`` row of the trace; NaN where there is no ink.
        baseline_px: From the layout; NaN where it could not tell.
        px_per_mm: Scale of the page.

    Returns:
        The row; NaN where there is neither a baseline nor ink.
    """
    if np.isfinite(baseline_px):
        return baseline_px
    y = y_px[np.isfinite(y_px)].astype(np.float64)
    if y.size == 0:
        return float("nan")
    width_px = _MODE_BIN_MM * px_per_mm
    bins = np.floor((y - y.min()) / width_px).astype(np.intp)
    fullest = int(np.argmax(np.bincount(bins)))
    return float(np.median(y[np.abs(bins - fullest) <= 1]))
