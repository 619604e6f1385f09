"""Printed text of a PDF page, without OCR: words with their places, speed and gain."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pypdfium2.raw as c

from ecgbatch.imaging.decode.content import Scale
from ecgbatch.imaging.decode.pdf_page import Matrix, transform

_MAX_CHARACTERS = 20_000  # a page of an ECG has some hundred, a dense report some thousand


@dataclass(frozen=True, slots=True)
class Word:
    """Characters between two spaces.

    Attributes:
        text: As printed. It can name a patient: it is matched against what an ECG says of its
            own drawing, and goes nowhere else.
        x_pt: Middle of the word on the page as shown.
        y_pt: The same, downwards.
    """

    text: str
    x_pt: float
    y_pt: float


def read_words(page: Any, to_display: Matrix) -> list[Word]:
    """Return the words of a page in the order in which PDFium reads them.

    Args:
        page: The page's handle.
        to_display: From page points to the page as shown.
    """
    text = page.get_textpage()
    try:
        words: list[Word] = []
        letters: list[str] = []
        boxes: list[tuple[float, float, float, float]] = []
        left, right, bottom, top = (ctypes.c_double() for _ in range(4))
        count = min(c.FPDFText_CountChars(text), _MAX_CHARACTERS)
        for index in range(count):
            letter = chr(c.FPDFText_GetUnicode(text, index))
            if letter.isspace() or not letter.isprintable():
                _finish(words, letters, boxes, to_display)
                continue
            c.FPDFText_GetCharBox(text, index, left, right, bottom, top)
            letters.append(letter)
            boxes.append((left.value, bottom.value, right.value, top.value))
        _finish(words, letters, boxes, to_display)
        return words
    finally:
        text.close()


def _finish(
    words: list[Word],
    letters: list[str],
    boxes: list[tuple[float, float, float, float]],
    to_display: Matrix,
) -> None:
    if letters:
        corners = np.asarray(boxes)
        low, high = corners[:, :2].min(axis=0), corners[:, 2:].max(axis=0)
        x, y = transform((low + high)[np.newaxis] / 2, to_display)[0]
        words.append(Word("".join(letters), float(x), float(y)))
    letters.clear()
    boxes.clear()


_NUMBER = r"(?<![\d.,])(\d{1,3}(?:[.,]\d{1,3})?)"
_SPEED = re.compile(_NUMBER + r" ?mm ?/ ?(?:s|sec|seg|sek)(?![a-z])", re.IGNORECASE)
_GAIN = re.compile(_NUMBER + r" ?(mm|cm) ?/ ?mv(?![a-z])", re.IGNORECASE)
_SENSITIVITY = re.compile(_NUMBER + r" ?mv ?/ ?(mm|cm)(?![a-z])", re.IGNORECASE)

# What carts can be set to (IEC 60601-2-25 asks for 25 and 50 mm/s and 5, 10 and 20 mm/mV).
_SPEEDS_MM_PER_S = (5.0, 6.25, 10.0, 12.5, 25.0, 50.0, 100.0)
_GAINS_MM_PER_MV = (2.5, 5.0, 10.0, 20.0, 40.0)


def printed_scale(words: Sequence[Word]) -> Scale:
    """Return paper speed and gain as the page says them in words.

    Args:
        words: Of the whole page.

    Returns:
        NaN where nothing is said, where the number is none that carts offer, and where a page
        says two different things, such as another gain for the chest leads.

    Example:
        >>> scale = printed_scale([Word("25mm/sec", 0, 0), Word("10", 0, 0), Word("mm/mV", 0, 0)])
        >>> scale.speed_mm_per_s, scale.gain_mm_per_mv
        (25.0, 10.0)
    """
    text = " ".join(word.text for word in words)
    speeds = {_value(found[1]) for found in _SPEED.finditer(text)}
    gains = {_value(found[1]) * _mm(found[2]) for found in _GAIN.finditer(text)}
    gains |= {
        _mm(found[2]) / value
        for found in _SENSITIVITY.finditer(text)
        if (value := _value(found[1]))
    }
    speed = _offered(speeds, _SPEEDS_MM_PER_S)
    gain = _offered(gains, _GAINS_MM_PER_MV)
    silent = Scale()
    return Scale(
        speed_mm_per_s=silent.speed_mm_per_s if speed is None else speed,
        speed_source="" if speed is None else "printed",
        gain_mm_per_mv=silent.gain_mm_per_mv if gain is None else gain,
        gain_source="" if gain is None else "printed",
    )


def _value(digits: str) -> float:
    return float(digits.replace(",", "."))


def _mm(unit: str) -> float:
    return 10.0 if unit.lower() == "cm" else 1.0


def _offered(values: set[float], offered: Sequence[float]) -> float | None:
    if len(values) != 1:
        return None
    value = values.pop()
    return next((known for known in offered if abs(known - value) < 0.01 * known), None)
