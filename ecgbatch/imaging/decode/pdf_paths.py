"""The stroked lines of a PDF page as points on the page as shown."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import pypdfium2.raw as c

from ecgbatch.imaging.decode.pdf_page import Matrix, PageObject, multiply, transform
from ecgbatch.types import DoubleArray

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
    strokes: list[Stroke] = []
    curves = odd_clips = 0
    for item in lines:
        found = list(_strokes(item, to_display))
        curves += not found
        long = any(len(stroke.points) > 2 for stroke in found)
        clip = _clip(item.handle, item.to_page, to_display) if long else _UNBOUNDED
        odd_clips += clip is None
        strokes += [replace(stroke, clip=clip or _UNBOUNDED) for stroke in found]
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


def _strokes(item: PageObject, to_display: Matrix) -> Iterator[Stroke]:
    """Yield the continuous lines of one path object; nothing where it is curved."""
    handle = item.handle
    count = c.FPDFPath_CountSegments(handle)
    if count < 2:
        return
    points = np.empty((count, 2), dtype=np.float32)
    kinds = np.empty(count, dtype=np.int8)
    address = _address(handle)
    at = points.ctypes.data
    for index in range(count):
        segment = _segment(address, index)
        _point(segment, at, at + 4)
        kinds[index] = _kind(segment)
        at += 8
    if np.any(kinds == c.FPDF_SEGMENT_BEZIERTO):
        return
    shown = transform(points.astype(np.float64), multiply(item.to_page, to_display))
    style = _style(handle)
    starts = np.flatnonzero(kinds == c.FPDF_SEGMENT_MOVETO)
    filled = not _is_stroked(handle)
    for part in np.split(shown, starts[starts > 0]):
        line = _as_line(part) if filled else part
        if line is not None and len(line) >= 2:
            yield Stroke(line, style)


def _is_stroked(handle: Any) -> bool:
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    c.FPDFPath_GetDrawMode(handle, fill, stroke)
    return bool(stroke.value)


def _as_line(corners: DoubleArray) -> DoubleArray | None:
    """Return a thin filled rectangle as the line in its middle; None for other shapes."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    thin = int(np.argmin(high - low))
    if len(corners) not in {4, 5} or high[thin] - low[thin] > _THIN_PT:
        return None
    low[thin] = high[thin] = (low[thin] + high[thin]) / 2
    return np.stack([low, high])


def _style(handle: Any) -> tuple[int, int, int, float]:
    red, green, blue, opacity = (ctypes.c_uint() for _ in range(4))
    width = ctypes.c_float()
    c.FPDFPageObj_GetStrokeColor(handle, red, green, blue, opacity)
    c.FPDFPageObj_GetStrokeWidth(handle, width)
    return red.value, green.value, blue.value, round(width.value, 3)


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
    for stroke in strokes:
        if pieces and (
            pieces[-1].style != stroke.style
            or np.abs(pieces[-1].points[-1] - stroke.points[0]).max() > _TOUCH_PT
        ):
            joined.append(_as_one(pieces))
            pieces = []
        pieces.append(stroke)
    if pieces:
        joined.append(_as_one(pieces))
    return joined


def _as_one(pieces: list[Stroke]) -> Stroke:
    if len(pieces) == 1:
        return pieces[0]
    points = [pieces[0].points, *(piece.points[1:] for piece in pieces[1:])]
    return replace(pieces[0], points=np.concatenate(points))
