"""The printed grid: lines or dots every millimetre and every five, with their exact width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecgbatch.synth.style import Style
from ecgbatch.types import ByteArray, FloatArray

_STEPS = 32
"""Rows whose ink agrees to 1/32 are painted once and copied: an error of two greys at most."""


@dataclass(frozen=True, slots=True, eq=False)
class _Axis:
    """Shares of the pixels of one axis under fine and strong lines."""

    minor: FloatArray
    major: FloatArray


def paint_grid(
    pixels: ByteArray,
    *,
    box_px: tuple[int, int, int, int],
    origin_px: tuple[float, float],
    px_per_mm: float,
    style: Style,
) -> None:
    """Paint a grid into a box of the page, in place.

    Args:
        pixels: ``(row, column, 3)`` uint8.
        box_px: ``(left, top, right, bottom)``, half open.
        origin_px: A crossing of two 5-mm lines; pixel centres are whole numbers.
        px_per_mm: Pitch of the millimetres.
        style: Colours, widths and kinds of line.
    """
    left, top, right, bottom = box_px
    down = _axis(top, bottom, origin_px[1], px_per_mm, style)
    row_of = _RowPainter(_axis(left, right, origin_px[0], px_per_mm, style), style)
    minor = np.rint(down.minor * _STEPS).astype(int).tolist()
    major = np.rint(down.major * _STEPS).astype(int).tolist()
    painted: dict[tuple[int, int], ByteArray] = {}
    for row, key in enumerate(zip(minor, major, strict=True), start=top):
        if key not in painted:
            painted[key] = row_of.paint(key[0] / _STEPS, key[1] / _STEPS)
        pixels[row, left:right] = painted[key]


def _axis(first: int, stop: int, origin: float, px_per_mm: float, style: Style) -> _Axis:
    return _Axis(
        _marks(first, stop, origin, px_per_mm, style.minor_width_mm * px_per_mm),
        _marks(first, stop, origin, 5 * px_per_mm, style.major_width_mm * px_per_mm),
    )


def _marks(first: int, stop: int, origin: float, pitch: float, width: float) -> FloatArray:
    """Return the share of each pixel under lines of a pitch and width."""
    edge = np.arange(first, stop + 1) - 0.5
    # The integral of a train of lines, whose differences are the shares: exact at any width.
    turns, place = np.divmod(edge - origin + width / 2, pitch)
    return np.diff(turns * width + np.minimum(place, width)).astype(np.float32)


class _RowPainter:
    """Paints rows of one box; keeps everything flat, a colour after the other, to be quick."""

    def __init__(self, across: _Axis, style: Style) -> None:
        size = len(across.minor)
        self._style = style
        self._minor, self._major = np.repeat(across.minor, 3), np.repeat(across.major, 3)
        self._field = np.tile(np.asarray(style.field_rgb, np.float32), size)
        self._to_minor = np.tile(np.asarray(style.minor_rgb, np.float32), size) - self._field
        self._major_colour = np.tile(np.asarray(style.major_rgb, np.float32), size)

    def paint(self, minor_share: float, major_share: float) -> ByteArray:
        """Return ``(column, 3)`` a row of which lines down the page cover these shares."""
        style = self._style
        rgb = self._field + _ink(style.minor_grid, self._minor, minor_share) * self._to_minor
        if style.major_grid == "dot":  # a dot every millimetre of each 5-mm line
            ink = _union(self._minor * major_share, self._major * minor_share)
        else:
            ink = _ink(style.major_grid, self._major, major_share)
        rgb += ink * (self._major_colour - rgb)
        return np.rint(rgb).astype(np.uint8).reshape(-1, 3)


def _ink(kind: str, across: FloatArray, down: float) -> FloatArray:
    if kind == "line":
        return _union(across, np.float32(down))
    return across * np.float32(down if kind == "dot" else 0)


def _union(a: FloatArray, b: FloatArray | np.float32) -> FloatArray:
    return a + b - a * b
