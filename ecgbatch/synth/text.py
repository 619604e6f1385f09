"""Lettering: lines of text as ink, set in the standard fonts of PDF by PDFium."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pypdfium2

from ecgbatch.synth.pdf import PdfPage, text_operators, write_pdf
from ecgbatch.synth.pen import Coverage, pixels_of
from ecgbatch.types import FloatArray


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
def set_type(lines: tuple[tuple[str, float], ...], *, face: str) -> tuple[SetLine, ...]:
    """Set lines of text.

    Args:
        lines: Text in characters of Latin-1, and the height of a capital in pixels.
        face: A key of ``pdf.FACES``.
    """
    if not lines:
        return ()
    # One line below the other on a page whose points are pixels; one page costs a tenth of many.
    largest = max(capital_px for _, capital_px in lines)
    pitch, below = math.ceil(2.2 * largest) + 2, math.ceil(0.6 * largest) + 1
    width = math.ceil(max(1.5 * len(text) * capital_px for text, capital_px in lines)) + 8
    content = b"".join(
        text_operators(
            text,
            x_pt=4,
            y_pt=(len(lines) - 1 - number) * pitch + below,
            capital_pt=capital_px,
            face=face,
        )
        for number, (text, capital_px) in enumerate(lines)
    )
    ink = _rendered(PdfPage(width, len(lines) * pitch, content))
    bands = ink.reshape(len(lines), pitch, width)
    return tuple(
        _tight(band, line=pitch - below, capital_px=capital_px)
        for band, (_, capital_px) in zip(bands, lines, strict=True)
    )


def _rendered(page: PdfPage) -> FloatArray:
    document = pypdfium2.PdfDocument(write_pdf([page]))
    try:
        grey = document[0].render(scale=1, grayscale=True).to_numpy()
        ink = 255 - np.asarray(grey, np.float32).reshape(grey.shape[:2])
        return np.asarray(ink / 255, np.float32)
    finally:
        document.close()


def _tight(band: FloatArray, *, line: int, capital_px: float) -> SetLine:
    rows, columns = np.flatnonzero(band.any(axis=1)), np.flatnonzero(band.any(axis=0))
    if not rows.size:
        return SetLine(np.zeros((0, 0), np.float32), 0, capital_px)
    share = band[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return SetLine(np.ascontiguousarray(share), line - int(rows[0]), capital_px)
