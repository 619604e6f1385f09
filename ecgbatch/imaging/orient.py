"""Which way up a page is, from what every ECG shows and without reading a word.

Rows of traces are long and level. Upright, calibration pulses stand on their feet, a T wave
follows each QRS complex within 400 ms while the P wave before it is smaller, most R waves point
up, and the head of the form is above the traces. No cue is certain; together they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ecgbatch.types import ByteArray

_INKED = 110
_LONG_MM = 25.0  # longer than any word in one piece
_PULSE_MM = ((10.0, 5.0), (5.0, 5.0), (10.0, 2.5))
"""Height and width of calibration pulses: 1 mV at 10 and 5 mm/mV for 200 ms, and for 100 ms."""


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a page is to be turned.

    Attributes:
        quarter_turns: Counter-clockwise quarter turns that make it upright.
        trace_mm: Length of all that looks like a trace.
        margin: How far the chosen side leads over its opposite; below 1 it is a guess.
        cues: What each cue said for upright (positive) against upside down: pulses, order of
            waves, polarity, text.
    """

    quarter_turns: int
    trace_mm: float
    margin: float
    cues: tuple[float, float, float, float]


def find_orientation(ink: ByteArray, *, px_per_mm: float) -> Orientation:
    """Find the upright side of a page.

    Args:
        ink: ``(row, column)`` darkness of ink, straight to the axes but for quarter turns.
        px_per_mm: Its scale; 3 to 5 is enough.
    """
    marks = _marks(ink)
    level_mm = _trace_length(marks, px_per_mm)
    upright_mm = _trace_length(_turned(marks), px_per_mm)
    sideways = upright_mm > level_mm
    if sideways:
        # seen after one quarter turn counter-clockwise
        ink = np.ascontiguousarray(np.rot90(ink))
        marks = _marks(ink)
    cues = _cues(ink, marks, px_per_mm)
    score = float(sum(cues))
    turns = (1 if sideways else 0) + (0 if score >= 0 else 2)
    return Orientation(turns % 4, max(level_mm, upright_mm), abs(score), cues)


@dataclass(frozen=True, slots=True, eq=False)
class _Marks:
    """Connected pieces of ink: boxes and areas."""

    labels: npt.NDArray[np.int32]
    left: npt.NDArray[np.int64]
    top: npt.NDArray[np.int64]
    width: npt.NDArray[np.int64]
    height: npt.NDArray[np.int64]
    area: npt.NDArray[np.int64]


def _marks(ink: ByteArray) -> _Marks:
    binary = (ink > _INKED).astype(np.uint8)
    binary = cv2.dilate(binary, np.ones((2, 2), np.uint8))  # bridges the gaps of a thin line
    _, labels, stats, _ = cv2.connectedComponentsWithStats(binary, connectivity=8)
    columns = stats[1:].astype(np.int64).T
    return _Marks(labels, columns[0], columns[1], columns[2], columns[3], columns[4])


def _turned(marks: _Marks) -> _Marks:
    return _Marks(marks.labels.T, marks.top, marks.left, marks.height, marks.width, marks.area)


def _traces(marks: _Marks, px_per_mm: float) -> npt.NDArray[np.bool_]:
    """Say which pieces are traces: long, level, with little ink in a box that is not flat."""
    long = marks.width > _LONG_MM * px_per_mm
    lean = marks.area < 0.5 * marks.width * marks.height
    wavy = marks.height > 1.5 * px_per_mm  # a ruled line is straight
    return np.asarray(long & lean & wavy & (marks.width > marks.height))


def _trace_length(marks: _Marks, px_per_mm: float) -> float:
    chosen = _traces(marks, px_per_mm)
    return float((marks.width - 0.5 * marks.height)[chosen].sum() / px_per_mm)


def _cues(ink: ByteArray, marks: _Marks, px_per_mm: float) -> tuple[float, float, float, float]:
    order, polarity = _waves(marks, px_per_mm)
    return _pulses(ink, px_per_mm), order, polarity, _text(marks, px_per_mm)


# ---------------------------------------------------------------------------------- the four cues


def _pulses(ink: ByteArray, px_per_mm: float) -> float:
    """Compare how well a pulse fits standing on its feet and hanging from them."""
    scale = 2.0 / px_per_mm
    size = tuple(round(side * scale) for side in ink.shape[::-1])
    small = cv2.resize(ink, size, interpolation=cv2.INTER_AREA)
    small = cv2.min(small, 128).astype(np.float32) / 128
    small = cv2.copyMakeBorder(small, 8, 8, 8, 8, cv2.BORDER_CONSTANT, value=0)
    best = 0.0
    for height_mm, width_mm in _PULSE_MM:
        stamp = _pulse_stamp(round(2 * height_mm), round(2 * width_mm))
        if min(small.shape) <= max(stamp.shape):
            continue
        standing = _best(small, stamp)
        hanging = _best(small, stamp[::-1])
        if max(standing, hanging) > 0.55:
            difference = standing - hanging
            best = difference if abs(difference) > abs(best) else best
    return 12.0 * best


def _best(image: npt.NDArray[np.float32], stamp: npt.NDArray[np.float32]) -> float:
    found = cv2.matchTemplate(image, stamp, cv2.TM_CCORR)
    return float(found.max())


def _pulse_stamp(height: int, width: int) -> npt.NDArray[np.float32]:
    """Return a stamp: ink on three sides, none inside, below and around; a fit gives 1."""
    stamp = np.zeros((height + 5, width + 7), np.float32)
    stamp[2:, 2:-2] = -1.0
    left, right, top, foot = 3, width + 3, 2, height + 2
    drawn = np.zeros_like(stamp)
    drawn[top, left : right + 1] = 1
    drawn[top : foot + 1, left] = drawn[top : foot + 1, right] = 1
    empty = np.zeros_like(stamp)
    empty[top + 2 : foot + 2, left + 2 : right - 1] = 1
    empty[: foot - 2, 0:1] = empty[: foot - 2, -1:] = 1
    empty[0, :] = 1
    return (drawn / drawn.sum() - empty / max(empty.sum(), 1.0)).astype(np.float32)


def _waves(marks: _Marks, px_per_mm: float) -> tuple[float, float]:
    """Compare what follows steep complexes with what precedes them, and up with down."""
    after, before, up, down = 0.0, 0.0, 0.0, 0.0
    beats = 0
    for number in np.flatnonzero(_traces(marks, px_per_mm)):
        top, left = marks.top[number], marks.left[number]
        box = (
            marks.labels[top : top + marks.height[number], left : left + marks.width[number]]
            == number + 1
        )
        first = box.argmax(axis=0)
        last = box.shape[0] - 1 - box[::-1].argmax(axis=0)
        middle = (first + last) / 2.0
        base = float(np.median(middle))
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
            quiet = ~steep
            right, left_side = slice(stop + near, stop + far), slice(start - far, start - near)
            level = float(np.median(lift[start - near : start - 1])) if near > 1 else 0.0
            after += float(np.abs(lift[right] - level)[quiet[right]].sum())
            before += float(np.abs(lift[left_side] - level)[quiet[left_side]].sum())
            up += max(0.0, base - float(first[start:stop].min())) / px_per_mm
            down += max(0.0, float(last[start:stop].max()) - base) / px_per_mm
    if beats == 0:
        return 0.0, 0.0
    sure = min(1.0, beats / 8)
    order = 2.5 * sure * float(np.log((after + 1) / (before + 1)))
    polarity = 1.0 * sure * float(np.log((up + 1) / (down + 1)))
    return float(np.clip(order, -3, 3)), float(np.clip(polarity, -1.5, 1.5))


def _text(marks: _Marks, px_per_mm: float) -> float:
    """Compare letters above the first trace with letters below the last."""
    traces = _traces(marks, px_per_mm)
    if not traces.any():
        return 0.0
    first = float(marks.top[traces].min())
    last = float((marks.top + marks.height)[traces].max())
    size = marks.height / px_per_mm
    letters = (size > 1.0) & (size < 5.0) & (marks.width / px_per_mm < 8.0) & ~traces
    above = int((letters & (marks.top + marks.height < first)).sum())
    below = int((letters & (marks.top > last)).sum())
    return float(np.clip(0.6 * np.log((above + 5) / (below + 5)), -1.5, 1.5))
