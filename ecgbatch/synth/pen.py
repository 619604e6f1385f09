"""Ink on pixels: strokes and rectangles with their exact share of every pixel.

A stroke along a curve that runs from left to right is the curve dilated by a disc. Because the
curve is continuous, every vertical line cuts that shape in one interval; its ends are a running
minimum and maximum, and the share of a pixel is the mean length of the intervals inside it. That
is exact up to the number of vertical lines per pixel, at a fraction of the cost of drawing large
and shrinking.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ecgbatch.types import ByteArray, DoubleArray, FloatArray

_LINES_PER_PX = 8
"""Vertical lines per pixel. The centre of a drawn line is within 0.01 px of the truth at 8."""


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """The share of each pixel that ink covers, in a window of the page.

    Attributes:
        share: ``(row, column)`` float32, 0 to 1.
        top_px: Row of the page of the window's first row; may be negative.
        left_px: Column of the page of the window's first column; may be negative.
    """

    share: FloatArray
    top_px: int
    left_px: int


def stroke(x_px: DoubleArray, y_px: DoubleArray, *, width_px: float) -> Iterator[Coverage]:
    """Yield the ink of a round pen along a curve from left to right.

    Args:
        x_px: ``(point,)`` rising; pixel centres are whole numbers.
        y_px: ``(point,)`` downwards; NaN lifts the pen.
        width_px: Diameter of the pen.

    Yields:
        One window per unbroken piece.
    """
    finite = np.isfinite(y_px)
    edges = np.flatnonzero(np.diff(finite.astype(np.int8), prepend=0, append=0))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        yield _piece(x_px[start:stop], y_px[start:stop], radius_px=width_px / 2)


def _piece(x_px: DoubleArray, y_px: DoubleArray, *, radius_px: float) -> Coverage:
    per_px = _LINES_PER_PX
    left = math.floor(x_px[0] - radius_px + 0.5)
    columns = math.floor(x_px[-1] + radius_px + 0.5) + 1 - left
    lines = left - 0.5 + (np.arange(columns * per_px) + 0.5) / per_px
    highest, lowest = _on_lines(x_px, y_px, lines)
    top, bottom = _dilate(highest, lowest, radius_px * per_px, 1 / per_px)
    inked = bottom > top
    if not inked.any():  # a dot thinner than the distance of the lines
        return Coverage(np.zeros((1, columns), np.float32), round(float(y_px[0])), left)
    first_row = math.floor(top[inked].min() + 0.5)
    rows = math.floor(bottom[inked].max() + 0.5) + 1 - first_row
    column = np.flatnonzero(inked) // per_px
    begin, end = top[inked] - first_row + 0.5, bottom[inked] - first_row + 0.5
    begin_row, end_row = np.floor(begin).astype(np.intp), np.floor(end).astype(np.intp)
    begin_part, end_part = begin - begin_row, end - end_row
    # Down a column, an interval's share of pixels is a running sum of four steps.
    where = np.concatenate([begin_row, begin_row + 1, end_row, end_row + 1]) * columns
    where += np.tile(column, 4)
    step = np.concatenate([1 - begin_part, begin_part, end_part - 1, -end_part])
    steps = np.bincount(where, step / per_px, minlength=(rows + 1) * columns)
    share = np.cumsum(
        steps[: rows * columns].reshape(rows, columns).astype(np.float32), axis=0
    )
    np.clip(share, 0, 1, out=share)
    return Coverage(share, first_row, left)


def _on_lines(
    x_px: DoubleArray, y_px: DoubleArray, lines_px: DoubleArray
) -> tuple[DoubleArray, DoubleArray]:
    """Return highest and lowest point of the curve near each line, infinite where it is not."""
    inside = (lines_px >= x_px[0]) & (lines_px <= x_px[-1])
    at = np.interp(lines_px, x_px, y_px)
    highest, lowest = np.where(inside, at, np.inf), np.where(inside, at, -np.inf)
    # The tip of a peak falls between two lines; without it every R wave would be cut a little.
    rise = np.diff(y_px, prepend=y_px[:1], append=y_px[-1:])
    tips = rise[:-1] * rise[1:] <= 0
    slot = np.rint((x_px[tips] - lines_px[0]) * _LINES_PER_PX).astype(np.intp)
    slot = np.clip(slot, 0, len(lines_px) - 1)
    np.minimum.at(highest, slot, y_px[tips])
    np.maximum.at(lowest, slot, y_px[tips])
    return highest, lowest


def _dilate(
    highest: DoubleArray, lowest: DoubleArray, radius: float, line_px: float
) -> tuple[DoubleArray, DoubleArray]:
    """Grow the curve by a disc whose radius is given in lines."""
    whole = math.floor(radius)
    part = radius - whole
    pad = whole + 1
    high = np.pad(highest, pad, constant_values=np.inf)
    low = np.pad(lowest, pad, constant_values=-np.inf)
    size = len(highest)
    top, bottom = np.full(size, np.inf), np.full(size, -np.inf)
    for shift in range(-whole, whole + 1):
        reach = math.sqrt(radius**2 - shift**2) * line_px
        window = slice(pad + shift, pad + shift + size)
        np.minimum(top, high[window] - reach, out=top)
        np.maximum(bottom, low[window] + reach, out=bottom)
    if part > 0:  # the disc's rim, between two lines: it decides how wide a steep stroke is
        for inner, outer in ((pad + whole, pad + whole + 1), (pad - whole, pad - whole - 1)):
            near, far = slice(inner, inner + size), slice(outer, outer + size)
            np.minimum(top, (1 - part) * high[near] + part * high[far], out=top)
            np.maximum(bottom, (1 - part) * low[near] + part * low[far], out=bottom)
    return top, bottom


def rectangle(left: float, top: float, right: float, bottom: float) -> Coverage:
    """Return the ink of an upright rectangle given by its edges in pixels."""
    first_row, first_column = math.floor(top + 0.5), math.floor(left + 0.5)
    down = span(first_row, math.floor(bottom + 0.5) + 1, top, bottom)
    across = span(first_column, math.floor(right + 0.5) + 1, left, right)
    return Coverage(np.outer(down, across).astype(np.float32), first_row, first_column)


def span(first: int, stop: int, begin: float, end: float) -> DoubleArray:
    """Return the share of each pixel ``first ... stop - 1`` between two places on an axis."""
    edge = np.arange(first, stop) - 0.5
    return np.clip(np.minimum(edge + 1, end) - np.maximum(edge, begin), 0, 1)


def angular(points_px: DoubleArray, *, width_px: float) -> Coverage:
    """Return the ink of a path of upright and level lines, such as a calibration pulse.

    Args:
        points_px: ``(point, 2)``; neighbours share a row or a column.
        width_px: Width of the line.
    """
    half = width_px / 2
    low = np.floor(points_px.min(axis=0) - half + 0.5).astype(int)
    high = np.floor(points_px.max(axis=0) + half + 0.5).astype(int) + 1
    share = np.zeros((high[1] - low[1], high[0] - low[0]), np.float32)
    for a, b in zip(points_px[:-1], points_px[1:], strict=True):
        begin, end = np.minimum(a, b) - half, np.maximum(a, b) + half
        down = span(low[1], high[1], begin[1], end[1])
        across = span(low[0], high[0], begin[0], end[0])
        np.maximum(share, np.outer(down, across), out=share, casting="same_kind")
    return Coverage(share, int(low[1]), int(low[0]))


def apply(
    pixels: ByteArray, ink: Coverage, *, rgb: tuple[int, int, int], density: float = 1.0
) -> None:
    """Put ink on the page, in place; what falls beyond its edges is lost.

    Args:
        pixels: ``(row, column, 3)`` uint8.
        ink: Where and how much.
        rgb: Colour of full ink.
        density: 0 to 1; how opaque it is.
    """
    rows, columns = pixels.shape[:2]
    top, left = max(ink.top_px, 0), max(ink.left_px, 0)
    bottom = min(ink.top_px + ink.share.shape[0], rows)
    right = min(ink.left_px + ink.share.shape[1], columns)
    if bottom <= top or right <= left:
        return
    share = ink.share[
        top - ink.top_px : bottom - ink.top_px, left - ink.left_px : right - ink.left_px
    ]
    row, column = np.nonzero(share > 1e-4)
    part = (share[row, column] * density)[:, None]
    where = (row + top) * columns + (column + left)
    flat = pixels.reshape(-1, 3)
    mixed = flat[where] * (1 - part) + part * np.asarray(rgb, np.float32)
    flat[where] = np.rint(mixed).astype(np.uint8)
