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
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ecgbatch.types import ByteArray, DoubleArray, FloatArray

IndexArray: TypeAlias = npt.NDArray[np.intp]

_LINES_PER_PX = 8
"""Vertical lines per pixel. The centre of a drawn line is within 0.01 px of the truth at 8."""


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """The share of each pixel that ink covers; pixels without ink are left out.

    Attributes:
        row: ``(pixel,)`` rows of the page; may lie beyond it.
        column: ``(pixel,)`` columns of the page; may lie beyond it.
        share: ``(pixel,)`` float32, above 0 to 1. No pixel stands here twice.
    """

    row: IndexArray
    column: IndexArray
    share: FloatArray

    @property
    def box_px(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom around the ink, half open; zeros without ink."""
        if not self.share.size:
            return (0, 0, 0, 0)
        low, high = self.column.min(), self.column.max()
        return (int(low), int(self.row.min()), int(high) + 1, int(self.row.max()) + 1)


def stroke(x_px: DoubleArray, y_px: DoubleArray, *, width_px: float) -> Iterator[Coverage]:
    """Yield the ink of a round pen along a curve from left to right.

    Args:
        x_px: ``(point,)`` rising; pixel centres are whole numbers.
        y_px: ``(point,)`` downwards; NaN lifts the pen.
        width_px: Diameter of the pen.

    Yields:
        The ink of each unbroken piece.
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
    line = np.flatnonzero(inked)
    column, first_line = np.unique(line // per_px, return_index=True)
    if not column.size:  # a dot thinner than the distance of the lines
        return Coverage(*(np.zeros(0, np.intp),) * 2, np.zeros(0, np.float32))
    # The pixels that each column's intervals touch, one column after the other in one long row.
    begin, end = top[line] + 0.5, bottom[line] + 0.5
    begin_row, end_row = np.floor(begin).astype(np.intp), np.floor(end).astype(np.intp)
    first_row = np.minimum.reduceat(begin_row, first_line)
    height = np.maximum.reduceat(end_row, first_line) + 2 - first_row
    offset = np.cumsum(height) - height
    of_line = np.repeat(np.arange(column.size), np.diff(first_line, append=line.size))
    # Down a column, an interval's share of each pixel is the running sum of four steps, and the
    # steps of a column add up to nothing: one running sum serves all of them.
    at = (offset - first_row)[of_line]
    where = np.concatenate([at + begin_row, at + begin_row + 1, at + end_row, at + end_row + 1])
    begin_part, end_part = begin - begin_row, end - end_row
    step = np.concatenate([1 - begin_part, begin_part, end_part - 1, -end_part])
    share = np.cumsum(np.bincount(where, step / per_px)).astype(np.float32)
    of_pixel = np.repeat(np.arange(column.size), height)
    row = np.arange(height.sum()) - (offset - first_row)[of_pixel]
    return _sparse(row, column[of_pixel] + left, share)


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
    size, pad = len(highest), math.ceil(radius) + 1
    # Seen upside down, the lower edge is an upper edge: both grow in one go.
    edges = np.pad(np.stack([highest, -lowest]), ((0, 0), (pad, pad)), constant_values=np.inf)

    def moved(shift: float) -> DoubleArray:
        whole = math.floor(shift)
        near = edges[:, pad + whole : pad + whole + size]
        if (part := shift - whole) == 0:  # infinity times nothing is not a number
            return near
        return (1 - part) * near + part * edges[:, pad + whole + 1 : pad + whole + 1 + size]

    grown = moved(0) - radius * line_px
    for shift in _shifts(radius):
        nearer = np.minimum(moved(shift), moved(-shift))
        nearer -= math.sqrt(max(radius**2 - shift**2, 0)) * line_px
        np.minimum(grown, nearer, out=grown)
    return grown[0], -grown[1]


def _shifts(radius: float) -> list[float]:
    """Return how far from the middle of the disc to look: on every line, and closer at the rim.

    The rim decides how wide a steep stroke is; looked at in steps of a line, a pen of one pixel
    would lose 5 % of a slope of three.
    """
    return [*range(1, math.floor(radius) + 1), *(radius * np.array([0.82, 0.92, 0.97, 1])).tolist()]


def rectangle(left: float, top: float, right: float, bottom: float) -> Coverage:
    """Return the ink of an upright rectangle given by its edges in pixels."""
    return _boxes(np.array([[left, top, right, bottom]]))


def angular(points_px: DoubleArray, *, width_px: float) -> Coverage:
    """Return the ink of a path of upright and level lines, such as a calibration pulse.

    Args:
        points_px: ``(point, 2)``; neighbours share a row or a column.
        width_px: Width of the line.
    """
    half = width_px / 2
    begin, end = points_px[:-1], points_px[1:]
    return _boxes(np.hstack([np.minimum(begin, end) - half, np.maximum(begin, end) + half]))


def pixels_of(share: FloatArray, *, top_px: int, left_px: int) -> Coverage:
    """Return the ink of a small picture ``(row, column)`` of shares, placed on the page."""
    row, column = np.nonzero(share)
    return Coverage(row + top_px, column + left_px, share[row, column])


def grain(width_px: int, px_per_mm: float, depth: float, rng: np.random.Generator) -> FloatArray:
    """Draw how well a pen inks along the page: ``(column,)`` from 1 down to 1 - depth.

    A depth of 0 draws nothing, and gives no columns.
    """
    if depth == 0:
        return np.zeros(0, np.float32)
    # Heat and pressure of a print head change over some tenths of a millimetre, and over 20 mm.
    fine, coarse = (
        _ramps(np.arange(width_px) / (step_mm * px_per_mm), rng) for step_mm in (0.3, 20.0)
    )
    return (1 - depth * fine * (0.4 + 0.6 * coarse)).astype(np.float32)


def _ramps(place: DoubleArray, rng: np.random.Generator) -> DoubleArray:
    """Return a line through random values at whole places."""
    knots = np.arange(math.ceil(place[-1]) + 1)
    return np.interp(place, knots, rng.uniform(0, 1, len(knots)))


def uneven(ink: Coverage, grain_of_column: FloatArray) -> Coverage:
    """Return ink as a pen with a grain leaves it."""
    column = np.clip(ink.column, 0, len(grain_of_column) - 1)
    return Coverage(ink.row, ink.column, ink.share * grain_of_column[column])


def span(first: int, stop: int, begin: float, end: float) -> DoubleArray:
    """Return the share of each pixel ``first ... stop - 1`` between two places on an axis."""
    edge = np.arange(first, stop) - 0.5
    share: DoubleArray = np.clip(np.minimum(edge + 1, end) - np.maximum(edge, begin), 0, 1)
    return share


def _boxes(boxes_px: DoubleArray) -> Coverage:
    """Return the ink of upright rectangles, ``(box, 4)``, that share pixels."""
    low = np.floor(boxes_px[:, :2].min(axis=0) + 0.5).astype(int)
    high = np.floor(boxes_px[:, 2:].max(axis=0) + 0.5).astype(int) + 1
    share = np.zeros((high[1] - low[1], high[0] - low[0]), np.float32)
    for left, top, right, bottom in boxes_px:
        down, across = span(low[1], high[1], top, bottom), span(low[0], high[0], left, right)
        np.maximum(share, np.outer(down, across), out=share, casting="same_kind")
    return pixels_of(share, top_px=int(low[1]), left_px=int(low[0]))


def _sparse(row: IndexArray, column: IndexArray, share: FloatArray) -> Coverage:
    inked = share > 1e-4  # below that is rounding
    return Coverage(row[inked], column[inked], np.minimum(share[inked], 1))


def apply(
    pixels: ByteArray, ink: Coverage, *, rgb: tuple[int, int, int], density: float = 1.0
) -> None:
    """Put ink on the page, in place; what falls beyond its edges is lost.

    Args:
        pixels: ``(row, column, 3)`` uint8, contiguous.
        ink: Where and how much.
        rgb: Colour of full ink.
        density: 0 to 1; how opaque it is.
    """
    rows, columns = pixels.shape[:2]
    row, column, share = ink.row, ink.column, ink.share
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    if not inside.all():
        row, column, share = row[inside], column[inside], share[inside]
    where = row * columns + column
    flat = pixels.reshape(-1, 3)
    part = (share * np.float32(density))[:, None]
    paper = flat.take(where, axis=0).astype(np.float32)
    flat[where] = np.rint(paper + part * (np.asarray(rgb, np.float32) - paper)).astype(np.uint8)
