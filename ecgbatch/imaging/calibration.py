"""Which pulses stand where carts print them, and where rows have one that was not seen by itself.

Carts print their pulses in one column before or behind the rows. One that touches its trace, the
rest of a grid or a name has no clean outline; but where one row has a pulse, the others are known
to have theirs at the same place or none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ecgbatch.imaging.baselines import Baseline
from ecgbatch.imaging.marks import Marks
from ecgbatch.imaging.masks import BoolArray
from ecgbatch.imaging.pulse import Pulse
from ecgbatch.imaging.scale import has_usual_height

_ALIGNED_MM = 3.0
_NEAR_MM = 5.0
_BEYOND_MM = 25.0  # of ink outwards of a column of pulses, their own width included
_STRAY_MM = (0.6, 3.0)  # across and down, of one row's pulse from the place of another's
_PEN_MM = 0.4
_CORNER_MM = 0.6  # rounded by pens and scanners
_INKED = 0.85  # of each side of an outline
_SAME_ROW_MM = 6.0


def pulses_of_rows(
    likely: Sequence[Pulse], rows: Sequence[Baseline], *, marks: Marks
) -> tuple[Pulse, ...]:
    """Return the pulses of the rows, one for each row at most, from the top down.

    Args:
        likely: What looks like a pulse.
        rows: Rows of the page.
        marks: Marks of the page.
    """
    pulses = with_repeats(beside_rows(likely, rows, marks=marks), rows, marks=marks)
    if len(pulses) == 1 and len(rows) > 2 and not has_usual_height(pulses[0]):
        return ()  # a wave, or the rest of a grid
    return pulses


def beside_rows(
    pulses: Sequence[Pulse], rows: Sequence[Baseline], *, marks: Marks
) -> tuple[Pulse, ...]:
    """Keep the pulses that stand in one column, at the level and before or behind the end of rows.

    Of several columns the one that most rows share is taken: frames and the rest of a grid look
    like pulses too, but seldom at the level of a second row. Pulses that half of the rows share
    may have ink beyond them, which is then the rest of a grid.

    Args:
        pulses: What looks like a pulse.
        rows: Rows of the page.
        marks: Marks of the page.

    Returns:
        One for each row at most, from the top down.
    """
    scale, factor = marks.px_per_mm, marks.factor
    level = [
        min(rows, key=lambda row: abs(pulse.baseline_px / factor - row.y_px)) for pulse in pulses
    ]
    near = [
        (pulse, row)
        for pulse, row in zip(pulses, level, strict=True)
        if abs(pulse.baseline_px / factor - row.y_px) <= _NEAR_MM * scale
    ]
    best: dict[Baseline, Pulse] = {}
    for model, _ in near:
        column = {
            row: pulse
            for pulse, row in near
            if abs(pulse.left_px - model.left_px) <= _ALIGNED_MM * scale * factor
        }
        reach = (_BEYOND_MM if 2 * len(column) >= max(len(rows), 4) else _NEAR_MM) * scale
        outer = {
            row: pulse
            for row, pulse in column.items()
            if pulse.right_px / factor <= row.left_px + reach
            or pulse.left_px / factor >= row.right_px - reach
        }
        if len(outer) > len(best):
            best = outer
    return tuple(sorted(best.values(), key=lambda pulse: pulse.baseline_px))


def with_repeats(
    pulses: Sequence[Pulse], rows: Sequence[Baseline], *, marks: Marks
) -> tuple[Pulse, ...]:
    """Add the pulses of rows in which none was found, where their outline is inked.

    Args:
        pulses: Those that were found, in one column.
        rows: Rows of the page.
        marks: Marks of the page.

    Returns:
        All pulses, from the top down. The added ones have the width and heights of a found one.
    """
    if not pulses:
        return ()
    ink = marks.black | marks.rules | marks.flats
    same = _SAME_ROW_MM * marks.px_per_mm
    levels = [pulse.baseline_px / marks.factor for pulse in pulses]
    found = list(pulses)
    for row in rows:
        if any(abs(level - row.y_px) <= same for level in levels):
            continue
        model = min(pulses, key=lambda pulse: abs(pulse.baseline_px / marks.factor - row.y_px))
        repeat = _repeat(model, row.y_px, ink, marks=marks)
        if repeat is not None:
            found.append(repeat)
    return tuple(sorted(found, key=lambda pulse: pulse.baseline_px))


def pulse_area(pulses: Sequence[Pulse], *, marks: Marks) -> BoolArray:
    """Return where the pulses are on the reduced page, ``(row, column)`` bool."""
    area = np.zeros_like(marks.black)
    for pulse in pulses:
        top = max(0, round(pulse.top_px / marks.factor - marks.px_per_mm))
        bottom = round(pulse.baseline_px / marks.factor + marks.px_per_mm)
        left = max(0, round(pulse.left_px / marks.factor))
        area[top:bottom, left : round(pulse.right_px / marks.factor)] = True
    return area


def beyond_pulses(pulses: Sequence[Pulse], rows: Sequence[Baseline], *, marks: Marks) -> BoolArray:
    """Return the columns of the pulses and what lies outwards of them: no trace does.

    Returns:
        ``(row, column)`` bool; empty unless half of the rows have a pulse.
    """
    area = np.zeros_like(marks.black)
    if not pulses or 2 * len(pulses) < len(rows):
        return area
    begin = max(pulse.left_px for pulse in pulses) / marks.factor
    end = min(pulse.right_px for pulse in pulses) / marks.factor
    if begin + end < rows[0].left_px + rows[0].right_px:
        area[:, : max(0, round(end))] = True
    else:
        area[:, round(begin) :] = True
    return area


def not_at_pulses(
    ends_px: tuple[float, float], pulses: Sequence[Pulse], *, marks: Marks
) -> tuple[bool, bool]:
    """Say of the left and the right end of the rows whether it is away from every pulse."""
    near = _PEN_MM * 2 * marks.px_per_mm
    borders = [side / marks.factor for pulse in pulses for side in (pulse.left_px, pulse.right_px)]
    left, right = (all(abs(end - border) > near for border in borders) for end in ends_px)
    return left, right


def _repeat(model: Pulse, y_px: float, ink: BoolArray, *, marks: Marks) -> Pulse | None:
    """Find the place near ``y_px`` where every side of the outline of ``model`` is inked."""
    scale, factor = marks.px_per_mm, marks.factor
    across, down = (round(stray * scale) for stray in _STRAY_MM)
    best, place = _INKED, None
    for dx in sorted(range(-across, across + 1), key=abs):
        for dy in sorted(range(-down, down + 1), key=abs):
            inked = min(_sides(model, ink, dx, round(y_px) + dy, marks=marks))
            if inked > best:
                best, place = inked, (dx, dy)
    if place is None:
        return None
    dx, dy = place
    fall = factor * (round(y_px) + dy) - model.baseline_px
    return replace(
        model,
        left_px=model.left_px + factor * dx,
        right_px=model.right_px + factor * dx,
        top_px=model.top_px + fall,
        baseline_px=model.baseline_px + fall,
    )


def _sides(model: Pulse, ink: BoolArray, dx: int, base: int, *, marks: Marks) -> list[float]:
    """Shares of the uprights and plateaus of an outline that are inked."""
    scale = marks.px_per_mm
    pen, corner = max(1, round(_PEN_MM * scale)), round(_CORNER_MM * scale)
    middle = (model.left_px + model.right_px) / 2 / marks.factor + dx
    half = model.width_mm * scale / 2
    ends = np.linspace(middle - half, middle + half, len(model.heights_mm) + 1)
    tops = [base - height * scale for height in model.heights_mm]
    shares = [
        _inked(ink, (top + corner, base - corner), (x - pen, x + pen + 1), axis=1)
        for x, top in ((ends[0], tops[0]), (ends[-1], tops[-1]))
    ]
    shares += [
        _inked(ink, (top - pen, top + pen + 1), (left + corner, right - corner), axis=0)
        for left, right, top in zip(ends[:-1], ends[1:], tops, strict=True)
    ]
    return shares


def _inked(
    ink: BoolArray, rows: tuple[float, float], columns: tuple[float, float], *, axis: int
) -> float:
    """Share of a window's rows (axis 1) or columns (axis 0) that hold ink."""
    (top, bottom), (left, right) = (
        (max(0, round(start)), max(0, round(stop))) for start, stop in (rows, columns)
    )
    window: npt.NDArray[np.bool_] = ink[top:bottom, left:right]
    return float(window.any(axis=axis).mean()) if window.size else 0.0
