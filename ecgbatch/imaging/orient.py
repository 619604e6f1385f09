"""Which way up a page is, from what every ECG shows and without reading a word.

Rows of traces are long and level. Upright, calibration pulses stand on their feet, a T wave
follows each QRS complex within 400 ms while the P wave before it is smaller, most R waves point
up, the head of the form is above the traces, and names of leads stand where rows begin. No cue is
certain; together they are.

Some of these cues tell up from down and some left from right. On a page that was scanned through
its back they contradict each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ecgbatch.imaging.beats import find_beats
from ecgbatch.imaging.marks import IntArray, Pieces, connected
from ecgbatch.imaging.masks import BoolArray, rare_long_runs
from ecgbatch.imaging.ranks import median
from ecgbatch.types import ByteArray

_INKED = 80
_LETTER_MM = 8.0
_THICK_MM = 3.0
_ROW_MM = 4.5
_FRAME_MM = 60.0
_RULE_MM = 30.0  # higher than the steepest complex runs straight
_LONG_MM = 25.0  # longer than any word in one piece
_PULSE_MM = ((10.0, 5.0), (5.0, 5.0), (10.0, 2.5))
"""Height and width of calibration pulses: 1 mV at 10 and 5 mm/mV for 200 ms, and for 100 ms."""
_PULSE_REACH_MM = 50.0
_PULSE_PX_PER_MM = 2.0
_PULSE_FIT = 0.8
_SURE_PULSE = 1.4  # of the cue: a tenth of a stamp's fit between standing and hanging
_AS_STORED = 0.5
"""Lead of the side that the file has up: who scans a page, or turns a picture, looks at it."""
_SURE_TRACE_MM, _SURE_BEAT_MM = 300.0, 40.0
"""Length of traces from which on a complex in so many millimetres needs no other proof of an ECG:
a heart of 38 beats a minute at 25 mm/s. Letters that touch have fewer, or are shorter."""
_NAME_REACH_MM = 9.0  # across from the end of a row
_NAME_ROOM_MM = 8.0  # above and below its ink
_UP_SURE, _ALONG_SURE = 1.0, 2.5
"""How far the cues of up and down, and those of left and right, must lead to contradict each other.

Pages seen through their back are rarer than the error of any cue: large P waves before small T
waves alone turn the order of waves by 2.2. Measured with ``benchmarks/mirrored.py``."""


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a page is to be turned.

    Attributes:
        quarter_turns: Counter-clockwise quarter turns that make it upright.
        trace_mm: Length of all that looks like a trace.
        still_mm: Length of straight level lines that calibration pulses stand on, measured only
            where nothing else looks like a trace; 0 elsewhere.
        beats: Steep complexes with room on both sides.
        beating: Whether rows beat like a heart, by those or by what ``find_beats`` sees.
        margin: How far the chosen side leads over its opposite; below 1 it is a guess.
        mirrored: Whether what tells left from right contradicts what tells up from down.
        cues: What each cue said for upright (positive) against upside down: pulses, order of
            waves, polarity, text above and below, names at the ends of rows.
    """

    quarter_turns: int
    trace_mm: float
    still_mm: float
    beats: int
    beating: bool
    margin: float
    mirrored: bool
    cues: tuple[float, float, float, float, float]


def find_orientation(ink: ByteArray, *, px_per_mm: float) -> Orientation:
    """Find the upright side of a page.

    Args:
        ink: ``(row, column)`` darkness of ink, straight to the axes but for quarter turns.
        px_per_mm: Its scale; 3 to 5 is enough.
    """
    inked = ink > _INKED
    # lines of a dark grid that were left tie traces together along both axes
    level_rules = _rules(inked, px_per_mm, axis=1)
    bare = inked & ~level_rules
    upright_rules = _rules(bare, px_per_mm, axis=0)
    marks = _marks(bare & ~upright_rules)
    lengths_mm = _trace_length(marks, px_per_mm), _trace_length(marks.turned(), px_per_mm)
    trace_mm = max(lengths_mm)
    still = trace_mm < _LONG_MM
    if still:
        lengths_mm = _still_lengths(inked, level_rules, upright_rules, px_per_mm)
    sideways = lengths_mm[1] > lengths_mm[0]
    beating = False
    if trace_mm < _SURE_TRACE_MM:
        rows, turned = find_beats(ink, px_per_mm=px_per_mm)
        beating = rows.are_enough
        sideways = turned if beating else sideways
    if sideways:
        # seen after one quarter turn counter-clockwise
        ink = np.ascontiguousarray(np.rot90(ink))
        inked = np.ascontiguousarray(np.rot90(inked))
    rules = _rules(inked, px_per_mm, axis=0)  # level ones stay: a flat line is a trace, too
    if sideways or rules.any() or level_rules.any():
        marks = _marks(inked & ~rules)
        ink = ink * ~rules
    order, polarity, beats = _waves(marks, px_per_mm)
    if trace_mm >= _SURE_TRACE_MM:
        beating = beats * _SURE_BEAT_MM >= trace_mm
        beating = beating or find_beats(ink, px_per_mm=px_per_mm)[0].are_enough
    pulses, text = _pulses(ink, marks, px_per_mm), _text(marks, px_per_mm)
    names = _names(marks, px_per_mm)
    up, along = pulses + polarity + text, order + names
    score = up + along + (0.0 if sideways else _AS_STORED)
    turns = (1 if sideways else 0) + (0 if score >= 0 else 2)
    return Orientation(
        quarter_turns=turns % 4,
        trace_mm=trace_mm,
        still_mm=max(lengths_mm) if still and abs(pulses) > _SURE_PULSE else 0.0,
        beats=beats,
        beating=beating,
        margin=abs(score),
        mirrored=up * along < 0 and abs(up) > _UP_SURE and abs(along) > _ALONG_SURE,
        cues=(pulses, order, polarity, text, names),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Marks:
    """Connected pieces of ink, and how many runs of ink their lines have.

    Attributes:
        pieces: Where they are; piece 0 is the paper.
        left, top, width, height, area: Per piece, from piece 1.
        down: Runs of ink met on all columns of the piece, per column.
        across: The same on its rows, per row.
    """

    pieces: Pieces
    left: IntArray
    top: IntArray
    width: IntArray
    height: IntArray
    area: IntArray
    down: npt.NDArray[np.float64]
    across: npt.NDArray[np.float64]

    def turned(self) -> _Marks:
        """Return the pieces with rows and columns exchanged; where they are is as before."""
        return _Marks(
            self.pieces,
            self.top,
            self.left,
            self.height,
            self.width,
            self.area,
            self.across,
            self.down,
        )


def _marks(inked: BoolArray) -> _Marks:
    # closing bridges the gaps of a thin line
    joined = cv2.morphologyEx(inked.view(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    pieces = connected(joined.view(np.bool_))
    runs = []
    for axis in (0, 1):
        first = inked.copy()
        later, before = (first[1:], inked[:-1]) if axis == 0 else (first[:, 1:], inked[:, :-1])
        later &= ~before
        runs.append(pieces.count(first)[1:])
    left, top, area = (each[1:] for each in (pieces.left, pieces.top, pieces.area))
    width, height = pieces.right[1:] - left, pieces.bottom[1:] - top
    return _Marks(pieces, left, top, width, height, area, runs[0] / width, runs[1] / height)


def _rules(inked: BoolArray, px_per_mm: float, *, axis: int) -> BoolArray:
    """Find straight lines along an axis, which tie rows of traces together, and their edges."""
    rules = rare_long_runs(inked, length_px=round(_RULE_MM * px_per_mm), axis=axis)
    beside = np.ones((1, 3) if axis == 0 else (3, 1), np.uint8)
    return np.asarray(cv2.dilate(rules.view(np.uint8), beside)).view(np.bool_)


def _traces(marks: _Marks, px_per_mm: float) -> npt.NDArray[np.bool_]:
    """Say which pieces are traces: long and level, one line per column, and not straight."""
    long = marks.width > _LONG_MM * px_per_mm
    # letters that touch have two or three strokes above each other; so do rows of traces that
    # touch, but those are high
    single = (marks.down < 1.2) | (marks.height > _LETTER_MM * px_per_mm)
    wavy = marks.height > 1.5 * px_per_mm  # a ruled line is straight
    thin = marks.area < _THICK_MM * px_per_mm * marks.width * marks.down
    # rows of traces that touch stand far apart; lines of text and of tables do not
    sparse = marks.height > _ROW_MM * px_per_mm * (marks.down - 1)
    frame = (marks.height > _FRAME_MM * px_per_mm) & (marks.area < 6 * (marks.width + marks.height))
    return np.asarray(long & single & wavy & thin & sparse & ~frame & (marks.width > marks.height))


def _trace_length(marks: _Marks, px_per_mm: float) -> float:
    chosen = _traces(marks, px_per_mm)
    return float((marks.width - 0.5 * marks.height)[chosen].sum() / px_per_mm)


def _still_lengths(
    inked: BoolArray, level_rules: BoolArray, upright_rules: BoolArray, px_per_mm: float
) -> tuple[float, float]:
    """Return the length of straight lines with something on them, along rows and along columns.

    A heart that stands still is drawn as rules are, but calibration pulses stand on its line.
    """
    level = _marks(inked & ~upright_rules)
    upright = _marks(inked & ~level_rules)
    return _trace_length(level, px_per_mm), _trace_length(upright.turned(), px_per_mm)


# ---------------------------------------------------------------------------------- the five cues


def _pulses(ink: ByteArray, marks: _Marks, px_per_mm: float) -> float:
    """Compare how well a pulse fits standing on its feet and hanging from them, at row ends."""
    traces = _traces(marks, px_per_mm)
    if not traces.any():
        return 0.0
    reach = round(_PULSE_REACH_MM * px_per_mm)
    first = max(0, int(marks.left[traces].min()) - reach // 2)
    last = int((marks.left + marks.width)[traces].max()) + reach // 2
    best = 0.0
    for end in (ink[:, first : first + reach], ink[:, max(0, last - reach) : last]):
        scale = _PULSE_PX_PER_MM / px_per_mm
        size = tuple(max(1, round(side * scale)) for side in end.shape[::-1])
        small = cv2.resize(end, size, interpolation=cv2.INTER_AREA)
        small = cv2.min(small, 128).astype(np.float32) / 128
        small = cv2.copyMakeBorder(small, 8, 8, 8, 8, cv2.BORDER_CONSTANT, value=0)
        for height_mm, width_mm in _PULSE_MM:
            stamp = _pulse_stamp(
                *(round(_PULSE_PX_PER_MM * side) for side in (height_mm, width_mm))
            )
            if small.shape[0] <= stamp.shape[0] or small.shape[1] <= stamp.shape[1]:
                continue
            standing, hanging = _best(small, stamp), _best(small, stamp[::-1])
            if max(standing, hanging) > _PULSE_FIT and abs(standing - hanging) > abs(best):
                best = standing - hanging
    return float(np.clip(14.0 * best, -4, 4))


def _best(image: npt.NDArray[np.float32], stamp: npt.NDArray[np.float32]) -> float:
    found = cv2.matchTemplate(image, stamp, cv2.TM_CCORR)
    return float(found.max())


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


def _waves(marks: _Marks, px_per_mm: float) -> tuple[float, float, int]:
    """Compare what follows steep complexes with what precedes them, and up with down."""
    after, before, up, down = 0.0, 0.0, 0.0, 0.0
    beats = 0
    for number in np.flatnonzero(_traces(marks, px_per_mm)):
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


def _text(marks: _Marks, px_per_mm: float) -> float:
    """Compare letters above the first trace with letters below the last."""
    traces = _traces(marks, px_per_mm)
    if not traces.any():
        return 0.0
    first = float(marks.top[traces].min())
    last = float((marks.top + marks.height)[traces].max())
    letters = _letters(marks, traces, px_per_mm)
    above = int((letters & (marks.top + marks.height < first)).sum())
    below = int((letters & (marks.top > last)).sum())
    return float(np.clip(0.7 * np.log((above + 5) / (below + 5)), -1.2, 1.2))


def _names(marks: _Marks, px_per_mm: float) -> float:
    """Compare letters where rows of traces begin with letters where they end."""
    traces = _traces(marks, px_per_mm)
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


def _letters(marks: _Marks, traces: BoolArray, px_per_mm: float) -> BoolArray:
    size = marks.height / px_per_mm
    return np.asarray((size > 1.0) & (size < 5.0) & (marks.width / px_per_mm < 8.0) & ~traces)
