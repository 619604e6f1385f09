"""Ink of traces that no trace was led through, and whose reading it makes doubtful.

A reading that leaves its own peak aside, because letters or another trace crossed it there, looks
as smooth as any. What it left aside stays behind on the page: ink taller than a letter that touches
the trace and belongs to nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from ecgbatch.imaging.marks import IntArray, connected
from ecgbatch.imaging.runs import ink_level
from ecgbatch.types import ByteArray, FloatArray, Trace

LOST_MM = 5.0
"""Doubt where a peak was left aside, which is at least so tall."""

_PX_PER_MM = 5.0  # enough for a pen's width; a quarter of the page's pixels
_TALLEST_LETTER_MM = 4.0
_LINE_MM = 1.2  # ink that close to both sides together is the line's own
_SLIVER_PX = 2  # thinner rests are edges of lines
_TOUCHES_MM = 1.5


def with_unclaimed(traces: Sequence[Trace], ink: ByteArray, *, px_per_mm: float) -> list[Trace]:
    """Doubt traces where ink that touches them was left aside.

    Args:
        traces: All of a page, in its pixels.
        ink: ``(row, column)`` uint8, 0 paper to 255 ink, of traces alone.
        px_per_mm: Scale of the page.

    Returns:
        The traces, with ``LOST_MM`` of doubt where such ink stands beside them.
    """
    factor = min(_PX_PER_MM / px_per_mm, 1.0)
    small = cv2.resize(ink, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    scale = px_per_mm * factor
    free = (small > ink_level(small)).view(np.uint8)
    lines = [_line(trace, factor) for trace in traces]
    # Thin lines that are made wide together take a fifth of the time of lines drawn wide.
    drawn = np.zeros_like(free)
    for line in lines:
        _draw(drawn, line)
    width_px = round(_LINE_MM * scale) | 1
    pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width_px, width_px))
    free = cv2.bitwise_and(free, cv2.bitwise_not(cv2.dilate(drawn, pen)))
    free = cv2.morphologyEx(free, cv2.MORPH_OPEN, np.ones((_SLIVER_PX, _SLIVER_PX), np.uint8))
    rests = connected(np.asarray(free).view(np.bool_))
    sides = np.stack([rests.left, rests.top, rests.right, rests.bottom], axis=1)[1:]
    tall = sides[sides[:, 3] - sides[:, 1] > _TALLEST_LETTER_MM * scale]
    return [
        _doubted(trace, line, tall, reach=_TOUCHES_MM * scale)
        for trace, line in zip(traces, lines, strict=True)
    ]


def _line(trace: Trace, factor: float) -> FloatArray:
    """Return ``(sample, 2)`` places of a trace on the small page; NaN where it has none."""
    x_px = trace.x0_px + np.arange(trace.y_px.size) * trace.step_px
    return np.stack([x_px, trace.y_px], axis=1).astype(np.float32) * np.float32(factor)


def _draw(page: ByteArray, line: FloatArray) -> None:
    known = np.isfinite(line[:, 1])
    for piece in np.split(line, np.flatnonzero(np.diff(known)) + 1):
        if piece.size and np.isfinite(piece[0, 1]):
            cv2.polylines(page, [np.rint(piece).astype(np.int32)], isClosed=False, color=255)


def _doubted(trace: Trace, line: FloatArray, rests: IntArray, *, reach: float) -> Trace:
    """Doubt a trace beside rests of ink, each ``(left, top, right, bottom)``."""
    doubt = trace.doubt_mm.copy()
    for left, top, right, bottom in rests.tolist():
        beside = (line[:, 0] >= left - reach) & (line[:, 0] <= right + reach)
        meets = (line[:, 1] >= top - reach) & (line[:, 1] <= bottom + reach)
        if (beside & meets).any():
            doubt[beside] = LOST_MM
    return replace(trace, doubt_mm=doubt)
