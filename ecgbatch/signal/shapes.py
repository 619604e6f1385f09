"""The usual beat of each lead, as a picture of one fixed size."""

from __future__ import annotations

import numpy as np

from ecgbatch.signal.measure import Measured
from ecgbatch.signal.sheet import SHEET_HZ
from ecgbatch.signal.windows import cut, middle
from ecgbatch.types import LEADS, FloatArray

SHAPE_HZ = 100.0
SHAPE_BEFORE_MS, SHAPE_AFTER_MS = 300.0, 500.0
SHAPE_SAMPLES = int((SHAPE_BEFORE_MS + SHAPE_AFTER_MS) * SHAPE_HZ / 1000)
_STEP = int(SHEET_HZ / SHAPE_HZ)
_LEVEL_MS = (-80.0, -40.0)
"""Before the steep part of QRS: the PR segment, which every height is counted from."""


def shapes_of(measured: Measured) -> FloatArray:
    """Return the median beat of each standard lead around the steep part of its QRS complexes.

    Beats of the usual kind count, or those of another kind where a page has none. What a beat does
    not show at some time is left out of the median there.

    Args:
        measured: From ``measure``.

    Returns:
        ``(12, SHAPE_SAMPLES)`` float32 in microvolts above the level before QRS, 300 ms before to
        500 ms after it at 100 Hz; NaN where no beat of the lead shows that time.
    """
    sheet = measured.sheet
    shapes = np.full((len(LEADS), SHAPE_SAMPLES), np.nan)
    chosen = measured.waves.beat[measured.chosen]
    if chosen.size == 0:
        return shapes.astype(np.float32)
    first = chosen - int(SHAPE_BEFORE_MS * SHEET_HZ / 1000) - _STEP // 2
    length = SHAPE_SAMPLES * _STEP
    inside = first[:, None] + np.arange(length)
    shown = cut(sheet.known, first, length) & (inside >= 0) & (inside < sheet.samples)
    values = np.where(shown, cut(sheet.signal_uv, first, length), np.nan)
    # Five samples of 2 ms become one of 10 ms; it counts where all of them are shown.
    beats = values.reshape(*values.shape[:2], SHAPE_SAMPLES, _STEP).mean(axis=3)
    begin, stop = (int((SHAPE_BEFORE_MS + time) * SHAPE_HZ / 1000) for time in _LEVEL_MS)
    level = middle(beats[:, :, begin:stop], axis=2)
    beats -= level[:, :, None]
    for number, name in enumerate(LEADS):
        rows = np.array([lead == name for lead in sheet.leads], np.bool_)
        if rows.any():
            shapes[number] = middle(beats[rows].reshape(-1, SHAPE_SAMPLES), axis=0)
    return shapes.astype(np.float32)
