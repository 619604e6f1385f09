"""Typefaces beyond those of PDF: Pillow's own one, and font files."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ecgbatch.errors import ConfigError
from ecgbatch.synth.pdf import FACES, Shape
from ecgbatch.types import ByteArray, FloatArray

PILLOW = "humanist"
"""The face that comes with Pillow, Aileron."""

_OVER = 4
"""Letters are drawn this much larger, and shrunk."""


def face_names() -> tuple[str, ...]:
    """Return every face that needs no file."""
    return (*FACES, PILLOW)


def known_face(name: str) -> bool:
    """Return whether a face can be set: one of ``face_names``, or a font file that is there."""
    return name in face_names() or _is_file(name)


def _is_file(name: str) -> bool:
    return name.lower().endswith((".ttf", ".otf")) and Path(name).is_file()


def font_files(folder: str | Path) -> tuple[str, ...]:
    """Return the TrueType and OpenType files of a folder, as names of faces.

    Raises:
        ConfigError: There is no such folder, or no font in it.
    """
    found = sorted(path for path in Path(folder).glob("*") if _is_file(str(path)))
    if not found:
        raise ConfigError(f"fonts: {folder} has no .ttf or .otf file")
    return tuple(str(path) for path in found)


def drawn(text: str, *, capital_px: float, face: str, shape: Shape) -> tuple[FloatArray, int]:
    """Draw one line with a face that is not of PDF.

    Args:
        text: Its characters.
        capital_px: Height of a capital.
        face: ``PILLOW`` or a font file.
        shape: How the face is bent.

    Returns:
        ``(row, column)`` share of ink, and how many rows stand above the line of the letters.
    """
    large, rise = _filled(text, _OVER * capital_px, face, shape)
    height, width = large.shape
    lean = math.tan(math.radians(shape.slant_deg))
    reach = math.ceil(abs(lean) * height)
    # Rows end at the line of the letters, which must be a whole pixel of the small picture.
    rows_above, rows_below = math.ceil(rise / _OVER), math.ceil((height - rise) / _OVER)
    size = (
        math.ceil((shape.width * width + 2 * reach) / _OVER) + 1,
        rows_above + rows_below,
    )
    down = rows_above * _OVER - rise
    lean_matrix = np.array(
        [[shape.width, -lean, lean * rise + reach], [0, 1, down]], dtype=np.float64
    )
    turned = cv2.warpAffine(
        large, lean_matrix, (size[0] * _OVER, size[1] * _OVER), flags=cv2.INTER_LINEAR
    )
    share = cv2.resize(turned, size, interpolation=cv2.INTER_AREA)
    return np.asarray(share, np.float32) / np.float32(255), rows_above


def _filled(text: str, capital: float, face: str, shape: Shape) -> tuple[ByteArray, int]:
    """Draw the outlines of a font."""
    font = _font(face, round(capital))
    pen = round(shape.weight * capital / 2)
    gap = shape.spacing * capital
    rise, fall = math.ceil(1.4 * capital) + pen, math.ceil(0.6 * capital) + pen
    width = math.ceil(font.getlength(text) + gap * len(text) + capital) + 2 * pen
    canvas = Image.new("L", (max(1, width), rise + fall))
    draw = ImageDraw.Draw(canvas)
    x = pen + 0.2 * capital
    for letters in (text,) if gap == 0 else text:
        draw.text((x, rise), letters, fill=255, font=font, anchor="ls", stroke_width=pen)
        x += font.getlength(letters) + gap
    return np.asarray(canvas, np.uint8), rise


@lru_cache(maxsize=64)
def _font(face: str, capital_px: int) -> ImageFont.FreeTypeFont:
    """Return a font whose capitals have a height."""
    trial = _sized(face, 100.0)
    top = trial.getbbox("H", anchor="ls")[1]
    return _sized(face, 100.0 * capital_px / max(1.0, -top))


def _sized(face: str, size_px: float) -> ImageFont.FreeTypeFont:
    if face != PILLOW:
        return ImageFont.truetype(face, size_px)
    font = ImageFont.load_default(size_px)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise ConfigError(f"style.face: {face!r} needs a Pillow with FreeType")
    return font
