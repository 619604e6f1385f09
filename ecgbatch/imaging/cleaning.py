"""Which ink belongs to traces, and which is text, a mark between columns, or dirt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from ecgbatch.imaging.baselines import Baseline
from ecgbatch.imaging.marks import IntArray, Marks, Upright
from ecgbatch.imaging.masks import BoolArray, runs

_MAIN_MM = 15.0  # longer than a word in one piece, shorter than a row in few pieces
_NEW_SHARE = 0.5  # of a piece's columns, where its row has no other ink
_BRIDGE_MM = 1.5  # the gap that a thin line leaves where it is steep
_SEPARATOR_MM = 1.0  # of a mark between columns from their border
_REACH = 0.6  # of the distance to the neighbouring row, in which pieces of a row lie
_FLAT_REACH = 0.3  # the same for straight lines, which stand at a row's zero


def choose_traces(marks: Marks, rows: Sequence[Baseline], apart: BoolArray) -> BoolArray:
    """Choose the marks that belong to traces.

    Long pieces near a row are its trace, and so are pieces that are high and narrow. Of the rest,
    a piece stays if its row has no ink in those columns and if it has ink beside them: a broken
    flank stays, a name above a trace goes.

    Args:
        marks: Marks of the page.
        rows: Its rows, from the top down.
        apart: ``(row, column)`` bool, ink of calibration pulses.

    Returns:
        ``(mark,)`` bool.
    """
    scale = marks.px_per_mm
    row, distance = _nearest_row(marks, rows)
    width, height = marks.right - marks.left, marks.bottom - marks.top
    kept = marks.is_line & (distance < 1) & (height > 2 * width)
    kept |= marks.is_line & (distance < _REACH) & (width >= _MAIN_MM * scale)

    bridge = round(_BRIDGE_MM * scale)
    for chosen, both_sides in (
        (marks.is_line, False),
        (marks.is_dash, False),
        (marks.is_glyph | marks.is_tick, True),
    ):
        covered = _Covered(row_cover(marks.of(kept) & ~apart, rows))
        new = 1 - covered.share(row, marks.left, marks.right)
        before = covered.share(row, marks.left - bridge, marks.left) > 0
        after = covered.share(row, marks.right, marks.right + bridge) > 0
        beside = before & after if both_sides else before | after
        kept |= chosen & (distance < _REACH) & (new > _NEW_SHARE) & (beside | marks.is_line)
    return kept


def trace_ink(
    marks: Marks, rows: Sequence[Baseline], chosen: BoolArray, apart: BoolArray
) -> BoolArray:
    """Return the ink of traces on the reduced page.

    Args:
        marks: Marks of the page.
        rows: Its rows, from the top down.
        chosen: ``(mark,)`` bool, see ``choose_traces``.
        apart: ``(row, column)`` bool, ink of calibration pulses.

    Returns:
        ``(row, column)`` bool.
    """
    traces = marks.of(chosen) & ~apart
    return traces | _flat_traces(marks, rows, row_cover(traces, rows))


def row_cover(traces: BoolArray, rows: Sequence[Baseline]) -> BoolArray:
    """Say in which columns each row has ink, ``(row, column)`` bool."""
    cover = np.zeros((len(rows), traces.shape[1]), np.bool_)
    for k, place in enumerate(rows):
        top = max(0, round(place.y_px - _REACH * place.above_px))
        cover[k] = traces[top : round(place.y_px + _REACH * place.below_px) + 1].any(axis=0)
    return cover


def rules_between(marks: Marks, begin_px: float, end_px: float) -> BoolArray:
    """Return verticals inside the rows: complexes of overlapping rows look like ruled lines.

    Args:
        marks: Marks of the page.
        begin_px: Where rows begin, on the reduced page.
        end_px: Where they end.
    """
    rules = np.zeros_like(marks.rules)
    inside = slice(max(0, round(begin_px)), round(end_px))
    rules[:, inside] = marks.rules[:, inside]
    return rules


def separators_at(
    marks: Marks, borders_px: Iterable[float], uprights: Sequence[Upright]
) -> list[Upright]:
    """Return marks that touch traces, at the borders between columns.

    Args:
        marks: Marks of the page.
        borders_px: On the reduced page.
        uprights: Straight verticals that may be such marks.
    """
    reach = _SEPARATOR_MM * marks.px_per_mm
    found = []
    for border in borders_px:
        found += [upright for upright in uprights if abs(upright.centre - border) <= reach]
        left = max(0, round(border - reach))
        ruled = marks.rules[:, left : round(border + reach) + 1]
        for start, stop in runs(np.asarray(ruled.any(axis=0))):
            height = np.flatnonzero(ruled[:, start:stop].any(axis=1))
            found.append(Upright(left + start, int(height[0]), left + stop, int(height[-1]) + 1))
    return found


def without_separators(traces: BoolArray, separators: Iterable[Upright]) -> BoolArray:
    """Take off straight marks that touch traces, and leave the traces that cross them.

    Args:
        traces: ``(row, column)`` bool.
        separators: Marks between columns.
    """
    cleaned = traces.copy()
    last = traces.shape[1] - 1
    for mark in separators:
        left, right = max(mark.left - 1, 0), min(mark.right + 1, last)
        sides = traces[mark.top : mark.bottom, [max(left - 1, 0), right]]
        crossing = np.zeros(sides.shape[0], np.bool_)
        for start, stop in _spans(sides):
            crossing[max(start - 1, 0) : stop + 1] = True
        cleaned[mark.top : mark.bottom, left:right] &= crossing[:, None]
    return cleaned


def _spans(sides: BoolArray) -> list[tuple[int, int]]:
    """Rows in which traces run through a mark: from the ink on its left to that on its right."""
    before, after = runs(sides[:, 0]), runs(sides[:, 1])
    spans = [*before, *after]
    if before and after:
        # each trace goes on at the nearest ink of the other side
        for start, stop in before:
            other = min(after, key=lambda run: abs(run[0] + run[1] - start - stop))
            spans.append((min(start, other[0]), max(stop, other[1])))
    return spans


def _nearest_row(
    marks: Marks, rows: Sequence[Baseline]
) -> tuple[IntArray, npt.NDArray[np.float64]]:
    """The row each mark is nearest to, and how near: 1 is the distance to the next row."""
    y = np.array([place.y_px for place in rows])[:, None]
    above = np.array([place.above_px for place in rows])[:, None]
    below = np.array([place.below_px for place in rows])[:, None]
    distance = np.maximum(np.maximum((y - marks.bottom) / above, (marks.top - y) / below), 0)
    nearest = distance.argmin(axis=0)
    return nearest, distance[nearest, np.arange(distance.shape[1])]


class _Covered:
    """Shares of covered columns, by sums from the left."""

    def __init__(self, cover: BoolArray) -> None:
        self._width = cover.shape[1]
        self._sums = np.pad(cover.cumsum(axis=1), ((0, 0), (1, 0)))

    def share(self, row: IntArray, left: IntArray, right: IntArray) -> npt.NDArray[np.float64]:
        left, right = np.clip(left, 0, self._width), np.clip(right, 0, self._width)
        inked = self._sums[row, right] - self._sums[row, left]
        return np.asarray(inked / np.maximum(right - left, 1))


def _flat_traces(marks: Marks, rows: Sequence[Baseline], cover: BoolArray) -> BoolArray:
    """Straight lines that stand at the zero of a row where it has no other ink."""
    traces = np.zeros_like(marks.flats)
    if not marks.flats.any():
        return traces
    for k, place in enumerate(rows):
        top = max(0, round(place.y_px - _FLAT_REACH * place.above_px))
        band = slice(top, round(place.y_px + _FLAT_REACH * place.below_px) + 1)
        traces[band] |= marks.flats[band] & ~cover[k]
    return traces
