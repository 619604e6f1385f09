"""Calibration pulses, and what they say of speed and gain.

A pulse stands for 1 mV during 0.2 s: two straight uprights, a level plateau, nothing inside and
nothing that closes it below. Waves have no plateau, boxes of a grid are closed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ecgbatch.imaging.marks import INK_LEVEL, Marks, Upright
from ecgbatch.imaging.masks import BoolArray
from ecgbatch.types import ByteArray

PULSE_MV = 1.0  # IEC 60601-2-25
PULSE_S = 0.2
SHORT_PULSE_S = 0.1  # some carts print half the width; seen on real paper

_WIDTH_MM = (1.5, 15.0)
_LEVEL_MM = 0.6  # unevenness of a plateau in print and scan
_CLEAR_MM = 0.8  # inside the outline, beyond the width of a pen
_FOOT_MM = 1.2


@dataclass(frozen=True, slots=True)
class Pulse:
    """One calibration pulse on the full page.

    Attributes:
        left_px: Where its left foot begins.
        top_px: Upper border of its ink.
        right_px: Where its right foot ends.
        baseline_px: Row of its feet.
        width_mm: From upright to upright.
        heights_mm: Of its plateau; two, from left to right, where limb and chest leads differ.
    """

    left_px: float
    top_px: float
    right_px: float
    baseline_px: float
    width_mm: float
    heights_mm: tuple[float, ...]


_Pair: TypeAlias = tuple[Upright, Upright]


def find_pulses(
    ink: ByteArray, marks: Marks, uprights: Sequence[Upright], *, px_per_mm: float
) -> tuple[Pulse, ...]:
    """Find calibration pulses, from the top down.

    Args:
        ink: ``(row, column)`` uint8 darkness of the full page.
        marks: Its marks.
        uprights: Straight verticals among them, from left to right.
        px_per_mm: Scale of ``ink``.
    """
    found = []
    last: Upright | None = None
    for first, second in _pairs(marks.black, uprights, px_per_mm=marks.px_per_mm):
        if first is last or not _is_plateau(marks.black, first, second, px_per_mm=marks.px_per_mm):
            continue
        outline = _outline(marks, uprights, first, second)
        if outline is not None:
            pulse = _measured(ink, outline, factor=marks.factor, px_per_mm=px_per_mm)
            if np.isfinite([pulse.width_mm, *pulse.heights_mm]).all():  # its ink is that of a line
                found.append(pulse)
            last = first
    return tuple(sorted(found, key=lambda pulse: pulse.baseline_px))


def _pairs(black: BoolArray, uprights: Sequence[Upright], *, px_per_mm: float) -> list[_Pair]:
    """Pairs as far apart as the sides of a pulse, with a roof in their middle and nothing below."""
    left, top, right, bottom = (
        np.array([getattr(upright, side) for upright in uprights], np.intp)
        for side in ("left", "top", "right", "bottom")
    )
    near, far = (np.searchsorted(left, left + width * px_per_mm) for width in _WIDTH_MM)
    first = np.repeat(np.arange(left.size), far - near)
    second = np.array([k for a, b in zip(near, far, strict=True) for k in range(a, b)], np.intp)
    beside = (top[first] < bottom[second]) & (top[second] < bottom[first])
    first, second = first[beside], second[beside]
    middle = (right[first] + left[second]) // 2
    roof = np.maximum(top[first], top[second])
    half = (roof + np.minimum(bottom[first], bottom[second])) // 2
    reach = np.arange(-round(_LEVEL_MM * px_per_mm), round(_CLEAR_MM * px_per_mm))
    roofed = black[np.clip(roof[:, None] + reach, 0, len(black) - 1), middle[:, None]].any(axis=1)
    likely = roofed & ~black[half, middle]
    return [(uprights[a], uprights[b]) for a, b in zip(first[likely], second[likely], strict=True)]


def _is_plateau(black: BoolArray, first: Upright, second: Upright, *, px_per_mm: float) -> bool:
    level = _LEVEL_MM * px_per_mm
    clear = round(_CLEAR_MM * px_per_mm)
    top = max(first.top, second.top)
    bottom = min(first.bottom, second.bottom)
    inside = slice(first.right + clear // 2, second.left - clear // 2)
    if inside.stop - inside.start < 2 or bottom <= top:
        return False
    roof = black[max(0, top - round(level)) : top + clear, inside].any(axis=0)
    interior = black[top + clear : bottom + clear, inside]
    return bool(roof.mean() > 0.95 and interior.mean() < 0.05)


def _without_trace(first: Upright, second: Upright, *, slack_px: float) -> _Pair:
    """Cut the side that goes on as a trace, above and below, to the side that stands free."""
    free, other = (first, second) if first.top >= second.top else (second, first)
    if other.top >= free.top - slack_px or other.bottom < free.bottom - 2 * slack_px:
        return first, second
    cut = replace(other, top=free.top, bottom=free.bottom)
    return (first, cut) if other is second else (cut, second)


def _outline(
    marks: Marks, uprights: Sequence[Upright], first: Upright, second: Upright
) -> tuple[Upright, ...] | None:
    """Complete a plateau to a pulse: two uprights to one foot, or three with a step."""
    scale = marks.px_per_mm
    first, second = _without_trace(first, second, slack_px=_LEVEL_MM * scale)
    step = (second.bottom - first.bottom) / scale
    if abs(step) <= 2 * _LEVEL_MM:
        return (first, second)
    low = first if step > 0 else second  # the upright that ends on the other plateau
    for third in uprights:
        left, right = (third, low) if step > 0 else (low, third)
        distance = (right.left - left.left) / scale
        if not _WIDTH_MM[0] / 2 <= distance <= _WIDTH_MM[1]:
            continue
        if abs(third.top - low.bottom) > 2 * _LEVEL_MM * scale:
            continue
        shelf = marks.black[
            low.bottom - round(scale) : low.bottom + round(scale), left.right : right.left
        ]
        if shelf.size and shelf.any(axis=0).mean() > 0.95:
            return (third, first, second) if step > 0 else (first, second, third)
    return None


def _measured(
    ink: ByteArray, outline: tuple[Upright, ...], *, factor: int, px_per_mm: float
) -> Pulse:
    """Measure a pulse on the full page, to a fraction of a pixel."""
    clear = round(_CLEAR_MM * px_per_mm)
    near, far = clear // 2, round(_FOOT_MM * px_per_mm)
    left, right = factor * outline[0].left, factor * outline[-1].right
    feet = []
    for upright, edge, step in ((outline[0], left - near, -1), (outline[-1], right + near, 1)):
        floor = _floor_row(ink, upright, factor=factor)
        length = _foot_px(ink, row=round(floor), start=edge, step=step, limit=3 * far)
        columns = (edge - far + near, edge) if step < 0 else (edge, edge + far - near)
        row = _line_row(ink, rows=(round(floor) - clear, round(floor) + clear), columns=columns)
        feet.append((length, row if np.isfinite(row) else floor))
    # One foot may run on into a trace; both are equally long, and the free one lies at zero.
    foot = min(length for length, _ in feet)
    baseline = float(np.mean([row for length, row in feet if length == foot]))
    heights = []
    for a, b in pairwise(outline):
        top = factor * max(a.top, b.top)  # of two uprights beside a step, the one on the plateau
        columns = (factor * a.right + near, factor * b.left - near)
        plateau = _line_row(ink, rows=(top - clear, top + 2 * clear), columns=columns)
        heights.append((baseline - plateau) / px_per_mm)
    places = [_line_column(ink, upright, factor=factor) for upright in (outline[0], outline[-1])]
    return Pulse(
        left_px=float(left - near - foot),
        top_px=float(factor * min(upright.top for upright in outline)),
        right_px=float(right + near + foot),
        baseline_px=baseline,
        width_mm=(places[1] - places[0]) / px_per_mm,
        heights_mm=tuple(heights),
    )


def _floor_row(ink: ByteArray, upright: Upright, *, factor: int) -> float:
    """Where the pen turned at the lower end of an upright: its border less half a pen."""
    columns = slice(factor * upright.left, factor * upright.right)
    middle, end = factor * (upright.top + upright.bottom) // 2, factor * (upright.bottom + 2)
    down = ink[middle:end, columns].max(axis=1).astype(np.float64)
    full = max(float(np.median(down)), 1.0)
    across = ink[middle - factor : middle + factor, columns].mean(axis=0)
    length_px = float(np.minimum(down / full, 1).sum())
    pen_px = float(np.minimum(across / max(float(across.max()), 1.0), 1).sum())
    return middle + length_px - 0.5 - pen_px / 2


def _line_row(ink: ByteArray, *, rows: tuple[int, int], columns: tuple[int, int]) -> float:
    """Centre of a level line within a window; NaN where the window holds none."""
    top, left = max(0, rows[0]), max(0, columns[0])
    window = ink[top : max(top, rows[1]), left : max(left, columns[1])]
    if window.size == 0:
        return float("nan")
    return top + _centre(window.mean(axis=1))


def _line_column(ink: ByteArray, upright: Upright, *, factor: int) -> float:
    """Centre of an upright at half its height."""
    middle = factor * (upright.top + upright.bottom) // 2
    reach = factor * (upright.bottom - upright.top) // 8
    left = max(0, factor * (upright.left - 2))
    window = ink[middle - reach : middle + reach + 1, left : factor * (upright.right + 2)]
    return left + _centre(window.mean(axis=0))


def _centre(profile: npt.NDArray[np.floating]) -> float:
    if profile.max() < INK_LEVEL / 2:
        return float("nan")
    weight = np.clip(profile - profile.max() / 4, 0, None)  # what the pen did not reach is paper
    return float((weight * np.arange(weight.size)).sum() / weight.sum())


def _foot_px(ink: ByteArray, *, row: int, start: int, step: int, limit: int) -> int:
    """Length of the level line that leaves an upright."""
    strip = ink[max(0, row - 2) : row + 3].max(axis=0) >= INK_LEVEL
    walk = strip[start : start + limit] if step > 0 else strip[: max(0, start + 1)][::-1][:limit]
    stops = np.flatnonzero(~walk)
    return int(stops[0]) if stops.size else int(walk.size)
