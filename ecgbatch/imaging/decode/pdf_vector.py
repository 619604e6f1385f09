"""Leads straight from the lines of a PDF page.

Software that writes PDFs draws one point for each sample, with four to six digits; so what is
drawn is the signal, to a fraction of a microvolt, where pixels would give some ten. A page is read
this way only if everything needed is on it: a grid or a printed scale, and the name of at least one
lead. Any doubt is answered with None, and the page is rendered and read like paper.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ecgbatch.flags import Flag
from ecgbatch.imaging.decode.content import Content, Scale
from ecgbatch.imaging.decode.drawn_grid import DrawnGrid, find_grid
from ecgbatch.imaging.decode.drawn_names import Label, Span, find_labels, match
from ecgbatch.imaging.decode.drawn_pulse import Pulse, agreed_gain, find_pulse
from ecgbatch.imaging.decode.drawn_samples import sample
from ecgbatch.imaging.decode.drawn_turns import (
    BACKWARD_PT,
    MIN_POINTS,
    quarter_turns,
    turned_stroke,
    turned_word,
)
from ecgbatch.imaging.decode.pdf_paths import Box, Drawing, Stroke
from ecgbatch.imaging.decode.pdf_text import Word, printed_scale
from ecgbatch.types import DoubleArray, FloatArray, Lead

_MIN_TRACE_MM = 10.0  # 0.4 s at 25 mm/s: less is no lead
_ROW_MM = 5.0  # zero lines of one row of a layout agree within this
_RHYTHM = 1.7  # a rhythm row is this much longer than the shortest strip
_ON_ROW_MM = 0.6  # how close traces must lie to heavy lines on the whole, to be drawn from them
_OFF_ROW_MM = 2.0  # and how far a single one may


@dataclass(frozen=True, eq=False)
class _Trace:
    """A line that runs like a lead.

    Attributes:
        points_mm: ``(n, 2)`` printed millimetres, x from the page's left, y upwards.
        clip_mm: What of it is shown: left, bottom, right, top.
    """

    points_mm: DoubleArray
    clip_mm: Box

    @cached_property
    def zero_mm(self) -> float:
        """Its middle, which is near zero millivolts: most of an ECG is baseline."""
        return float(np.median(self.points_mm[:, 1]))

    @property
    def span(self) -> Span:
        """Where it runs, y downwards."""
        x = self.points_mm[:, 0]
        return Span(float(x[0]), float(x[-1]), -self.zero_mm)


def read_leads(
    drawing: Drawing,
    words: Sequence[Word],
    *,
    size_pt: tuple[float, float],
    assumed: Scale,
) -> Content | None:
    """Return the page's leads, or None where its lines do not give them.

    Args:
        drawing: Its lines.
        words: Its text.
        size_pt: Width and height of the page as shown.
        assumed: Speed and gain where the page says neither.
    """
    turns = quarter_turns(drawing.strokes)
    if turns is None or drawing.odd_clips:
        return None
    strokes = [turned_stroke(stroke, turns, size_pt) for stroke in drawing.strokes]
    words = [turned_word(word, turns, size_pt) for word in words]
    grid = find_grid(strokes)
    printed = printed_scale(words)
    if not grid.drawn and math.isnan(printed.speed_mm_per_s):
        return None
    traces, pulses = _traces_and_pulses(strokes, grid)
    scale = _scale(printed, [pulse for pulse, _ in pulses], assumed)
    if scale is None:
        return None
    labels = find_labels(words, pt_per_mm_x=grid.pt_per_mm_x, pt_per_mm_y=grid.pt_per_mm_y)
    names = match(labels, [trace.span for trace in traces])
    named = [
        (label.lead, part)
        for trace, own in zip(traces, names, strict=True)
        for label, part in _parts(trace, own)
    ]
    if not named:
        return None
    zeros = _zero_lines([part for _, part in named], pulses, grid)
    leads, layout = _leads(named, zeros, scale)
    flags = _flags(grid, unnamed=sum(not own for own in names))
    return Content(kind="vector", leads=leads, layout=layout, scale=scale, flags=flags)


def _flags(grid: DrawnGrid, *, unnamed: int) -> tuple[Flag, ...]:
    said = {
        Flag.NO_DRAWN_GRID: not grid.drawn,
        Flag.PAGE_SCALED: grid.scaled,
        Flag.CHANNEL_LEFT_OUT: unnamed > 0,
    }
    return tuple(flag for flag, holds in said.items() if holds)


# ------------------------------------------------------------------------------ traces and pulses


def _traces_and_pulses(
    strokes: Sequence[Stroke], grid: DrawnGrid
) -> tuple[list[_Trace], list[tuple[Pulse, float]]]:
    """Return the lines that run like leads, and the pulses with where each begins."""
    traces, pulses = [], []
    for stroke in strokes:
        if stroke.straight or np.diff(stroke.points[:, 0]).min() < -BACKWARD_PT:
            continue
        trace = _in_millimetres(stroke, grid)
        pulse = find_pulse(trace.points_mm)
        if pulse is not None:
            pulses.append((pulse, float(trace.points_mm[0, 0])))
            trace = replace(trace, points_mm=_after(trace.points_mm, pulse.end))
        points = trace.points_mm
        if len(points) >= MIN_POINTS and points[-1, 0] - points[0, 0] >= _MIN_TRACE_MM:
            traces.append(trace)
    return traces, pulses


def _in_millimetres(stroke: Stroke, grid: DrawnGrid) -> _Trace:
    per_mm = np.array([grid.pt_per_mm_x, -grid.pt_per_mm_y])
    left, top, right, bottom = stroke.clip
    return _Trace(
        points_mm=stroke.points / per_mm,
        clip_mm=(left / per_mm[0], bottom / per_mm[1], right / per_mm[0], top / per_mm[1]),
    )


def _after(points_mm: DoubleArray, end: int) -> DoubleArray:
    """Return what follows a pulse, without the straight line that leads from it to the trace."""
    rest = points_mm[end:]
    if len(rest) < MIN_POINTS:
        return rest
    steps = np.diff(rest[:, 0])
    on_clock = np.flatnonzero(np.abs(steps - np.median(steps)) < 0.5 * np.median(steps))
    return rest[on_clock[0] :] if on_clock.size else rest


def _scale(printed: Scale, pulses: Sequence[Pulse], assumed: Scale) -> Scale | None:
    """Return speed and gain and how they are known; None where text and pulse disagree."""
    measured = agreed_gain(pulses)
    scale = printed
    if measured is not None and math.isnan(scale.gain_mm_per_mv):
        scale = replace(scale, gain_mm_per_mv=measured, gain_source="pulse")
    elif measured is not None and measured != scale.gain_mm_per_mv:
        return None
    if math.isnan(scale.speed_mm_per_s):
        scale = replace(scale, speed_mm_per_s=assumed.speed_mm_per_s, speed_source="assumed")
    if math.isnan(scale.gain_mm_per_mv):
        scale = replace(scale, gain_mm_per_mv=assumed.gain_mm_per_mv, gain_source="assumed")
    return scale


def _parts(trace: _Trace, names: Sequence[Label]) -> list[tuple[Label, _Trace]]:
    """Return a trace with its name, or the equal parts of a row that bears several names.

    Each name must stand at or before the first half of its part; otherwise the row is not cut
    evenly, and none of it is read.
    """
    if len(names) <= 1:
        return [(name, trace) for name in names]
    x = trace.points_mm[:, 0]
    edges = np.linspace(x[0], x[-1], len(names) + 1)
    width = edges[1] - edges[0]
    parts = []
    for index, name in enumerate(names):
        if not edges[index] - 0.2 * width <= name.x_mm <= edges[index] + 0.5 * width:
            return []
        last = index == len(names) - 1
        inside = (x >= edges[index]) & ((x <= edges[index + 1]) if last else (x < edges[index + 1]))
        if np.count_nonzero(inside) < MIN_POINTS:
            return []
        parts.append((name, replace(trace, points_mm=trace.points_mm[inside])))
    return parts


# ------------------------------------------------------------------------------------- zero lines


def _zero_lines(
    traces: Sequence[_Trace], pulses: Sequence[tuple[Pulse, float]], grid: DrawnGrid
) -> list[float]:
    """Return the height of zero millivolts of each trace, in printed millimetres upwards.

    The foot of the row's calibration pulse says it. Without one, the heavy grid line that the
    trace lies on does, if the traces of the page lie on such lines. Otherwise it is the middle of
    the trace, and a constant may be missing from the signal.
    """
    middles = [trace.zero_mm for trace in traces]
    to_rows = [_to_row(trace, grid) for trace in traces]
    known = [abs(offset) for offset in to_rows if not math.isnan(offset)]
    drawn_from_rows = bool(known) and float(np.median(known)) <= _ON_ROW_MM
    zeros = []
    for trace, middle, to_row in zip(traces, middles, to_rows, strict=True):
        feet = [
            pulse.foot_mm
            for pulse, left in pulses
            if left <= trace.span.right_mm and abs(pulse.foot_mm - middle) <= _ROW_MM
        ]
        if feet:
            zeros.append(min(feet, key=lambda foot, at=middle: abs(foot - at)))  # type: ignore[misc]  # the default binds the loop's value
        elif drawn_from_rows and abs(to_row) <= _OFF_ROW_MM:
            zeros.append(middle + to_row)
        else:
            zeros.append(middle)
    return zeros


def _to_row(trace: _Trace, grid: DrawnGrid) -> float:
    """Return how far above a trace's middle the nearest heavy line under it runs; NaN without."""
    if not len(grid.rows_pt):
        return math.nan
    x_pt = (trace.span.left_mm + trace.span.right_mm) / 2 * grid.pt_per_mm_x
    under = (grid.rows_pt[:, 1] <= x_pt) & (x_pt <= grid.rows_pt[:, 2])
    if not under.any():
        return math.nan
    offsets = -grid.rows_pt[under, 0] / grid.pt_per_mm_y - trace.zero_mm
    return float(offsets[np.argmin(np.abs(offsets))])


# ------------------------------------------------------------------------------------------ leads


def _leads(
    named: Sequence[tuple[str, _Trace]], zeros: Sequence[float], scale: Scale
) -> tuple[tuple[Lead, ...], str]:
    """Return the leads in microvolts, and the layout."""
    lengths = [trace.span.right_mm - trace.span.left_mm for _, trace in named]
    left_mm = min(trace.span.left_mm for _, trace in named)
    rhythm = [length > _RHYTHM * min(lengths) for length in lengths]
    leads = tuple(
        _lead(name, trace, zero, scale, left_mm=left_mm, role="rhythm" if long else "strip")
        for (name, trace), zero, long in zip(named, zeros, rhythm, strict=True)
    )
    strips = [zero for zero, long in zip(zeros, rhythm, strict=True) if not long]
    rows = _rows(strips)
    layout = f"{len(rows)}x{max(rows)}"
    if any(rhythm):
        layout += f"+{sum(rhythm)}R"
    return leads, layout


def _rows(zeros: Sequence[float]) -> list[int]:
    """Return how many traces stand in each row."""
    heights = np.sort(np.asarray(zeros))
    breaks = np.flatnonzero(np.diff(heights) > _ROW_MM) + 1
    return [len(row) for row in np.split(heights, breaks)]


def _lead(
    name: str, trace: _Trace, zero_mm: float, scale: Scale, *, left_mm: float, role: str
) -> Lead:
    samples = sample(trace.points_mm, speed_mm_per_s=scale.speed_mm_per_s)
    signal: FloatArray = ((samples.values_mm - zero_mm) * (1000 / scale.gain_mm_per_mv)).astype(
        np.float32
    )
    x_mm = np.linspace(trace.span.left_mm, trace.span.right_mm, len(signal))
    left, bottom, right, top = trace.clip_mm
    shown = (samples.values_mm >= bottom) & (samples.values_mm <= top)
    signal[~(shown & (x_mm >= left) & (x_mm <= right))] = np.nan
    return Lead(
        lead=name,
        role=role,
        name_source="read",
        t0_ms=1000 * (trace.span.left_mm - left_mm) / scale.speed_mm_per_s,
        fs_hz=samples.fs_hz,
        native_fs_hz=samples.native_fs_hz,
        signal_uv=signal,
        overlap=0.0,
        quality=1.0,
    )
