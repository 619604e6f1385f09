"""Rows of a page: where the pens rested.

A trace spends most of its time near its zero line, so the ink that runs level for a millimetre
piles up there, also where tall complexes of neighbouring rows cross.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from ecgbatch.imaging.marks import Marks
from ecgbatch.imaging.masks import BoolArray, long_runs

_LEVEL_MM = 1.0  # level for this long: flat parts and round tops, but no flank of a complex
_SMOOTH_MM = 1.2  # baselines wander and pages keep a rest of tilt
_APART_MM = 4.0  # no layout prints rows closer than twice this
_BAND_MM = 3.0  # half the height in which a row's own level ink is counted
_LEAST_MM = 15.0  # of level ink: half a second would be no lead
_LEAST_SHARE = 0.12  # of the longest row
_LONG_SHARE = 0.5
_LENGTH_SHARE = 0.5  # of the usual row, for a row that a page's border or a loose lead cuts short
_WHOLE_SHARE = 0.7  # of the usual row's coverage; lines of text have holes between words
_PEN_SHARE = 0.65  # of the usual thickness; lines of a grid are thinner than traces
_BARE_PERCENT = 25  # of rows; up to three quarters of a page may tremble
_TWICE, _SKIPPED_SHARE = 0.3, 0.5  # how near to two distances a gap is, and the length of its row
_ASTRAY = 1.5  # times the usual distance of rows; a rhythm strip may stand further off
_ASTRAY_WHOLE_SHARE = 0.85  # of the usual row's share of columns with level ink, for such a row
_ASTRAY_PEN_SHARE = 0.8  # of the usual thickness, for such a row
_ROWS_FOR_PITCH = 4
_FLAT_STRAY_MM = 6.0  # a pulse's foot, or the pen that rests before the first beat
_ENDS = ("left_px", "right_px")
_ZERO_SMOOTH_MM = 0.4
_LONE_PITCH_MM = 40.0  # room of a row without neighbours: 2 mV up and down at 10 mm/mV


_Row: TypeAlias = tuple[int, BoolArray]
"""Where a row's level ink is densest, and in which columns it has some."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """One row of traces on the reduced page.

    Attributes:
        y_px: Where its level ink is densest.
        left_px: First column of its level ink.
        right_px: One past the last.
        above_px: Distance to the neighbouring row above, or what stands for it on the first row.
        below_px: Distance to the row below.
    """

    y_px: float
    left_px: int
    right_px: int
    above_px: float
    below_px: float


def level_ink(marks: Marks, lines: BoolArray) -> BoolArray:
    """Keep the parts of ``lines`` (row, column) that run level for a millimetre."""
    length = max(2, round(_LEVEL_MM * marks.px_per_mm))
    return long_runs(lines, length_px=length, axis=1)


def flat_rows(flats: BoolArray, rows: Sequence[Baseline], *, px_per_mm: float) -> BoolArray:
    """Choose the straight lines that can be rows: a lead that is off, or a heart that stands still.

    They begin and end where the rows do and stand as far from them as rows stand from each other;
    a frame is longer, a rule in a header is elsewhere.

    Args:
        flats: ``(row, column)`` bool, straight horizontal lines.
        rows: The rows that are not straight.
        px_per_mm: Scale of the reduced page.

    Returns:
        ``(row, column)`` bool.
    """
    chosen = np.zeros_like(flats)
    if not rows or not flats.any():
        return chosen
    left, right = (float(np.median([getattr(row, k) for row in rows])) for k in _ENDS)
    stray = _FLAT_STRAY_MM * px_per_mm
    for y in np.flatnonzero(flats.any(axis=1)):
        inked = np.flatnonzero(flats[y])
        alike = abs(inked[0] - left) <= stray and abs(inked[-1] + 1 - right) <= stray
        nearest = min(rows, key=lambda row: abs(row.y_px - y))
        room = nearest.above_px if y < nearest.y_px else nearest.below_px
        if alike and abs(nearest.y_px - y) >= room / 3:
            chosen[y] = flats[y]
    return chosen


def line_thickness(level: BoolArray) -> float:
    """Return the usual thickness in pixels of lines that run level; 0 without any."""
    first, others = level[:1], level[1:] & ~level[:-1]
    starts = int(np.count_nonzero(first)) + int(np.count_nonzero(others))
    return int(np.count_nonzero(level)) / max(starts, 1)


def find_baselines(level: BoolArray, lines: BoolArray, *, px_per_mm: float) -> tuple[Baseline, ...]:
    """Find the rows, from the top down.

    Args:
        level: ``(row, column)`` level ink without text and pulses.
        lines: ``(row, column)`` the ink that it was taken from.
        px_per_mm: Its scale.

    Returns:
        Rows with enough level ink; empty on a page without traces.
    """
    density = cv2.reduce(level.view(np.uint8), 1, cv2.REDUCE_SUM, dtype=cv2.CV_32F)
    sigma = _SMOOTH_MM * px_per_mm
    density = cv2.GaussianBlur(density, (0, 0), sigma).ravel()
    peaks = _peaks(density, apart_px=_APART_MM * px_per_mm)
    band = round(_BAND_MM * px_per_mm)
    covered = [_any_row(level[max(0, y - band) : y + band + 1]) for y in peaks]
    lengths = np.array([int(c.sum()) for c in covered])
    if lengths.size == 0:
        return ()
    least = max(_LEAST_MM * px_per_mm, _LEAST_SHARE * lengths.max())
    chosen = [k for k in range(len(peaks)) if lengths[k] >= least]
    chosen = _one_per_row(chosen, peaks=peaks, lengths=lengths)
    if not chosen:
        return ()
    kept = [(peaks[k], covered[k]) for k in chosen]
    lone_px = _LONE_PITCH_MM * px_per_mm
    rows = _with_room(kept, lone_px=lone_px)
    kept = _chosen(kept, _like_others(rows, level, lines, band_px=band))
    kept = _with_skipped(kept, density, level, band_px=band)
    kept = _chosen(kept, _not_astray(_with_room(kept, lone_px=lone_px), level, band_px=band))
    return _with_room(kept, lone_px=lone_px)


def _chosen(rows: list[_Row], keep: BoolArray) -> list[_Row]:
    return [row for row, ok in zip(rows, keep, strict=True) if ok]


def _like_others(
    rows: Sequence[Baseline], level: BoolArray, lines: BoolArray, *, band_px: int
) -> BoolArray:
    """Say which rows are traces, and not shorter than the others, full of holes, or thinner."""
    lengths, shares, pens = [], [], []
    for row in rows:
        top = max(0, round(row.y_px - row.above_px / 2))
        room = lines[top : round(row.y_px + row.below_px / 2), row.left_px : row.right_px]
        lengths.append(row.right_px - row.left_px)
        shares.append(float(room.any(axis=0).mean()))
        pens.append(line_thickness(_near(row, level, band_px=band_px)))
    return np.asarray(
        (lengths >= _LENGTH_SHARE * np.median(lengths))
        & (shares >= _WHOLE_SHARE * np.median(shares))
        & (np.array(pens) >= _PEN_SHARE * _usual_pen(pens))
    )


def _not_astray(rows: Sequence[Baseline], level: BoolArray, *, band_px: int) -> BoolArray:
    """Say which rows stand at the distance of the others, or are as level and as thick as they.

    The head of a page on the rest of a grid is a row of ink as long as the traces.
    """
    keep = np.ones(len(rows), np.bool_)
    if len(rows) < _ROWS_FOR_PITCH:
        return keep
    gaps = np.diff([row.y_px for row in rows])
    near = [_near(row, level, band_px=band_px) for row in rows]
    whole = np.array([float(each.any(axis=0).mean()) for each in near])
    pens = [line_thickness(each) for each in near]
    alike = whole >= _ASTRAY_WHOLE_SHARE * np.median(whole)
    alike &= np.array(pens) >= _ASTRAY_PEN_SHARE * _usual_pen(pens)
    for end, gap in ((0, gaps[0]), (-1, gaps[-1])):
        keep[end] = gap <= _ASTRAY * np.median(gaps) or alike[end]
    return keep


def _usual_pen(pens: Sequence[float]) -> float:
    """Return the thickness of rows whose line is bare: that of tremor is not the pen's."""
    return float(np.percentile(pens, _BARE_PERCENT))


def _with_skipped(
    rows: list[_Row], density: npt.NDArray[np.float32], level: BoolArray, *, band_px: int
) -> list[_Row]:
    """Add a row where one is missing between two others that stand twice as far as usual.

    A zero line that wanders leaves no peak of its own beside those of its neighbours.
    """
    if len(rows) < _ROWS_FOR_PITCH:
        return rows
    gaps = np.diff([y for y, _ in rows])
    usual = float(np.median(gaps))
    least = _SKIPPED_SHARE * float(np.median([covered.sum() for _, covered in rows]))
    found = [rows[0]]
    for row, gap in zip(rows[1:], gaps.tolist(), strict=True):
        if abs(gap / usual - 2) < _TWICE:
            middle, reach = found[-1][0] + gap / 2, usual / 4
            top = round(middle - reach)
            y = top + int(density[top : round(middle + reach) + 1].argmax())
            covered = _any_row(level[max(0, y - band_px) : y + band_px + 1])
            if covered.sum() >= least:
                found.append((y, covered))
        found.append(row)
    return found


def _near(row: Baseline, level: BoolArray, *, band_px: int) -> BoolArray:
    y = round(row.y_px)
    return level[max(0, y - band_px) : y + band_px + 1, row.left_px : row.right_px]


def _any_row(band: BoolArray) -> BoolArray:
    return np.asarray(band.any(axis=0))


def _peaks(density: npt.NDArray[np.float32], *, apart_px: float) -> list[int]:
    """Rows that are the densest within ``apart_px``, from the top down."""
    reach = 2 * round(apart_px) + 1
    highest = cv2.dilate(density.reshape(-1, 1), np.ones((reach, 1), np.uint8)).ravel()
    return [int(y) for y in np.flatnonzero((density == highest) & (density > 0))]


def _one_per_row(
    chosen: list[int], *, peaks: list[int], lengths: npt.NDArray[np.int64]
) -> list[int]:
    """Join what is nearer than half the usual distance of long rows.

    Two levels that near are one row: columns whose zero lines differ, or a plateau of its waves.
    The longer one stays.
    """
    if not chosen:
        return []
    longest = max(lengths[k] for k in chosen)
    long_rows = [peaks[k] for k in chosen if lengths[k] >= _LONG_SHARE * longest]
    if len(long_rows) < 2:
        return [max(chosen, key=lambda k: int(lengths[k]))]
    pitch = float(np.percentile(np.diff(long_rows), 75))
    kept: list[int] = []
    for k in sorted(chosen, key=lambda k: -int(lengths[k])):
        if all(abs(peaks[k] - peaks[other]) >= pitch / 2 for other in kept):
            kept.append(k)
    return sorted(kept)


def with_distances(rows: Sequence[Baseline], *, px_per_mm: float) -> tuple[Baseline, ...]:
    """Return rows with their distances from each other, after others between them were left out.

    Args:
        rows: From the top down.
        px_per_mm: Scale of the reduced page.
    """
    if not rows:
        return ()
    distances = [b.y_px - a.y_px for a, b in pairwise(rows)]
    usual = float(np.median(distances)) if distances else _LONE_PITCH_MM * px_per_mm
    return tuple(
        replace(row, above_px=above, below_px=below)
        for row, above, below in zip(rows, [usual, *distances], [*distances, usual], strict=True)
    )


def _with_room(rows: list[_Row], *, lone_px: float) -> tuple[Baseline, ...]:
    distances = [float(b[0] - a[0]) for a, b in pairwise(rows)]
    usual = float(np.median(distances)) if distances else lone_px
    found = []
    for k, (y, covered) in enumerate(rows):
        columns = np.flatnonzero(covered)
        found.append(
            Baseline(
                y_px=float(y),
                left_px=int(columns[0]),
                right_px=int(columns[-1]) + 1,
                above_px=distances[k - 1] if k > 0 else usual,
                below_px=distances[k] if k < len(distances) else usual,
            )
        )
    return tuple(found)


def densest_row(level: BoolArray, *, px_per_mm: float) -> float | None:
    """Return the row in which most level ink lies, None where there is none.

    Args:
        level: ``(row, column)`` bool around the zero line of one lead.
        px_per_mm: Scale of it.
    """
    density = level.sum(axis=1, dtype=np.float32)
    if density.max(initial=0) == 0:
        return None
    sigma = _ZERO_SMOOTH_MM * px_per_mm
    return float(cv2.GaussianBlur(density.reshape(-1, 1), (0, 0), sigma).ravel().argmax())
