"""From the starts, ends and zero lines that the locator saw to printed traces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ecgbatch.types import DoubleArray, Findings, Strip

_SHORTEST_MM = 6.0
_APART_MM = 2.5
"""How much lower a trace may end than it starts, beside the slope."""
_SLOPE = 0.015  # a measured grid leaves less than a degree
_BETWEEN_MM = 2.5
"""Points so near to the ends of a trace do not divide it."""
_LEAST = 0.2
_SEEN = 0.25


def find_strips(findings: Findings, *, px_per_mm: float) -> list[Strip]:
    """Join starts to ends along zero lines.

    A trace is as likely as its start, its end, and the zero line between them, and as nothing in
    between that would divide it. The likeliest is taken first; what overlaps it on its row is not.

    Args:
        findings: Of the locator.
        px_per_mm: Scale of the page.

    Returns:
        The likeliest first.
    """
    starts, ends = (points[points[:, 2] >= _LEAST] for points in (findings.starts, findings.ends))
    length, apart = (ends[None, :, axis] - starts[:, None, axis] for axis in (0, 1))
    possible = length >= _SHORTEST_MM * px_per_mm
    possible &= np.abs(apart) <= _APART_MM * px_per_mm + _SLOPE * length
    possible &= np.sqrt(starts[:, None, 2] * ends[None, :, 2]) >= _SEEN
    found: list[tuple[Strip, int, int]] = []
    for first, last in np.argwhere(possible).tolist():
        start, end = starts[first], ends[last]
        whole = _undivided(start, end, (starts, ends), px_per_mm=px_per_mm)
        if whole * float((start[2] * end[2]) ** 0.5) < _SEEN:
            continue  # its zero line costs more to follow
        strip = joined(start, end, findings)
        if strip.likelihood * whole >= _SEEN:
            found.append((replace(strip, likelihood=strip.likelihood * whole), first, last))
    found.sort(key=lambda each: -each[0].likelihood)
    kept: list[Strip] = []
    begun, ended = set[int](), set[int]()
    for strip, first, last in found:
        if first in begun or last in ended:
            continue
        if not any(_collide(strip, other, px_per_mm=px_per_mm) for other in kept):
            kept.append(strip)
            begun.add(first)
            ended.add(last)
    return kept


def joined(start: DoubleArray, end: DoubleArray, findings: Findings) -> Strip:
    """Return the trace from one point to another, along the zero line that was seen near both.

    Args:
        start: ``(3,)`` x, y and likelihood.
        end: The same.
        findings: Of the locator.
    """
    cell = findings.cell_px
    count = max(int((end[0] - start[0]) / cell), 2)
    x = np.linspace(start[0], end[0], count + 1)
    y = np.linspace(start[1], end[1], count + 1)
    column = np.clip(np.rint((x + 0.5) / cell - 0.5).astype(int), 0, findings.row.shape[1] - 1)
    row = np.clip(np.rint((y + 0.5) / cell - 0.5).astype(int), 1, findings.row.shape[0] - 2)
    around = np.stack([findings.row[row + step, column] for step in (-1, 0, 1)])
    best = np.argmax(around, axis=0) + row - 1
    seen = around.max(axis=0)
    weight = seen + 1e-6
    zero = (best + findings.row_y[best, column] + 0.5) * cell - 0.5
    line = _line(x, zero, weight)
    return Strip(
        left_px=float(start[0]),
        left_zero_px=float(line[0] + line[1] * start[0]),
        right_px=float(end[0]),
        right_zero_px=float(line[0] + line[1] * end[0]),
        above_px=float(np.average(findings.above_px[best, column], weights=weight)),
        below_px=float(np.average(findings.below_px[best, column], weights=weight)),
        likelihood=float((start[2] * end[2]) ** 0.5 * min(1.0, 1.25 * float(seen.mean()))),
    )


def _line(x: DoubleArray, y: DoubleArray, weight: DoubleArray) -> tuple[float, float]:
    """Fit a straight line whose outliers do not count: intercept and slope."""
    weights = weight.astype(np.float64)
    middle = float(x.mean())
    slope, height = 0.0, _median(y)
    for _ in range(3):
        total = weights.sum()
        mean_x, mean_y = (weights @ x) / total, (weights @ y) / total
        spread = weights @ (x - mean_x) ** 2
        slope = float(weights @ ((x - mean_x) * (y - mean_y)) / max(spread, 1e-9))
        height = float(mean_y + slope * (middle - mean_x))
        off = np.abs(y - height - slope * (x - middle))
        weights = weight / (1 + (off / max(_median(off), 0.5)) ** 2)
    return height - slope * middle, slope


def _median(values: DoubleArray) -> float:
    """Return the median of a few numbers in a tenth of NumPy's time."""
    ordered = np.sort(values)
    return float(ordered[(ordered.size - 1) // 2] + ordered[ordered.size // 2]) / 2


def _undivided(
    start: DoubleArray,
    end: DoubleArray,
    points: Sequence[DoubleArray],
    *,
    px_per_mm: float,
) -> float:
    """Return how likely no other trace starts or ends between two points of one row."""
    whole = 1.0
    for kind in points:
        along = (kind[:, 0] - start[0]) / (end[0] - start[0])
        y = start[1] + along * (end[1] - start[1])
        inside = (
            (kind[:, 0] > start[0] + _BETWEEN_MM * px_per_mm)
            & (kind[:, 0] < end[0] - _BETWEEN_MM * px_per_mm)
            & (np.abs(kind[:, 1] - y) < _APART_MM * px_per_mm)
        )
        whole *= float(np.prod(1 - kind[inside, 2]))
    return whole


def _collide(one: Strip, other: Strip, *, px_per_mm: float) -> bool:
    """Whether two traces claim the same piece of one row."""
    shared = min(one.right_px, other.right_px) - max(one.left_px, other.left_px)
    if shared < 3 * px_per_mm:
        return False
    middle = (max(one.left_px, other.left_px) + min(one.right_px, other.right_px)) / 2
    return abs(_zero(one, middle) - _zero(other, middle)) < 2.0 * px_per_mm


def _zero(strip: Strip, x_px: float) -> float:
    share = (x_px - strip.left_px) / (strip.right_px - strip.left_px)
    return strip.left_zero_px + share * (strip.right_zero_px - strip.left_zero_px)


def rows_of_strips(strips: Sequence[Strip], *, px_per_mm: float) -> list[list[Strip]]:
    """Sort traces into rows, from the top down, and each row from left to right.

    Traces whose zero lines meet, prolonged, are of one row.

    Args:
        strips: Of one page.
        px_per_mm: Scale of the page.
    """
    rows: list[list[Strip]] = []
    for strip in sorted(strips, key=lambda each: each.left_zero_px + each.right_zero_px):
        for row in rows:
            near = min(row, key=lambda other: abs(other.left_px - strip.left_px))
            shared = min(near.right_px, strip.right_px) - max(near.left_px, strip.left_px)
            if shared < 3 * px_per_mm and _apart(near, strip) < _APART_MM * px_per_mm:
                row.append(strip)
                break
        else:
            rows.append([strip])
    return [sorted(row, key=lambda each: each.left_px) for row in rows]


def _apart(one: Strip, other: Strip) -> float:
    """Return how far apart two traces are where the one on the left ends; paper may bend there."""
    left, right = sorted((one, other), key=lambda strip: strip.left_px)
    gap = right.left_px - left.right_px
    slopes = [(s.right_zero_px - s.left_zero_px) / (s.right_px - s.left_px) for s in (left, right)]
    return abs(right.left_zero_px - left.right_zero_px - gap * sum(slopes) / 2)
