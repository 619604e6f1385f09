"""The printed grid: lines or dots every millimetre and every five, with their exact width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecgbatch.synth.style import Style
from ecgbatch.types import ByteArray, DoubleArray

_STEPS = 64
"""Rows whose ink agrees to 1/64 are painted once and copied; the eye and 8 bits see no more."""


@dataclass(frozen=True, slots=True, eq=False)
class _Axis:
    minor: DoubleArray
    major: DoubleArray


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
    across = _axis(left, right, origin_px[0], px_per_mm, style)
    down = _axis(top, bottom, origin_px[1], px_per_mm, style)
    painted: dict[tuple[int, int], ByteArray] = {}
    minor_steps = np.rint(down.minor * _STEPS).astype(int).tolist()
    major_steps = np.rint(down.major * _STEPS).astype(int).tolist()
    for row, key in enumerate(zip(minor_steps, major_steps, strict=True), start=top):
        line = painted.get(key)
        if line is None:
            line = painted[key] = _row(across, key[0] / _STEPS, key[1] / _STEPS, style)
        pixels[row, left:right] = line


def _axis(first: int, stop: int, origin: float, px_per_mm: float, style: Style) -> _Axis:
    return _Axis(
        _marks(first, stop, origin, px_per_mm, style.minor_width_mm * px_per_mm),
        _marks(first, stop, origin, 5 * px_per_mm, style.major_width_mm * px_per_mm),
    )


def _marks(first: int, stop: int, origin: float, pitch: float, width: float) -> DoubleArray:
    """Return the share of each pixel under lines of a pitch and width."""
    edge = np.arange(first, stop + 1) - 0.5
    # The integral of a train of lines, whose differences are the shares: exact at any width.
    turns, place = np.divmod(edge - origin + width / 2, pitch)
    return np.diff(turns * width + np.minimum(place, width))


def _row(across: _Axis, minor: float, major: float, style: Style) -> ByteArray:
    minor_ink = _ink(style.minor_grid, across.minor, minor)
    if style.major_grid == "dot":  # a dot every millimetre of each 5-mm line
        along = 1 - (1 - across.minor * major) * (1 - across.major * minor)
        major_ink = np.clip(along, 0, 1)
    else:
        major_ink = _ink(style.major_grid, across.major, major)
    rgb = np.asarray(style.field_rgb, np.float64) * (1 - minor_ink)[:, None]
    rgb += np.outer(minor_ink, style.minor_rgb)
    rgb = rgb * (1 - major_ink)[:, None] + np.outer(major_ink, style.major_rgb)
    return np.rint(rgb).astype(np.uint8)


def _ink(kind: str, across: DoubleArray, down: float) -> DoubleArray:
    if kind == "line":
        return 1 - (1 - across) * (1 - down)
    if kind == "dot":
        return across * down
    return np.zeros_like(across)
