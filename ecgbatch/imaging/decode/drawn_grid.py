"""The millimetre grid of a drawing, from its lines."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecgbatch.imaging.decode.pdf_paths import Stroke
from ecgbatch.types import DoubleArray

PT_PER_MM = 72 / 25.4

_AXIS_PT = 0.05  # how far a grid line may lean over its whole length
_MIN_LINES = 4
_MIN_LENGTH_MM = 8.0  # ticks and frames of small things are shorter
_FIT = 0.04  # of the pitch, that a line may stand off its place
_FIVE = (4.9, 5.1)  # ratio of the two pitches of ECG paper
_MOST_SCALED = 3.0  # a page scaled further was not made to be measured on
_SCALED = 0.03  # from here on a page is said to be scaled


@dataclass(frozen=True, slots=True, eq=False)
class DrawnGrid:
    """What the lines of a drawing measure.

    Attributes:
        pt_per_mm_x: Points of the page per printed millimetre along the time axis.
        pt_per_mm_y: The same along the voltage axis.
        drawn: Whether lines told it; otherwise it is the size of the PDF page alone.
        rows_pt: ``(n, 3)`` height, left and right end of every horizontal line that stands at
            five millimetres from its neighbours.
    """

    pt_per_mm_x: float
    pt_per_mm_y: float
    drawn: bool
    rows_pt: DoubleArray

    @property
    def scaled(self) -> bool:
        """Whether a printed millimetre is none of the page."""
        pitches = (self.pt_per_mm_x, self.pt_per_mm_y)
        return any(abs(pitch / PT_PER_MM - 1) > _SCALED for pitch in pitches)


def find_grid(strokes: Sequence[Stroke]) -> DrawnGrid:
    """Measure the grid from the straight lines of a page.

    One line in 5 of ECG paper is heavier; a drawing has both, or one of them. Where only one
    pitch is drawn, the size of the page tells whether it is 1 or 5 mm.

    Args:
        strokes: Every line of the page.
    """
    straight = [stroke for stroke in strokes if stroke.straight]
    ends = np.array([stroke.points for stroke in straight]).reshape(-1, 2, 2)
    styles = [stroke.style for stroke in straight]
    across, along = _axis_lines(ends, styles, axis=0), _axis_lines(ends, styles, axis=1)
    pitches_x, pitches_y = _pitches(across), _pitches(along)
    mm_x = _millimetre(list(pitches_x))
    mm_y = _millimetre(list(pitches_y))
    if mm_x is None and mm_y is None:
        return DrawnGrid(PT_PER_MM, PT_PER_MM, drawn=False, rows_pt=np.empty((0, 3)))
    mm_x, mm_y = mm_x or mm_y or PT_PER_MM, mm_y or mm_x or PT_PER_MM
    rows = [
        lines
        for pitch, groups in pitches_y.items()
        if abs(pitch / mm_y - 5) < 0.2
        for lines in groups
    ]
    rows_pt = np.concatenate(rows) if rows else np.empty((0, 3))
    return DrawnGrid(mm_x, mm_y, drawn=True, rows_pt=rows_pt)


def _axis_lines(
    ends: DoubleArray, styles: Sequence[tuple[int, int, int, float]], *, axis: int
) -> list[DoubleArray]:
    """Return groups of parallel lines of one style and extent, as place, start and end.

    Args:
        ends: ``(line, end, x and y)`` of straight lines.
        styles: Their colour and width.
        axis: 0 for lines that stand at places along x (vertical ones), 1 for horizontal ones.
    """
    places, extents = ends[:, :, axis], np.sort(ends[:, :, 1 - axis], axis=1)
    long = extents[:, 1] - extents[:, 0] >= _MIN_LENGTH_MM * PT_PER_MM
    wanted = np.flatnonzero(long & (np.abs(places[:, 1] - places[:, 0]) <= _AXIS_PT))
    lines = np.column_stack([places.mean(axis=1), extents])[wanted]
    groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for index, (_, start, end) in enumerate(np.round(lines, 1).tolist()):
        groups[styles[wanted[index]], start, end].append(index)
    found = [lines[members] for members in groups.values() if len(members) >= _MIN_LINES]
    return [group[np.argsort(group[:, 0])] for group in found]


def _pitches(groups: Sequence[DoubleArray]) -> dict[float, list[DoubleArray]]:
    """Return each distinct pitch with the groups that have it; similar ones are averaged."""
    measured = [(pitch, lines) for lines in groups if (pitch := _pitch(lines[:, 0])) is not None]
    merged: list[tuple[list[float], list[int], list[DoubleArray]]] = []
    for pitch, lines in sorted(measured, key=lambda pair: pair[0]):
        if merged and pitch < 1.01 * merged[-1][0][0]:
            merged[-1][0].append(pitch)
            merged[-1][1].append(len(lines))
            merged[-1][2].append(lines)
        else:
            merged.append(([pitch], [len(lines)], [lines]))
    return {float(np.average(pitches, weights=counts)): lines for pitches, counts, lines in merged}


def _pitch(places: DoubleArray) -> float | None:
    """Return the distance of evenly placed lines, some of which may be missing."""
    distinct = places[np.concatenate([[True], np.diff(places) > _AXIS_PT])]
    if len(distinct) < _MIN_LINES:
        return None
    pitch = float(np.median(np.diff(distinct)))
    steps = np.rint((distinct - distinct[0]) / pitch)
    slope, start = np.polyfit(steps, distinct, 1)
    off = np.abs(distinct - (start + slope * steps))
    return float(slope) if off.max() <= _FIT * slope else None


def _millimetre(pitches: Sequence[float]) -> float | None:
    """Return which length is a millimetre, or None where no pitch can be one."""
    pairs = [small for small in pitches for large in pitches if _FIVE[0] < large / small < _FIVE[1]]
    alone = [length for pitch in pitches for length in (pitch, pitch / 5)]
    possible = [
        length
        for length in (pairs or alone)
        if 1 / _MOST_SCALED < length / PT_PER_MM < _MOST_SCALED
    ]
    return min(possible, key=lambda length: abs(math.log(length / PT_PER_MM)), default=None)
