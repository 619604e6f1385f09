"""What pictures are drawn with: type, lines that keep their gaps, and millimetre paper.

Every picture is ``(row, column, 3)`` RGB uint8. Positions are ``(x, y)`` in its pixels. Type is
the variable sans that OpenCV 5 carries, so a picture looks the same on every machine.
"""

from __future__ import annotations

import functools
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from ecgbatch.types import EXTRA_LEADS, LEADS, ByteArray

Colour: TypeAlias = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
INK: Colour = (31, 41, 55)
QUIET: Colour = (107, 114, 128)
RULE: Colour = (214, 218, 225)
BACKGROUND: Colour = (246, 247, 249)
GOOD: Colour = (21, 128, 61)
REVIEW: Colour = (180, 83, 9)
POOR: Colour = (185, 28, 28)

REGULAR, BOLD = 400, 700  # weights of the variable font

# Hues that stay apart on white and on pink paper; neighbours on a page differ most.
_HUES: tuple[Colour, ...] = (
    (29, 78, 216),
    (15, 118, 110),
    (162, 28, 175),
    (194, 65, 12),
    (77, 124, 15),
    (3, 105, 161),
    (126, 34, 206),
    (4, 120, 87),
    (190, 18, 60),
    (67, 56, 202),
    (161, 98, 7),
    (14, 116, 144),
)
_SHIFT = 4  # OpenCV takes points in sixteenths of a pixel
_WIDEST_PX = 16_000  # beyond any canvas; keeps fixed-point coordinates far from overflow


def lead_colour(lead: str) -> Colour:
    """Return the colour of a lead, the same on the page and beside it."""
    names = (*LEADS, *EXTRA_LEADS)
    return _HUES[names.index(lead) % len(_HUES)] if lead in names else INK


def blank(*, width_px: int, height_px: int, colour: Colour = WHITE) -> ByteArray:
    """Return an empty picture."""
    return np.full((height_px, width_px, 3), colour, dtype=np.uint8)


@functools.cache
def _font() -> Any:
    return cv2.FontFace("sans")


def write(
    picture: ByteArray,
    text: str,
    *,
    x: float,
    y: float,
    size_px: int,
    colour: Colour = INK,
    weight: int = REGULAR,
) -> None:
    """Write one line; ``y`` is its baseline."""
    cv2.putText(picture, text, (round(x), round(y)), colour, _font(), size_px, weight)


def text_width(text: str, *, size_px: int, weight: int = REGULAR) -> int:
    """Return how wide ``write`` would draw it, in pixels."""
    left, _, width, _ = cv2.getTextSize((_WIDEST_PX, 100), text, (0, 50), _font(), size_px, weight)
    return int(left + width)


def chip(
    picture: ByteArray, text: str, *, x: int, y: int, size_px: int, fill: Colour, colour: Colour
) -> int:
    """Draw ``text`` on a rounded plate whose baseline is ``y``; return where the next may start."""
    pad = size_px // 2
    width = text_width(text, size_px=size_px, weight=BOLD) + 2 * pad
    top, bottom = y - round(1.15 * size_px), y + round(0.45 * size_px)
    rounded(picture, left=x, top=top, right=x + width, bottom=bottom, fill=fill)
    write(picture, text, x=x + pad, y=y, size_px=size_px, colour=colour, weight=BOLD)
    return x + width + pad


def rounded(
    picture: ByteArray, *, left: int, top: int, right: int, bottom: int, fill: Colour
) -> None:
    """Fill a rectangle with half-round ends."""
    radius = (bottom - top) // 2
    middle = top + radius
    cv2.rectangle(picture, (left + radius, top), (right - radius, top + 2 * radius), fill, -1)
    for x in (left + radius, right - radius):
        cv2.circle(picture, (x, middle), radius, fill, -1, cv2.LINE_AA)


def curve(
    picture: ByteArray,
    x_px: npt.NDArray[Any],
    y_px: npt.NDArray[Any],
    *,
    colour: Colour,
    thickness_px: int = 1,
) -> None:
    """Draw a line through the points, interrupted wherever one of them is NaN.

    A single value between two gaps is drawn as a dot: it was read, so it must be seen.
    """
    inside = np.isfinite(x_px) & np.isfinite(y_px)
    points = np.stack([x_px, y_px], axis=1).astype(np.float64)[inside]
    points = np.rint(np.clip(points, -_WIDEST_PX, _WIDEST_PX) * (1 << _SHIFT)).astype(np.int32)
    # A run ends where the index of the next finite point jumps.
    breaks = np.flatnonzero(np.diff(np.flatnonzero(inside)) > 1) + 1
    for run in np.split(points, breaks):
        if len(run) == 1:
            cv2.circle(
                picture, run[0].tolist(), thickness_px << _SHIFT, colour, -1, cv2.LINE_AA, _SHIFT
            )
        elif len(run):
            cv2.polylines(picture, [run], False, colour, thickness_px, cv2.LINE_AA, _SHIFT)


def millimetre_paper(picture: ByteArray, *, px_per_mm: float) -> None:
    """Print ECG paper over the whole picture: a line each millimetre, a stronger one each five."""
    height_px, width_px = picture.shape[:2]
    picture[:] = (255, 250, 249)
    for step_mm, colour in ((1, (252, 228, 226)), (5, (244, 190, 186))):
        step_px = step_mm * px_per_mm
        for x in np.arange(0, width_px, step_px):
            picture[:, int(x)] = colour
        for y in np.arange(0, height_px, step_px):
            picture[int(y), :] = colour
