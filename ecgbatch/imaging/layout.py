"""From the ink of a page to the places of its leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ecgbatch.errors import PageError, Reason
from ecgbatch.flags import Flag
from ecgbatch.imaging.arrangement import Place, arrange
from ecgbatch.imaging.baselines import (
    Baseline,
    densest_row,
    find_baselines,
    flat_rows,
    level_ink,
    line_thickness,
    with_distances,
)
from ecgbatch.imaging.believed import believed
from ecgbatch.imaging.calibration import (
    beside_rows,
    beyond_pulses,
    not_at_pulses,
    pulse_area,
    pulses_of_rows,
)
from ecgbatch.imaging.cleaning import (
    choose_traces,
    row_cover,
    rules_between,
    separators_at,
    trace_ink,
    without_separators,
)
from ecgbatch.imaging.clock import on_one_clock
from ecgbatch.imaging.columns import Division, divide
from ecgbatch.imaging.ends import End, common_ends
from ecgbatch.imaging.hints import find_hints
from ecgbatch.imaging.marks import Marks, enlarged, find_marks, find_uprights, kept_where
from ecgbatch.imaging.masks import BoolArray
from ecgbatch.imaging.pulse import Pulse, find_pulses
from ecgbatch.imaging.rhythm import match_rhythm
from ecgbatch.imaging.scale import Scale, read_scale
from ecgbatch.imaging.stated import StatedLayout
from ecgbatch.types import ByteArray, Findings, Region

_ROOM = 1.2  # of the distance to the next row: tall complexes reach beyond its zero line
TALL_MV = 2.0  # left ventricles reach it, however near the next row is
_ZERO_REACH = 0.45


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """What is printed where on a page.

    Attributes:
        name: Rows x columns and rhythm rows, such as ``3x4+1R``.
        regions: One per printed lead, row by row.
        pulses: Calibration pulses, from the top down.
        scale: Speed and gain, and how they are known.
        traces: ``(row, column)`` bool of the reduced page: ink of traces and the pixels beside it,
            because the grey edges of what is kept reach that far.
        factor: Pixels of the full page per pixel of the reduced one.
        shape_px: Rows and columns of the full page.
        flags: What a reader should know of the layout and the names; those of ``scale`` included.
    """

    name: str
    regions: tuple[Region, ...]
    pulses: tuple[Pulse, ...]
    scale: Scale
    traces: BoolArray
    factor: int
    shape_px: tuple[int, int]
    flags: tuple[Flag, ...]

    @property
    def not_trace(self) -> BoolArray:
        """``(row, column)`` bool of the full page: everything that is no trace."""
        return ~enlarged(self.traces, factor=self.factor, shape=self.shape_px)

    def ink_of_traces(self, ink: ByteArray) -> ByteArray:
        """Return the ink ``(row, column)`` of the full page without all that is no trace."""
        return kept_where(self.traces, ink, factor=self.factor)


def find_regions(
    ink: ByteArray,
    *,
    px_per_mm: float,
    findings: Findings | None = None,
    stated: StatedLayout | None = None,
    printed_speed_mm_per_s: float | None = None,
    printed_gain_mm_per_mv: float | None = None,
    assumed_speed_mm_per_s: float = 25.0,
    assumed_gain_mm_per_mv: float = 10.0,
) -> Layout:
    """Find every printed lead, its name guessed from its place.

    Args:
        ink: ``(row, column)`` uint8 darkness, see ``find_ink``.
        px_per_mm: Scale of the page.
        findings: Of the locator, which tells rows of writing from rows of traces.
        stated: What somebody said it is; rows and columns are looked for that make it.
        printed_speed_mm_per_s: Speed that was read before, None where it was not.
        printed_gain_mm_per_mv: The same for the gain.
        assumed_speed_mm_per_s: What to assume where no pulse tells.
        assumed_gain_mm_per_mv: The same for the gain.

    Raises:
        PageError: ``NO_TRACE`` on a page without rows of traces, ``LAYOUT_UNKNOWN`` where the rows
            and columns fit no usual order, or the rows are fewer than was stated.
    """
    marks = find_marks(ink, px_per_mm=px_per_mm)
    uprights = find_uprights(marks)
    likely = find_pulses(ink, marks, uprights, px_per_mm=px_per_mm)
    apart = pulse_area(likely, marks=marks)
    lines = marks.of(marks.is_line) & ~apart
    level = level_ink(marks, lines)
    rows = find_baselines(level, lines, px_per_mm=marks.px_per_mm)
    rows = _with_still_rows(rows, level, lines, likely, marks=marks)
    if findings is not None:
        rows = believed(rows, findings, factor=marks.factor, px_per_mm=marks.px_per_mm)
    if not rows:
        raise PageError(Reason.NO_TRACE)
    if stated is not None:
        rows = _stated_rows(rows, stated, px_per_mm=marks.px_per_mm)
    pulses = pulses_of_rows(likely, rows, marks=marks)
    apart = pulse_area(pulses, marks=marks) | beyond_pulses(pulses, rows, marks=marks)
    chosen = choose_traces(marks, rows, apart)
    traces = trace_ink(marks, rows, chosen, apart)
    cover = row_cover(traces, rows)
    hints = find_hints(
        marks,
        rows,
        uprights,
        cover,
        chosen,
        pen_px=line_thickness(level),
    )
    ends = common_ends(cover, level & ~apart, rows, px_per_mm=marks.px_per_mm)
    division = divide(
        hints,
        left_px=ends[0].place_px,
        right_px=ends[1].place_px,
        px_per_mm=marks.px_per_mm,
        sure=not_at_pulses((ends[0].place_px, ends[1].place_px), pulses, marks=marks),
        columns=None if stated is None else stated.columns,
    )
    borders = division.borders_px
    restored = traces | rules_between(marks, borders[0], borders[-1])
    traces = without_separators(restored, separators_at(marks, borders, hints.ticks))
    scale = read_scale(
        pulses,
        printed_speed_mm_per_s=printed_speed_mm_per_s,
        printed_gain_mm_per_mv=printed_gain_mm_per_mv,
        assumed_speed_mm_per_s=assumed_speed_mm_per_s,
        assumed_gain_mm_per_mv=assumed_gain_mm_per_mv,
    )
    arrangement = arrange(
        division, named=float(hints.named.mean()), unrest=hints.unrest, stated=stated
    )
    arrangement = match_rhythm(arrangement, rows, traces)
    reduced = _Reduced(marks, rows, row_cover(traces, rows), level_ink(marks, traces), ends)
    return Layout(
        name=arrangement.name,
        regions=on_one_clock(
            [reduced.region(place, division, meaning=scale) for place in arrangement.places],
            begin_px=marks.factor * division.borders_px[0],
            px_per_mm=px_per_mm,
            speed_mm_per_s=scale.speed_mm_per_s,
        ),
        pulses=pulses,
        scale=scale,
        traces=widened(traces),
        factor=marks.factor,
        shape_px=(ink.shape[0], ink.shape[1]),
        flags=(*arrangement.flags, *scale.flags),
    )


def _stated_rows(
    rows: Sequence[Baseline], stated: StatedLayout, *, px_per_mm: float
) -> tuple[Baseline, ...]:
    """Return as many rows as were stated: the longest, because writing is shorter."""
    if len(rows) < stated.rows_of_page:
        raise PageError(Reason.LAYOUT_UNKNOWN, rows=len(rows), stated=stated.rows_of_page)
    lengths = np.array([row.right_px - row.left_px for row in rows])
    longest = np.sort(np.argsort(-lengths, kind="stable")[: stated.rows_of_page])
    return with_distances([rows[number] for number in longest], px_per_mm=px_per_mm)


def _with_still_rows(
    rows: tuple[Baseline, ...],
    level: BoolArray,
    lines: BoolArray,
    likely: Sequence[Pulse],
    *,
    marks: Marks,
) -> tuple[Baseline, ...]:
    """Add straight lines that stand where rows should, or take them alone.

    Where every lead is off, or the heart stands still, lines of text may be all that looks like
    rows; calibration pulses stand on the straight ones.
    """
    if not marks.flats.any():
        return rows
    still = flat_rows(marks.flats, rows, px_per_mm=marks.px_per_mm)
    if still.any():
        rows = find_baselines(level | still, lines | still, px_per_mm=marks.px_per_mm)
    alone = find_baselines(marks.flats, marks.flats, px_per_mm=marks.px_per_mm)
    on_alone, on_rows = (
        len(beside_rows(likely, each, marks=marks)) if each else 0 for each in (alone, rows)
    )
    return alone if on_alone > on_rows else rows


@dataclass(frozen=True, slots=True, eq=False)
class _Reduced:
    """What is known on the reduced page when regions are cut."""

    marks: Marks
    rows: Sequence[Baseline]
    cover: BoolArray
    level: BoolArray
    ends: tuple[End, End]

    def region(self, place: Place, division: Division, *, meaning: Scale) -> Region:
        """Cut one region and bring it to the full page."""
        row, scale, factor = self.rows[place.row], self.marks.px_per_mm, self.marks.factor
        left, right = self._ends(place, division)
        tall = TALL_MV * meaning.gain_mm_per_mv * scale
        return Region(
            lead=place.lead,
            role=place.role,
            name_source="guessed",
            left_px=float(factor * left),
            top_px=float(max(0.0, factor * (row.y_px - max(_ROOM * row.above_px, tall)))),
            right_px=float(factor * right),
            bottom_px=float(
                factor * min(self.level.shape[0], row.y_px + max(_ROOM * row.below_px, tall))
            ),
            baseline_px=factor * (self._zero(row, left, right) + 0.5) - 0.5,
            t0_ms=0.0,
        )

    def _ends(self, place: Place, division: Division) -> tuple[int, int]:
        """First column of ink and one past the last, within the borders of the place."""
        left, right = round(place.left_px), round(place.right_px)
        if place.left_px == division.borders_px[0]:
            left = max(0, left - round(self.ends[0].slack_px))
        if place.right_px == division.borders_px[-1]:
            right += round(self.ends[1].slack_px)
        inked = np.flatnonzero(self.cover[place.row, left:right])
        if inked.size == 0:
            return round(place.left_px), round(place.right_px)
        return left + int(inked[0]), left + int(inked[-1]) + 1

    def _zero(self, row: Baseline, left: int, right: int) -> float:
        """Row where level ink is densest between two columns."""
        top = max(0, round(row.y_px - _ZERO_REACH * row.above_px))
        bottom = round(row.y_px + _ZERO_REACH * row.below_px) + 1
        level = self.level[top:bottom, left:right]
        densest = densest_row(level, px_per_mm=self.marks.px_per_mm)
        return row.y_px if densest is None else top + densest


def widened(traces: BoolArray) -> BoolArray:
    """Return ink of the reduced page with the pixels beside it."""
    return np.asarray(cv2.dilate(traces.view(np.uint8), np.ones((3, 3), np.uint8))).view(np.bool_)
