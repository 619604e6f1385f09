"""Lettering: words as ink, in the outlines of a printer or the strokes of a plotter."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ecgbatch.synth.pen import Coverage, pixels_of
from ecgbatch.types import FloatArray

_CAPITAL_SHARE = 0.72
"""Height of a capital of Pillow's own face (Aileron) over its size."""

_HERSHEY = {"plotter": cv2.FONT_HERSHEY_SIMPLEX, "roman": cv2.FONT_HERSHEY_COMPLEX}
_HERSHEY_CAPITAL_PX = 21  # height of a capital at scale 1, Hershey's own unit
_OVERSIZE = 4


def word(text: str, *, x_px: float, y_px: float, capital_px: float, face: str) -> Coverage:
    """Return a text as ink.

    Args:
        text: One line; the plotter's faces know ASCII only.
        x_px: Left end.
        y_px: Line on which the letters stand.
        capital_px: Height of a capital letter.
        face: ``sans``, ``plotter`` or ``roman``.

    Returns:
        Its ink; letters are placed at whole pixels.
    """
    share, rise = _glyphs(text, round(capital_px * 4) / 4, face)
    return pixels_of(share, top_px=round(y_px) - rise, left_px=round(x_px))


@lru_cache(maxsize=4096)
def _glyphs(text: str, capital_px: float, face: str) -> tuple[FloatArray, int]:
    """Return the ink of a text without borders, and its rise above the line."""
    if face == "sans":
        share, line = _outlines(text, capital_px)
    else:
        share, line = _strokes(text, capital_px, _HERSHEY[face])
    rows, columns = np.flatnonzero(share.any(axis=1)), np.flatnonzero(share.any(axis=0))
    if not rows.size:
        return np.zeros((0, 0), np.float32), 0
    tight = share[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.ascontiguousarray(tight), line - int(rows[0])


def _outlines(text: str, capital_px: float) -> tuple[FloatArray, int]:
    font = _font(capital_px / _CAPITAL_SHARE)
    left, top, right, bottom = font.getbbox(text, anchor="ls")
    image = Image.new("L", (int(right - left) + 4, int(bottom - top) + 4))
    ImageDraw.Draw(image).text((2 - left, 2 - top), text, fill=255, font=font, anchor="ls")
    return np.asarray(image, np.float32) / 255, int(2 - top)


@lru_cache(maxsize=64)
def _font(size_px: float) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size_px)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("Pillow was built without FreeType, which draws the lettering")
    return font


def _strokes(text: str, capital_px: float, face: int) -> tuple[FloatArray, int]:
    scale = capital_px * _OVERSIZE / _HERSHEY_CAPITAL_PX
    pen = max(1, round(capital_px * _OVERSIZE * 0.09))
    (width, height), below = cv2.getTextSize(text, face, scale, pen)
    border = 2 * _OVERSIZE
    columns = -(-(width + 2 * border) // _OVERSIZE)
    line = -(-(height + border) // _OVERSIZE)
    rows = line - (-(below + border) // _OVERSIZE)
    image = np.zeros((rows * _OVERSIZE, columns * _OVERSIZE), np.uint8)
    cv2.putText(image, text, (border, line * _OVERSIZE), face, scale, 255, pen, cv2.LINE_AA)
    small = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / 255, line
