"""The stroked lines of a PDF page as points on the page as shown."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pypdfium2.raw as c

from ecgbatch.imaging.decode.pdf_page import Matrix, PageObject, multiply, transform
from ecgbatch.types import DoubleArray, FloatArray

Box: TypeAlias = tuple[float, float, float, float]
"""left, top, right, bottom in points of the page as shown."""

_UNBOUNDED: Box = (-math.inf, -math.inf, math.inf, math.inf)
_TOUCH_PT = 0.01  # ends this close were meant to meet; a hair line is 0.1 pt wide
_THIN_PT = 1.5  # a filled rectangle no thicker is a line that some writers draw that way


@dataclass(frozen=True, slots=True, eq=False)
class Stroke:
    """One continuous line.

    Attributes:
        points: ``(n, 2)`` x and y in points of the page as shown, y downwards.
        style: Colour and width; lines of one grid share it.
        clip: What of it is shown.
    """

    points: DoubleArray
    style: tuple[int, int, int, float]
    clip: Box = _UNBOUNDED

    @property
    def straight(self) -> bool:
        """Whether it has two ends and nothing between."""
        return len(self.points) == 2


@dataclass(frozen=True, slots=True)
class Drawing:
    """The lines of a page.

    Attributes:
        strokes: In the order of drawing; pieces that continue each other are one.
        curves: How many lines hold Bezier curves, whose points are no samples.
        odd_clips: How many lines are shown through another shape than a rectangle.
    """

    strokes: list[Stroke]
    curves: int
    odd_clips: int


def read_drawing(lines: Iterable[PageObject], to_display: Matrix) -> Drawing:
    """Read every stroked line.

    Args:
        lines: Path objects of one page.
        to_display: From page points to the page as shown.
    """
    items = [item for item in lines if c.FPDFPath_CountSegments(item.handle) > 1]
    counts = [c.FPDFPath_CountSegments(item.handle) for item in items]
    points, kinds = _segments(items, counts)
    matrices = np.array([multiply(item.to_page, to_display) for item in items]).reshape(-1, 6)
    shown = _transform_each(points, np.repeat(matrices, counts, axis=0))
    strokes: list[Stroke] = []
    curves = odd_clips = 0
    end = 0
    for item, count in zip(items, counts, strict=True):
        start, end = end, end + count
        if count > 2 and np.any(kinds[start:end] == c.FPDF_SEGMENT_BEZIERTO):
            curves += 1
            continue
        clip = _clip(item.handle, item.to_page, to_display) if count > 2 else _UNBOUNDED
        odd_clips += clip is None
        parts = _parts(shown[start:end], kinds[start:end])
        if not _is_stroked(item.handle):
            parts = [line for part in parts if (line := _as_line(part)) is not None]
        style = _style(item.handle) if parts else (0, 0, 0, 0.0)
        strokes += [Stroke(part, style, clip or _UNBOUNDED) for part in parts]
    return Drawing(_joined(strokes), curves, odd_clips)


# ctypes converts pointers to objects and lets go of the interpreter at each call; on the 60 000
# calls of a page that doubles the time. The same functions without both:
def _bare(function: Any, result: Any, *arguments: Any) -> Any:
    return ctypes.PYFUNCTYPE(result, *arguments)(_address(function))


def _address(pointer: Any) -> int:
    return ctypes.cast(pointer, ctypes.c_void_p).value or 0


_segment = _bare(c.FPDFPath_GetPathSegment, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
_point = _bare(
    c.FPDFPathSegment_GetPoint, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p
)
_kind = _bare(c.FPDFPathSegment_GetType, ctypes.c_int, ctypes.c_void_p)


def _segments(
    items: Sequence[PageObject], counts: Sequence[int]
) -> tuple[FloatArray, npt.NDArray[np.int8]]:
    """Return the points of all paths one behind the other, and what leads to each."""
    points = np.empty((sum(counts), 2), dtype=np.float32)
    kinds = np.empty(len(points), dtype=np.int8)
    at = points.ctypes.data
    done = 0
    for item, count in zip(items, counts, strict=True):
        for segment in _handles(_address(item.handle), count):
            _point(segment, at, at + 4)
            kinds[done] = _kind(segment)
            done += 1
            at += 8
    return points, kinds


def _handles(path: int, count: int) -> Sequence[int]:
    """Return the handles of a path's segments: places in one array, if first and last say so."""
    first, last = _segment(path, 0), _segment(path, count - 1)
    step = _segment(path, 1) - first
    if step > 0 and last - first == step * (count - 1):
        return range(first, last + 1, step)
    return [_segment(path, index) for index in range(count)]


def _transform_each(points: FloatArray, matrices: DoubleArray) -> DoubleArray:
    """Return each point taken through its own matrix."""
    x, y = points[:, 0], points[:, 1]
    a, b, cc, d, e, f = matrices.T
    return np.stack([a * x + cc * y + e, b * x + d * y + f], axis=1)


def _parts(points: DoubleArray, kinds: npt.NDArray[np.int8]) -> list[DoubleArray]:
    """Cut the points of a path where the pen is lifted."""
    if len(points) == 2:
        return [points]
    starts = np.flatnonzero(kinds == c.FPDF_SEGMENT_MOVETO)
    return [part for part in np.split(points, starts[starts > 0]) if len(part) >= 2]


def _is_stroked(handle: Any) -> bool:
    c.FPDFPath_GetDrawMode(handle, _fill, _stroke)
    return bool(_stroke.value)


# Filled by each call and read at once.
_fill, _stroke = ctypes.c_int(), ctypes.c_int()
_rgba = tuple(ctypes.c_uint() for _ in range(4))
_width = ctypes.c_float()


def _style(handle: Any) -> tuple[int, int, int, float]:
    c.FPDFPageObj_GetStrokeColor(handle, *_rgba)
    c.FPDFPageObj_GetStrokeWidth(handle, _width)
    return _rgba[0].value, _rgba[1].value, _rgba[2].value, round(_width.value, 3)


def _as_line(corners: DoubleArray) -> DoubleArray | None:
    """Return a thin filled rectangle as the line in its middle; None for other shapes."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    thin = int(np.argmin(high - low))
    if len(corners) not in {4, 5} or high[thin] - low[thin] > _THIN_PT:
        return None
    low[thin] = high[thin] = (low[thin] + high[thin]) / 2
    return np.stack([low, high])


def _clip(handle: Any, to_page: Matrix, to_display: Matrix) -> Box | None:
    """Return what of an object is shown; None where that is no rectangle."""
    clip = c.FPDFPageObj_GetClipPath(handle)
    count = c.FPDFClipPath_CountPaths(clip) if clip else 0
    left, top, right, bottom = _UNBOUNDED
    # The clip stands in the coordinates of what holds the object, as its own matrix is its own.
    own = c.FS_MATRIX()
    c.FPDFPageObj_GetMatrix(handle, own)
    holder = multiply(_inverse((own.a, own.b, own.c, own.d, own.e, own.f)), to_page)
    for path in range(max(count, 0)):
        corners = []
        x, y = ctypes.c_float(), ctypes.c_float()
        for index in range(c.FPDFClipPath_CountPathSegments(clip, path)):
            segment = c.FPDFClipPath_GetPathSegment(clip, path, index)
            c.FPDFPathSegment_GetPoint(segment, x, y)
            corners.append((x.value, y.value))
        if not corners:
            continue
        shown = transform(np.asarray(corners), multiply(holder, to_display))
        low, high = shown.min(axis=0), shown.max(axis=0)
        at_corner = np.all(
            np.minimum(np.abs(shown - low), np.abs(shown - high)) <= _TOUCH_PT + 1e-4 * (high - low)
        )
        if len(corners) not in {4, 5} or not at_corner:
            return None
        left, top = max(left, low[0]), max(top, low[1])
        right, bottom = min(right, high[0]), min(bottom, high[1])
    return left, top, right, bottom


def _inverse(matrix: Matrix) -> Matrix:
    a, b, cc, d, e, f = matrix
    scale = a * d - b * cc
    if scale == 0:
        return matrix
    return (
        d / scale,
        -b / scale,
        -cc / scale,
        a / scale,
        (cc * f - d * e) / scale,
        (b * e - a * f) / scale,
    )


def _joined(strokes: list[Stroke]) -> list[Stroke]:
    """Put lines together that were drawn piece by piece, each from the end of the last."""
    joined: list[Stroke] = []
    pieces: list[Stroke] = []
    end = (0.0, 0.0)
    for stroke in strokes:
        begin = (float(stroke.points[0, 0]), float(stroke.points[0, 1]))
        if pieces and (pieces[-1].style != stroke.style or math.dist(end, begin) > _TOUCH_PT):
            joined.append(_as_one(pieces))
            pieces = []
        pieces.append(stroke)
        end = (float(stroke.points[-1, 0]), float(stroke.points[-1, 1]))
    if pieces:
        joined.append(_as_one(pieces))
    return joined


def _as_one(pieces: list[Stroke]) -> Stroke:
    if len(pieces) == 1:
        return pieces[0]
    points = [pieces[0].points, *(piece.points[1:] for piece in pieces[1:])]
    return replace(pieces[0], points=np.concatenate(points))
