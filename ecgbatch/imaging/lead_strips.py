"""The leads of a page cut out as strips of ink on one clock, for networks that judge pixels.

Nothing is traced. A strip is what is printed around a lead's zero line, brought to one scale of
time and height by the page's speed and gain, at the time at which it was printed. So every layout
looks alike to a network, and what a page does not show is known not to be shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ecgbatch.types import LEADS, ByteArray, FloatArray, Region

STRIP_HZ = 80.0
"""Columns per second: 0.31 mm at 25 mm/s, a little more than a pen is wide."""
FRAME_S = 10.0
FRAME_COLUMNS = int(FRAME_S * STRIP_HZ)
MOST_FRAMES = 4
"""Of one page; a longer one is seen at so many places, evenly apart."""
STRIP_ROWS = 64
ROW_MV = 0.05
"""Height of a row; a strip reaches 1.6 mV above and below the zero line, as far as rows of most
layouts stand apart."""
FULL = 200
"""Level of usual ink; what is darker goes on to 255."""

_LEAST_SHADE = 12.0  # of 255; what is fainter than this is no ink of a trace


@dataclass(frozen=True, slots=True, eq=False)
class LeadStrips:
    """What a page shows of the standard leads, in frames of ten seconds.

    Attributes:
        ink: ``(frame, 12, STRIP_ROWS, FRAME_COLUMNS)`` uint8, 0 for paper and for what is not
            shown, ``FULL`` for usual ink.
        shown: ``(frame, 12, FRAME_COLUMNS)`` where a lead is printed.
    """

    ink: ByteArray
    shown: npt.NDArray[np.bool_]


def cut_strips(
    page: ByteArray,
    regions: Sequence[Region],
    *,
    px_per_mm: float,
    speed_mm_per_s: float,
    gain_mm_per_mv: float,
) -> LeadStrips:
    """Cut the standard leads out of a page.

    Where a lead was printed more than once at a time, its longest printing counts.

    Args:
        page: ``(row, column)`` uint8, upright and rectified.
        regions: Where leads are printed.
        px_per_mm: Scale of the page.
        speed_mm_per_s: Of the paper.
        gain_mm_per_mv: Of the leads.

    Returns:
        No frame where no standard lead is printed.
    """
    scale = (px_per_mm * speed_mm_per_s, px_per_mm * gain_mm_per_mv)
    strips = [
        (region, _cut(page, region, px_per_s=scale[0], px_per_mv=scale[1]))
        for region in sorted(regions, key=lambda each: each.left_px - each.right_px)
        if region.lead in LEADS
    ]
    strips = [(region, strip) for region, strip in strips if strip.shape[1]]
    if not strips:
        empty = (0, len(LEADS))
        return LeadStrips(
            np.zeros((*empty, STRIP_ROWS, FRAME_COLUMNS), np.uint8),
            np.zeros((*empty, FRAME_COLUMNS), np.bool_),
        )
    usual = np.median(np.concatenate([strip.max(axis=0) for _, strip in strips]))
    factor = FULL / max(float(usual), _LEAST_SHADE)
    strips = [(region, cv2.convertScaleAbs(strip, alpha=factor)) for region, strip in strips]
    begin_s = min(region.t0_ms for region, _ in strips) / 1000
    stop_s = max(region.t0_ms / 1000 + strip.shape[1] / STRIP_HZ for region, strip in strips)
    frames = _starts_s(begin_s, stop_s)
    ink = np.zeros((len(frames), len(LEADS), STRIP_ROWS, FRAME_COLUMNS), np.uint8)
    shown = np.zeros((len(frames), len(LEADS), FRAME_COLUMNS), np.bool_)
    for number, start_s in enumerate(frames):
        for region, strip in strips:
            _lay(region, strip, float(start_s), ink[number], shown[number])
    seen = shown.any(axis=(1, 2))
    return LeadStrips(ink[seen], shown[seen])


def _starts_s(begin_s: float, stop_s: float) -> FloatArray:
    """Where frames begin: one after the other, or spread over what is too long for that."""
    count = max(1, int(np.floor((stop_s - begin_s) / FRAME_S + 0.5)))
    if count <= MOST_FRAMES:
        return (begin_s + FRAME_S * np.arange(count)).astype(np.float32)
    return np.linspace(begin_s, stop_s - FRAME_S, MOST_FRAMES, dtype=np.float32)


def _cut(page: ByteArray, region: Region, *, px_per_s: float, px_per_mv: float) -> ByteArray:
    """Return ``(STRIP_ROWS, column)`` of darkness above what is usual in its column."""
    height, width = page.shape
    left, right = max(round(region.left_px), 0), min(round(region.right_px), width)
    columns = round((right - left) / px_per_s * STRIP_HZ)
    if right - left < 2 or columns < 1:
        return np.zeros((STRIP_ROWS, 0), np.uint8)
    half = STRIP_ROWS / 2 * ROW_MV * px_per_mv
    top, bottom = round(region.baseline_px - half), round(region.baseline_px + half)
    part = page[max(top, 0) : max(bottom, 0), left:right]
    if part.size == 0:
        return np.zeros((STRIP_ROWS, 0), np.uint8)
    beyond = (max(-top, 0), max(bottom - height, 0))
    part = cv2.copyMakeBorder(part, *beyond, 0, 0, cv2.BORDER_REPLICATE)
    # Smoothed by as much as it is reduced, whatever the page's scale.
    small = cv2.resize(part, (columns, STRIP_ROWS), interpolation=cv2.INTER_AREA)
    if region.inverted:
        small = small[::-1]
    # The paper of a column is what most of it is; a line of the grid along it is most of it, too.
    paper = np.partition(small[::2], STRIP_ROWS // 4, axis=0)[STRIP_ROWS // 4]
    return np.asarray(cv2.subtract(np.broadcast_to(paper, small.shape), small), np.uint8)


def _lay(
    region: Region,
    strip: ByteArray,
    start_s: float,
    ink: ByteArray,
    shown: npt.NDArray[np.bool_],
) -> None:
    """Put a strip into a frame where nothing of its lead is shown yet."""
    lead = LEADS.index(region.lead)
    first = round((region.t0_ms / 1000 - start_s) * STRIP_HZ)
    begin, stop = max(first, 0), min(first + strip.shape[1], FRAME_COLUMNS)
    if begin >= stop:
        return
    free = ~shown[lead, begin:stop]
    ink[lead, :, begin:stop][:, free] = strip[:, begin - first : stop - first][:, free]
    shown[lead, begin:stop] = True
