"""Connected marks of ink on a page, sorted by shape: lines, glyphs, ticks, rules and specks.

Shapes are measured on a page reduced to about 5 px/mm by keeping the darkest of neighbouring
pixels, so that no thin line breaks.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ecgbatch.types import ByteArray

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.intp]

INK_LEVEL = 96  # of 255: below half, because a thin line shares its pixels with the paper
_COARSE_PX_PER_MM = 5.0  # a 0.2 mm line is one pixel, and the page a quarter of the work
_RULE_MM = 30.0  # no deflection is this high and this straight
_FLAT_MM = 60.0  # frames and ruled lines; also a heart that stands still
_UPRIGHT_MM = 2.2  # of the shortest pulse in use, 1 mV at 2.5 mm/mV, with its corners off
_PEN_MM = 1.2
_SPECK_MM2 = 0.25
_GLYPH_HEIGHT_MM = (1.0, 6.0)  # printed letters; 8 to 14 point type is 2 to 5 mm high
_GLYPH_WIDTH_MM = 8.0
_WORD_WIDTH_MM = 40.0  # letters that touch
_WORD_CROSSINGS = 1.6  # strokes per column: a line has 1, lower-case letters 2 to 3
_TICK_WIDTH_MM = 1.6
_TICK_HEIGHT_MM = (1.2, 30.0)
_DASH_MM = 1.0  # flatter than a letter: a piece of a broken line


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """Marks on the reduced page; index 0 of every array is the paper.

    Attributes:
        px_per_mm: Scale of the reduced page.
        factor: Pixels of the full page per pixel of the reduced one.
        black: ``(row, column)`` bool, the ink without rules and flats.
        rules: ``(row, column)`` bool, straight vertical lines that cross more than one row.
        flats: ``(row, column)`` bool, straight horizontal lines.
        labels: ``(row, column)`` int32, which mark a pixel belongs to.
        left: First column of each mark.
        top: First row.
        right: One past the last column.
        bottom: One past the last row.
        is_line: Long enough to be a piece of a trace.
        is_glyph: Shaped like a letter or a word.
        is_tick: A short straight vertical.
        is_dash: A short flat piece.
    """

    px_per_mm: float
    factor: int
    black: BoolArray
    rules: BoolArray
    flats: BoolArray
    labels: npt.NDArray[np.int32]
    left: IntArray
    top: IntArray
    right: IntArray
    bottom: IntArray
    is_line: BoolArray
    is_glyph: BoolArray
    is_tick: BoolArray
    is_dash: BoolArray

    def of(self, chosen: BoolArray) -> BoolArray:
        """Return the pixels of the chosen marks as a ``(row, column)`` mask."""
        return np.asarray(chosen.take(self.labels), dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class Upright:
    """A straight vertical no wider than a pen, on the reduced page; ends are half open."""

    left: int
    top: int
    right: int
    bottom: int


def find_marks(ink: ByteArray, *, px_per_mm: float) -> Marks:
    """Find and sort connected ink.

    Args:
        ink: ``(row, column)`` uint8 darkness, see ``find_ink``.
        px_per_mm: Scale of the page.
    """
    factor = max(1, round(px_per_mm / _COARSE_PX_PER_MM))
    scale = px_per_mm / factor
    dark = _darkest(ink, factor=factor) >= INK_LEVEL
    rules = _straight(dark, rows=round(_RULE_MM * scale), columns=1)
    flats = _straight(dark, rows=1, columns=round(_FLAT_MM * scale))
    black = dark & ~(rules | flats)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        black.view(np.uint8), connectivity=8, ltype=cv2.CV_32S
    )
    left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    right, bottom = left + stats[:, cv2.CC_STAT_WIDTH], top + stats[:, cv2.CC_STAT_HEIGHT]
    area = stats[:, cv2.CC_STAT_AREA] / scale**2
    width, height = (right - left) / scale, (bottom - top) / scale
    crossings = _crossings(black, labels, count) / (right - left)

    real = area >= _SPECK_MM2
    real[0] = False
    is_dash = real & (height < _DASH_MM)
    is_tick = real & (width <= _TICK_WIDTH_MM) & _within(height, _TICK_HEIGHT_MM)
    is_tick &= height >= 2 * width
    letter = width <= _GLYPH_WIDTH_MM
    word = (width <= _WORD_WIDTH_MM) & (crossings >= _WORD_CROSSINGS)
    is_glyph = real & ~is_dash & _within(height, _GLYPH_HEIGHT_MM) & (letter | word)
    is_line = (
        real & ~is_dash & ~is_glyph & ~is_tick & ((width > _GLYPH_WIDTH_MM) | (height > width))
    )
    return Marks(
        px_per_mm=scale,
        factor=factor,
        black=black,
        rules=rules,
        flats=flats,
        labels=labels,
        left=left.astype(np.intp),
        top=top.astype(np.intp),
        right=right.astype(np.intp),
        bottom=bottom.astype(np.intp),
        is_line=is_line,
        is_glyph=is_glyph,
        is_tick=is_tick,
        is_dash=is_dash,
    )


def find_uprights(marks: Marks) -> list[Upright]:
    """Find straight verticals of any mark, from left to right."""
    scale = marks.px_per_mm
    straight = _straight(marks.black, rows=round(_UPRIGHT_MM * scale), columns=1)
    count, _, stats, _ = cv2.connectedComponentsWithStats(
        straight.view(np.uint8), connectivity=8, ltype=cv2.CV_32S
    )
    found = [
        Upright(int(x), int(y), int(x + width), int(y + height))
        for x, y, width, height, _ in stats[1:count]
        if width <= _PEN_MM * scale
    ]
    return sorted(found, key=lambda upright: upright.left)


def _darkest(ink: ByteArray, *, factor: int) -> ByteArray:
    """Reduce by keeping the darkest of ``factor x factor`` pixels; a ragged border is cut off."""
    rows, columns = (size // factor * factor for size in ink.shape)
    ink = ink[:rows, :columns]
    tall = np.maximum.reduce([ink[k::factor] for k in range(factor)])
    return np.asarray(np.maximum.reduce([tall[:, k::factor] for k in range(factor)]))


def _straight(dark: BoolArray, *, rows: int, columns: int) -> BoolArray:
    kernel = np.ones((rows, columns), np.uint8)
    return np.asarray(cv2.morphologyEx(dark.view(np.uint8), cv2.MORPH_OPEN, kernel)).view(np.bool_)


def _crossings(black: BoolArray, labels: npt.NDArray[np.int32], count: int) -> IntArray:
    """Count, per mark, the vertical runs of ink."""
    starts = black.copy()
    starts[1:] &= ~black[:-1]
    return np.bincount(labels[starts], minlength=count)


def _within(value: npt.NDArray[np.float64], limits: tuple[float, float]) -> BoolArray:
    return (value >= limits[0]) & (value <= limits[1])


def runs(flags: BoolArray) -> list[tuple[int, int]]:
    """Return start and stop of every run of True in ``(n,)``."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
