"""What tells the sides of a page apart: pulses, waves, polarity, text, and places of names.

Each cue is positive for a page that stands as it should, and negative for one on its head.
"""

from __future__ import annotations

import functools

import cv2
import numpy as np
import numpy.typing as npt

from ecgbatch.imaging.masks import BoolArray
from ecgbatch.imaging.ranks import median
from ecgbatch.imaging.shapes import Shapes, are_traces
from ecgbatch.types import ByteArray

_PULSE_MM = ((10.0, 5.0), (5.0, 5.0), (10.0, 2.5))
"""Height and width of calibration pulses: 1 mV at 10 and 5 mm/mV for 200 ms, and for 100 ms."""
_PULSE_REACH_MM = 50.0
_PULSE_PX_PER_MM = 2.0
_PULSE_FIT = 0.8
_NAME_REACH_MM = 9.0  # across from the end of a row
_NAME_ROOM_MM = 8.0  # above and below its ink


def pulses_stand(ink: ByteArray, marks: Shapes, px_per_mm: float) -> tuple[float, float]:
    """Compare how well a pulse fits standing on its feet and hanging from them, at row ends.

    Returns:
        What that says, and what the end says at which it fits better: most carts print pulses
        where rows begin, some where they end.
    """
    traces = are_traces(marks, px_per_mm)
    if not traces.any():
        return 0.0, 0.0
    reach = round(_PULSE_REACH_MM * px_per_mm)
    first = max(0, int(marks.left[traces].min()) - reach // 2)
    last = int((marks.left + marks.width)[traces].max()) + reach // 2
    best, fits = 0.0, []
    for end in (ink[:, first : first + reach], ink[:, max(0, last - reach) : last]):
        scale = _PULSE_PX_PER_MM / px_per_mm
        size = tuple(max(1, round(side * scale)) for side in end.shape[::-1])
        small = cv2.resize(end, size, interpolation=cv2.INTER_AREA)
        small = cv2.min(small, 128).astype(np.float32) / 128
        small = cv2.copyMakeBorder(small, 8, 8, 8, 8, cv2.BORDER_CONSTANT, value=0)
        fits.append(_PULSE_FIT)
        for height_mm, width_mm in _PULSE_MM:
            stamp = _pulse_stamp(
                *(round(_PULSE_PX_PER_MM * side) for side in (height_mm, width_mm))
            )
            if small.shape[0] <= stamp.shape[0] or small.shape[1] <= stamp.shape[1]:
                continue
            standing, hanging = _best(small, stamp), _best(small, stamp[::-1])
            fits[-1] = max(fits[-1], standing, hanging)
            if max(standing, hanging) > _PULSE_FIT and abs(standing - hanging) > abs(best):
                best = standing - hanging
    at_begin = float(np.clip(14.0 * (fits[0] - fits[1]), -1, 1))
    return float(np.clip(14.0 * best, -4, 4)), at_begin


def _best(image: npt.NDArray[np.float32], stamp: npt.NDArray[np.float32]) -> float:
    found = cv2.matchTemplate(image, stamp, cv2.TM_CCORR)
    return float(found.max())


@functools.cache
def _pulse_stamp(height: int, width: int) -> npt.NDArray[np.float32]:
    """Return a stamp of a standing pulse; a fit gives 1, paper and full ink give 0.

    Both sides count as much as the top, and the open bottom as much as all else that is bare.
    """
    sides = np.zeros((height + 5, width + 7), np.float32)
    left, right, top, foot = 3, width + 3, 2, height + 2
    cap, gap, bare = np.zeros_like(sides), np.zeros_like(sides), np.zeros_like(sides)
    sides[top : foot + 1, [left, right]] = 1
    cap[top, left : right + 1] = 1
    gap[foot - 1 : foot + 1, left + 2 : right - 1] = 1
    bare[top + 2 : foot - 1, left + 2 : right - 1] = 1
    bare[: foot - 2, [0, -1]] = 1
    bare[0] = 1
    ink = sides / sides.sum() + cap / cap.sum()
    paper = gap / max(float(gap.sum()), 1.0) + bare / bare.sum()
    return np.asarray((ink - paper) / 2, np.float32)


def order_of_waves(marks: Shapes, px_per_mm: float) -> tuple[float, float, int]:
    """Compare what follows steep complexes with what precedes them, and up with down."""
    after, before, up, down = 0.0, 0.0, 0.0, 0.0
    beats = 0
    for number in np.flatnonzero(are_traces(marks, px_per_mm)):
        first, last = marks.pieces.edges(int(number) + 1)
        middle = (first + last) / 2.0
        base = median(middle)
        lift = (base - middle) / px_per_mm
        steep = (last - first) > 2.5 * px_per_mm
        edges = np.flatnonzero(np.diff(np.concatenate([[0], steep.view(np.int8), [0]])))
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            if stop - start > 4 * px_per_mm:
                continue  # a piece of text or a stamp
            near, far = round(2.5 * px_per_mm), round(9.0 * px_per_mm)
            if start - far < 0 or stop + far > len(lift):
                continue
            beats += 1
            sides = slice(stop + near, stop + far), slice(start - far, start - near)
            right, left_side = (lift[side][~steep[side]] for side in sides)
            # whichever way the page lies, one of the two is the level before the complex
            for part in (lift[start - near : start], lift[stop : stop + near]):
                level = np.sort(part)[near // 2]
                after += float(np.abs(right - level).sum())
                before += float(np.abs(left_side - level).sum())
            up += max(0.0, base - float(first[start:stop].min())) / px_per_mm
            down += max(0.0, float(last[start:stop].max()) - base) / px_per_mm
    if beats == 0:
        return 0.0, 0.0, 0
    sure = min(1.0, beats / 8)
    order = 2.5 * sure * float(np.log((after + 1) / (before + 1)))
    polarity = 1.0 * sure * float(np.log((up + 1) / (down + 1)))
    return float(np.clip(order, -3, 3)), float(np.clip(polarity, -0.8, 0.8)), beats


def text_above(marks: Shapes, px_per_mm: float) -> float:
    """Compare letters above the first trace with letters below the last."""
    traces = are_traces(marks, px_per_mm)
    if not traces.any():
        return 0.0
    first = float(marks.top[traces].min())
    last = float((marks.top + marks.height)[traces].max())
    letters = _letters(marks, traces, px_per_mm)
    above = int((letters & (marks.top + marks.height < first)).sum())
    below = int((letters & (marks.top > last)).sum())
    return float(np.clip(0.7 * np.log((above + 5) / (below + 5)), -1.2, 1.2))


def names_before(marks: Shapes, px_per_mm: float) -> float:
    """Compare letters where rows of traces begin with letters where they end."""
    traces = are_traces(marks, px_per_mm)
    letters = _letters(marks, traces, px_per_mm)
    at_mm = (marks.left + marks.width / 2)[letters] / px_per_mm
    top_mm, bottom_mm = (
        side[letters] / px_per_mm for side in (marks.top, marks.top + marks.height)
    )
    counts = np.zeros(2)
    for number in np.flatnonzero(traces):
        left, top = marks.left[number] / px_per_mm, marks.top[number] / px_per_mm
        right, bottom = (
            left + marks.width[number] / px_per_mm,
            top + marks.height[number] / px_per_mm,
        )
        beside = (bottom_mm > top - _NAME_ROOM_MM) & (top_mm < bottom + _NAME_ROOM_MM)
        for side, end in enumerate((left, right)):
            counts[side] += np.count_nonzero(beside & (np.abs(at_mm - end) < _NAME_REACH_MM))
    return float(np.clip(np.log((counts[0] + 2) / (counts[1] + 2)), -1, 1))


def _letters(marks: Shapes, traces: BoolArray, px_per_mm: float) -> BoolArray:
    size = marks.height / px_per_mm
    return np.asarray((size > 1.0) & (size < 5.0) & (marks.width / px_per_mm < 8.0) & ~traces)
