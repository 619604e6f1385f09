"""Lettering: lines of text as ink, in the standard fonts of PDF or any other face."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pypdfium2

from ecgbatch.synth import faces
from ecgbatch.synth.pdf import FACES, PLAIN, PdfPage, Shape, text_operators, write_pdf
from ecgbatch.synth.pen import Coverage, pixels_of
from ecgbatch.types import FloatArray

_DOT_SHARE = 0.4
"""From this share of ink on, a dot is printed: thin strokes must not vanish."""
_FINE = 3


@dataclass(frozen=True, slots=True, eq=False)
class SetLine:
    """One line of text, set but not yet placed.

    Attributes:
        share: ``(row, column)`` float32, without empty borders.
        rise_px: Rows of it above the line on which the letters stand.
        capital_px: Height of its capitals.
    """

    share: FloatArray
    rise_px: int
    capital_px: float

    def at(self, x_px: float, y_px: float) -> Coverage:
        """Return its ink with the left end and the line of the letters at whole pixels."""
        return pixels_of(self.share, top_px=round(y_px) - self.rise_px, left_px=round(x_px))


@lru_cache(maxsize=512)
def set_type(
    lines: tuple[tuple[str, float], ...],
    *,
    face: str,
    shape: Shape = PLAIN,
    dot_px: float | None = None,
) -> tuple[SetLine, ...]:
    """Set lines of text.

    Args:
        lines: Text in characters of Latin-1, and the height of a capital in pixels.
        face: One of ``faces.face_names()``, or a font file.
        shape: How the face is bent.
        dot_px: Side of a printer's dots, which are black or not; None prints finer than pixels.
    """
    if not lines:
        return ()
    fine = tuple((text, capital_px / (dot_px or 1)) for text, capital_px in lines)
    ready = _set_in_pdf(fine, face, shape) if face in FACES else _set_drawn(fine, face, shape)
    return ready if dot_px is None else tuple(_in_dots(line, dot_px) for line in ready)


def _set_in_pdf(
    lines: tuple[tuple[str, float], ...], face: str, shape: Shape
) -> tuple[SetLine, ...]:
    # One line below the other on a page whose points are pixels; one page costs a tenth of many.
    largest = max(capital_px for _, capital_px in lines)
    pitch, below = math.ceil(2.2 * largest) + 2, math.ceil(0.6 * largest) + 1
    letter = 1.5 * max(1.0, shape.width) + shape.spacing * max(1.0, shape.width)
    width = math.ceil(max(letter * len(text) * capital_px for text, capital_px in lines)) + 8
    content = b"".join(
        text_operators(
            text,
            x_pt=4,
            y_pt=(len(lines) - 1 - number) * pitch + below,
            capital_pt=capital_px,
            face=face,
            shape=shape,
        )
        for number, (text, capital_px) in enumerate(lines)
    )
    ink = _rendered(PdfPage(width, len(lines) * pitch, content), face)
    bands = ink.reshape(len(lines), pitch, width)
    return tuple(
        _tight(band, line=pitch - below, capital_px=capital_px)
        for band, (_, capital_px) in zip(bands, lines, strict=True)
    )


def _rendered(page: PdfPage, face: str) -> FloatArray:
    document = pypdfium2.PdfDocument(write_pdf([page], faces=(face,)))
    try:
        grey = document[0].render(scale=1, grayscale=True).to_numpy()
        ink = 255 - np.asarray(grey, np.float32).reshape(grey.shape[:2])
        return np.asarray(ink / 255, np.float32)
    finally:
        document.close()


def _set_drawn(
    lines: tuple[tuple[str, float], ...], face: str, shape: Shape
) -> tuple[SetLine, ...]:
    done = []
    for text, capital_px in lines:
        band, line = faces.drawn(text, capital_px=capital_px, face=face, shape=shape)
        done.append(_tight(band, line=line, capital_px=capital_px))
    return tuple(done)


def _in_dots(line: SetLine, dot_px: float) -> SetLine:
    """Return a line whose pixels are the dots of a printer, in pixels of the page."""
    if not line.share.size:
        return SetLine(line.share, 0, line.capital_px * dot_px)
    bits = (line.share > _DOT_SHARE).astype(np.float32)
    rows, columns = bits.shape
    # The line of the letters stays on a whole row: the picture is grown so that it ends there.
    rise = math.ceil(line.rise_px * dot_px)
    above = rise - line.rise_px * dot_px
    size = (math.ceil(columns * dot_px), math.ceil(above + rows * dot_px))
    x = ((np.arange(size[0] * _FINE) + 0.5) / _FINE) / dot_px
    y = ((np.arange(size[1] * _FINE) + 0.5) / _FINE - above) / dot_px
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    inside = ((row >= 0) & (row < rows))[:, None] & (column < columns)[None, :]
    large = bits[np.clip(row, 0, rows - 1)[:, None], np.minimum(column, columns - 1)] * inside
    share = large.reshape(size[1], _FINE, size[0], _FINE).mean(axis=(1, 3), dtype=np.float32)
    return SetLine(share, rise, line.capital_px * dot_px)


def _tight(band: FloatArray, *, line: int, capital_px: float) -> SetLine:
    rows, columns = np.flatnonzero(band.any(axis=1)), np.flatnonzero(band.any(axis=0))
    if not rows.size:
        return SetLine(np.zeros((0, 0), np.float32), 0, capital_px)
    share = band[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return SetLine(np.ascontiguousarray(share), line - int(rows[0]), capital_px)
