"""Connected marks of ink on a page, sorted by shape: lines, glyphs, ticks and dashes.

Shapes are measured on a page reduced to about 5 px/mm by keeping the darkest of neighbouring
pixels, so that no thin line breaks.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ecgbatch.imaging.masks import BoolArray, long_runs, rare_long_runs, runs
from ecgbatch.types import ByteArray

IntArray = npt.NDArray[np.intp]

INK_LEVEL = 96  # of 255: below half, because a thin line shares its pixels with the paper
_FAINT_LEVELS = (48, 64, 80)  # where the paper is clean, the steep parts of thin lines are kept
_CLEAN = 1.35  # ink by a lower level, over ink by the usual one; grey edges alone add a quarter

_COARSE_PX_PER_MM = 5.0  # a 0.2 mm line is one pixel, and the page a quarter of the work
_RULE_MM = 30.0  # no deflection is this high and this straight
_BESIDE_PX = 2
_BESIDE_INK = 0.25  # share of a ruled line's length that traces and names may touch
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
class Pieces:
    """Connected pieces of a mask; index 0 of every array over pieces is the rest of the page.

    Attributes:
        shape: ``(rows, columns)`` of the mask.
        pixels: ``(pixel,)`` where the mask is True, in its ``ravel()``.
        labels: ``(pixel,)`` which piece each of them belongs to.
        left: ``(piece,)`` first column.
        top: ``(piece,)`` first row.
        right: ``(piece,)`` one past the last column.
        bottom: ``(piece,)`` one past the last row.
        area: ``(piece,)`` pixels.
    """

    shape: tuple[int, ...]
    pixels: IntArray
    labels: IntArray
    left: IntArray
    top: IntArray
    right: IntArray
    bottom: IntArray
    area: IntArray

    def of(self, chosen: BoolArray) -> BoolArray:
        """Return the pixels of the chosen ``(piece,)`` as a ``(row, column)`` mask."""
        mask = np.zeros(self.shape, np.bool_)
        mask.ravel()[self.pixels[chosen[self.labels]]] = True
        return mask

    def count(self, mask: BoolArray) -> IntArray:
        """Count, per piece, the pixels at which ``mask`` (row, column) is True."""
        inside = mask.ravel()[self.pixels]
        return np.bincount(self.labels[inside], minlength=self.area.size)

    def edges(self, piece: int) -> tuple[IntArray, IntArray]:
        """Return the first and the last row of a piece, for each of its columns."""
        row, column = np.divmod(self.pixels[self.labels == piece], self.shape[1])
        column -= self.left[piece]
        width = self.right[piece] - self.left[piece]
        first, last = np.full(width, self.shape[0], np.intp), np.zeros(width, np.intp)
        np.minimum.at(first, column, row)
        np.maximum.at(last, column, row)
        return first, last


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """Marks on the reduced page; index 0 of every array over marks is the paper.

    Attributes:
        px_per_mm: Scale of the reduced page.
        factor: Pixels of the full page per pixel of the reduced one.
        black: ``(row, column)`` bool, the ink without rules and flats.
        rules: ``(row, column)`` bool, straight vertical lines that cross more than one row.
        flats: ``(row, column)`` bool, straight horizontal lines.
        pieces: Where the marks are; a mark is a piece of ``black``.
        is_line: ``(mark,)`` long enough to be a piece of a trace.
        is_glyph: ``(mark,)`` shaped like a letter or a word.
        is_tick: ``(mark,)`` a short straight vertical.
        is_dash: ``(mark,)`` a short flat piece.
    """

    px_per_mm: float
    factor: int
    black: BoolArray
    rules: BoolArray
    flats: BoolArray
    pieces: Pieces
    is_line: BoolArray
    is_glyph: BoolArray
    is_tick: BoolArray
    is_dash: BoolArray

    @property
    def left(self) -> IntArray:
        """``(mark,)`` first column."""
        return self.pieces.left

    @property
    def top(self) -> IntArray:
        """``(mark,)`` first row."""
        return self.pieces.top

    @property
    def right(self) -> IntArray:
        """``(mark,)`` one past the last column."""
        return self.pieces.right

    @property
    def bottom(self) -> IntArray:
        """``(mark,)`` one past the last row."""
        return self.pieces.bottom

    def of(self, chosen: BoolArray) -> BoolArray:
        """Return the pixels of the chosen marks as a ``(row, column)`` mask."""
        return self.pieces.of(chosen)


@dataclass(frozen=True, slots=True)
class Upright:
    """A straight vertical no wider than a pen, on the reduced page; ends are half open."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def centre(self) -> float:
        """Its middle column."""
        return (self.left + self.right - 1) / 2


def find_marks(ink: ByteArray, *, px_per_mm: float) -> Marks:
    """Find and sort connected ink.

    Args:
        ink: ``(row, column)`` uint8 darkness, see ``find_ink``.
        px_per_mm: Scale of the page.
    """
    factor = reduction(px_per_mm)
    scale = px_per_mm / factor
    reduced = darkest(ink, factor=factor)
    dark = reduced >= _threshold(reduced)
    rules = _alone(rare_long_runs(dark, length_px=round(_RULE_MM * scale), axis=0), dark)
    flats = rare_long_runs(dark, length_px=round(_FLAT_MM * scale), axis=1)
    black = dark & ~(rules | flats)
    pieces = connected(black)
    columns = pieces.right - pieces.left
    width, height = columns / scale, (pieces.bottom - pieces.top) / scale
    crossings = crossings_of(black, pieces) / columns

    real = pieces.area >= _SPECK_MM2 * scale**2
    is_dash = real & (height < _DASH_MM)
    is_tick = real & (width <= _TICK_WIDTH_MM) & _within(height, _TICK_HEIGHT_MM)
    is_tick &= height >= 2 * width
    letter = width <= _GLYPH_WIDTH_MM
    word = (width <= _WORD_WIDTH_MM) & (crossings >= _WORD_CROSSINGS)
    is_glyph = real & ~is_dash & _within(height, _GLYPH_HEIGHT_MM) & (letter | word)
    long_or_high = (width > _GLYPH_WIDTH_MM) | (height > width)
    return Marks(
        px_per_mm=scale,
        factor=factor,
        black=black,
        rules=rules,
        flats=flats,
        pieces=pieces,
        is_line=real & ~is_dash & ~is_glyph & ~is_tick & long_or_high,
        is_glyph=is_glyph,
        is_tick=is_tick,
        is_dash=is_dash,
    )


def find_uprights(marks: Marks) -> list[Upright]:
    """Find straight verticals of any mark, from left to right."""
    scale = marks.px_per_mm
    straight = long_runs(marks.black, length_px=round(_UPRIGHT_MM * scale), axis=0)
    pieces = connected(straight)
    narrow = np.flatnonzero((pieces.area > 0) & (pieces.right - pieces.left <= _PEN_MM * scale))
    narrow = narrow[np.argsort(pieces.left[narrow], kind="stable")]
    sides = (pieces.left, pieces.top, pieces.right, pieces.bottom)
    return [Upright(*ends) for ends in zip(*(side[narrow].tolist() for side in sides), strict=True)]


def reduction(px_per_mm: float) -> int:
    """Return by how much a page is reduced before shapes are measured."""
    return max(1, round(px_per_mm / _COARSE_PX_PER_MM))


def darkest(ink: ByteArray, *, factor: int) -> ByteArray:
    """Reduce by keeping the darkest of ``factor x factor`` pixels; a ragged border is cut off."""
    rows, columns = (size // factor * factor for size in ink.shape)
    ink = ink[:rows, :columns]
    tall = ink[::factor]
    for k in range(1, factor):
        tall = cv2.max(tall, ink[k::factor])
    # Columns as channels: taking those apart is six times as fast as strides.
    beside = cv2.split(np.ascontiguousarray(tall).reshape(len(tall), -1, factor))
    wide = beside[0]
    for channel in beside[1:]:
        wide = cv2.max(wide, channel)
    return np.asarray(wide)


def enlarged(mask: BoolArray, *, factor: int, shape: tuple[int, ...]) -> BoolArray:
    """Undo a reduction: every pixel becomes ``factor x factor``, the ragged border is False."""
    wide = _widened(mask, factor=factor)
    rows, columns = factor * len(wide), wide.shape[1]
    large = np.zeros(shape, np.uint8)
    for k in range(factor):
        large[k:rows:factor, :columns] = wide
    return large.view(np.bool_)


def kept_where(mask: BoolArray, ink: ByteArray, *, factor: int) -> ByteArray:
    """Return the ink of a full page where a reduced mask is True; the ragged border is empty."""
    wide = _widened(mask, factor=factor)
    rows, columns = factor * len(wide), wide.shape[1]
    kept = np.zeros_like(ink)
    for k in range(factor):
        np.multiply(ink[k:rows:factor, :columns], wide, out=kept[k:rows:factor, :columns])
    return kept


def _widened(mask: BoolArray, *, factor: int) -> ByteArray:
    """Repeat every pixel ``factor`` times along its row."""
    # Channels become columns: a tenth of the time of repeating them.
    return np.asarray(cv2.merge([mask.view(np.uint8)] * factor)).reshape(len(mask), -1)


def connected(mask: BoolArray) -> Pieces:
    """Find the connected pieces of a mask, corners included."""
    # OpenCV's own boxes take four times as long as the labels: they visit the paper too.
    count, image = cv2.connectedComponents(mask.view(np.uint8), connectivity=8)
    pixels = np.flatnonzero(mask)
    labels = image.ravel()[pixels].astype(np.intp)
    row, column = np.divmod(pixels, mask.shape[1])
    top, left = (np.full(count, size, np.intp) for size in mask.shape)
    bottom, right = np.zeros((2, count), np.intp)
    for first, last, place in ((top, bottom, row), (left, right, column)):
        np.minimum.at(first, labels, place)
        np.maximum.at(last, labels, place + 1)
    top[0], left[0] = 0, 0
    bottom[0], right[0] = mask.shape
    area = np.bincount(labels, minlength=count)
    return Pieces(mask.shape, pixels, labels, left, top, right, bottom, area)


def _threshold(reduced: ByteArray) -> int:
    """Choose the lowest level that paper and what is left of a grid stay below."""
    usual = np.count_nonzero(reduced >= INK_LEVEL)
    for level in _FAINT_LEVELS:
        if np.count_nonzero(reduced >= level) <= _CLEAN * usual:
            return level
    return INK_LEVEL


def _alone(rules: BoolArray, dark: BoolArray) -> BoolArray:
    """Keep the verticals with paper on both sides; complexes of overlapping rows have ink there."""
    kept = rules.copy()
    for first, end in runs(np.asarray(rules.any(axis=0))):
        pieces = connected(np.ascontiguousarray(rules[:, first:end]))
        beside = np.zeros(pieces.area.size, np.bool_)
        for piece in range(1, beside.size):
            rows = slice(pieces.top[piece], pieces.bottom[piece])
            left, right = first + pieces.left[piece], first + pieces.right[piece]
            for side in (left - _BESIDE_PX, right - 1 + _BESIDE_PX):
                if 0 <= side < dark.shape[1] and dark[rows, side].mean() > _BESIDE_INK:
                    beside[piece] = True
        kept[:, first:end] &= ~pieces.of(beside)
    return kept


def crossings_of(black: BoolArray, pieces: Pieces) -> IntArray:
    """Count, per mark, the vertical runs of ink."""
    width = black.shape[1]
    above = black.ravel()[np.maximum(pieces.pixels - width, 0)] & (pieces.pixels >= width)
    return np.bincount(pieces.labels[~above], minlength=pieces.area.size)


def _within(value: npt.NDArray[np.float64], limits: tuple[float, float]) -> BoolArray:
    return (value >= limits[0]) & (value <= limits[1])
