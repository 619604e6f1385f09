"""Regions of leads from what the networks saw, with ends and zero lines as the ink has them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ecgbatch.imaging.baselines import Baseline, densest_row, level_ink
from ecgbatch.imaging.calibration import beyond_pulses, pulse_area, pulses_of_rows
from ecgbatch.imaging.cleaning import (
    choose_traces,
    row_cover,
    rules_between,
    separators_at,
    trace_ink,
    without_separators,
)
from ecgbatch.imaging.clock import on_one_clock
from ecgbatch.imaging.layout import TALL_MV, Layout, widened
from ecgbatch.imaging.marks import Marks, find_marks, find_uprights
from ecgbatch.imaging.masks import BoolArray, runs
from ecgbatch.imaging.pulse import Pulse, find_pulses
from ecgbatch.imaging.scale import read_scale
from ecgbatch.imaging.seen import SeenLayout, SeenPlace
from ecgbatch.types import ByteArray, Region

_SNAP_MM = 1.0
"""How far ink may begin or end from where the network saw it."""
_ROOM = 1.2
_LONE_PITCH_MM = 40.0
_ZERO_MM = 2.5
_GAP_MM = 0.4


def seen_regions(
    ink: ByteArray,
    seen: SeenLayout,
    *,
    px_per_mm: float,
    printed_speed_mm_per_s: float | None = None,
    printed_gain_mm_per_mv: float | None = None,
    assumed_speed_mm_per_s: float = 25.0,
    assumed_gain_mm_per_mv: float = 10.0,
) -> Layout:
    """Bring what the networks saw to the ink.

    Args:
        ink: ``(row, column)`` uint8 darkness, see ``find_ink``.
        seen: Which lead stands where.
        px_per_mm: Scale of the page.
        printed_speed_mm_per_s: See ``find_regions``, as all that follow.
        printed_gain_mm_per_mv: The same for the gain.
        assumed_speed_mm_per_s: What to assume where nothing tells.
        assumed_gain_mm_per_mv: The same for the gain.
    """
    marks = find_marks(ink, px_per_mm=px_per_mm)
    rows = _baselines(seen.places, marks)
    uprights = find_uprights(marks)
    likely = find_pulses(ink, marks, uprights, px_per_mm=px_per_mm)
    pulses = pulses_of_rows(likely, rows, marks=marks)
    apart = _beside_traces(seen.places, pulses, rows, marks)
    chosen = choose_traces(marks, rows, apart)
    traces = trace_ink(marks, rows, chosen, apart)
    begin = min(place.strip.left_px for place in seen.places)
    end = max(place.strip.right_px for place in seen.places)
    restored = traces | rules_between(marks, begin / marks.factor, end / marks.factor)
    inner = sorted({place.strip.left_px / marks.factor for place in seen.places if place.column})
    traces = without_separators(restored, separators_at(marks, inner, uprights))
    scale = read_scale(
        pulses,
        printed_speed_mm_per_s=printed_speed_mm_per_s,
        printed_gain_mm_per_mv=printed_gain_mm_per_mv,
        assumed_speed_mm_per_s=assumed_speed_mm_per_s,
        assumed_gain_mm_per_mv=assumed_gain_mm_per_mv,
    )
    cover = row_cover(traces, rows)
    level = level_ink(marks, traces)
    regions = []
    for place in seen.places:
        row = rows[place.row]
        left, right = _ends(place, cover[place.row], marks, alone=_alone(place, seen))
        zero = _zero(place, level, marks)
        tall = TALL_MV * scale.gain_mm_per_mv * px_per_mm
        above = max(_ROOM * marks.factor * row.above_px, tall)
        below = max(_ROOM * marks.factor * row.below_px, tall)
        regions.append(
            Region(
                lead=place.lead,
                role=place.role,
                name_source="read" if place.read else "guessed",
                left_px=left,
                top_px=max(0.0, zero - above),
                right_px=right,
                bottom_px=min(float(ink.shape[0]), zero + below),
                baseline_px=zero,
                t0_ms=0.0,
                inverted=place.inverted,
            )
        )
    return Layout(
        name=seen.name,
        regions=on_one_clock(
            regions, begin_px=begin, px_per_mm=px_per_mm, speed_mm_per_s=scale.speed_mm_per_s
        ),
        pulses=pulses,
        scale=scale,
        traces=widened(traces),
        factor=marks.factor,
        shape_px=(ink.shape[0], ink.shape[1]),
        flags=(*seen.flags, *scale.flags),
    )


def _baselines(places: Sequence[SeenPlace], marks: Marks) -> tuple[Baseline, ...]:
    """Return the rows on the reduced page."""
    count = max(place.row for place in places) + 1
    of_row = [[place.strip for place in places if place.row == row] for row in range(count)]
    middles = [
        float(np.mean([(s.left_zero_px + s.right_zero_px) / 2 for s in strips])) / marks.factor
        for strips in of_row
    ]
    gaps = np.diff(middles)
    lone = float(np.median(gaps)) if gaps.size else _LONE_PITCH_MM * marks.px_per_mm
    return tuple(
        Baseline(
            y_px=middle,
            left_px=round(min(strip.left_px for strip in strips) / marks.factor),
            right_px=round(max(strip.right_px for strip in strips) / marks.factor) + 1,
            above_px=float(gaps[row - 1]) if row else lone,
            below_px=float(gaps[row]) if row < len(gaps) else lone,
        )
        for row, (middle, strips) in enumerate(zip(middles, of_row, strict=True))
    )


def _beside_traces(
    places: Sequence[SeenPlace], pulses: Sequence[Pulse], rows: Sequence[Baseline], marks: Marks
) -> BoolArray:
    """Return where no trace can be: at pulses, and well outside of all traces."""
    area = pulse_area(pulses, marks=marks) | beyond_pulses(pulses, rows, marks=marks)
    reach = round(_SNAP_MM * marks.px_per_mm)
    begin = round(min(place.strip.left_px for place in places) / marks.factor)
    end = round(max(place.strip.right_px for place in places) / marks.factor)
    area[:, : max(0, begin - reach)] = True
    area[:, end + reach + 1 :] = True
    inside = slice(begin + reach, max(end - reach, begin + reach))
    area[:, inside] &= pulse_area(pulses, marks=marks)[:, inside]
    return area


def _alone(place: SeenPlace, seen: SeenLayout) -> tuple[bool, bool]:
    """Say of both ends whether no other trace of the row is near."""
    near = 4 * _SNAP_MM
    others = [o.strip for o in seen.places if o.row == place.row and o is not place]
    return (
        all(abs(other.right_px - place.strip.left_px) > near for other in others),
        all(abs(other.left_px - place.strip.right_px) > near for other in others),
    )


def _ends(
    place: SeenPlace, cover: BoolArray, marks: Marks, *, alone: tuple[bool, bool]
) -> tuple[float, float]:
    """Return both ends in pixels of the full page: those of ink where it ends nearby."""
    reach = _SNAP_MM * marks.px_per_mm
    gap = max(1, round(_GAP_MM * marks.px_per_mm))
    pieces: list[tuple[int, int]] = []
    for start, stop in runs(cover):
        if pieces and start - pieces[-1][1] <= gap:
            pieces[-1] = (pieces[-1][0], stop)
        else:
            pieces.append((start, stop))
    left, right = place.strip.left_px / marks.factor, (place.strip.right_px + 1) / marks.factor
    begins = [start for start, _ in pieces if abs(start - left) <= reach]
    stops = [stop for _, stop in pieces if abs(stop - right) <= reach]
    if begins and alone[0]:
        left = float(min(begins, key=lambda start: abs(start - left)))
    if stops and alone[1]:
        right = float(min(stops, key=lambda stop: abs(stop - right)))
    return left * marks.factor, right * marks.factor


def _zero(place: SeenPlace, level: BoolArray, marks: Marks) -> float:
    """Return the row where level ink is densest near the zero line that was seen."""
    strip = place.strip
    middle = (strip.left_zero_px + strip.right_zero_px) / 2
    y = (middle + 0.5) / marks.factor - 0.5
    reach = _ZERO_MM * marks.px_per_mm
    top, bottom = max(0, round(y - reach)), max(1, round(y + reach) + 1)
    columns = slice(
        max(0, round(strip.left_px / marks.factor)), max(1, round(strip.right_px / marks.factor))
    )
    densest = densest_row(level[top:bottom, columns], px_per_mm=marks.px_per_mm)
    return middle if densest is None else marks.factor * (top + densest + 0.5) - 0.5
