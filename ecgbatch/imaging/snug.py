"""Boxes of words drawn tight: a network says where they are, their ink says how far they reach."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ecgbatch.types import ByteArray

Box = tuple[float, float, float, float]

_INK = 96  # of 255: below half, because a thin stroke shares its pixels with the paper
_AROUND = 0.5  # of the height of a box: how far beyond it its letters are looked for
_WITHIN = 0.15  # of the height of a box: how far beyond it the middle of a letter may lie
_LETTER = (0.35, 1.7)  # of the height of a box: heights of letters, their dots aside
_LIKELY = (0.6, 1.6)  # of the height of a box: heights that a tight one may have
_GAP = 4.0  # of the height of a line: the widest space within it
_LONGEST_MM = 200.0


def snug(ink: ByteArray, box: Box) -> Box:
    """Return the box of the letters in and around a box; the box itself where there are none.

    Args:
        ink: ``(row, column)`` uint8 darkness, see ``find_ink``.
        box: Left, top, right, bottom of a word.
    """
    left, top, right, bottom = box
    height = bottom - top
    first_row, first_column = (max(round(edge - _AROUND * height), 0) for edge in (top, left))
    part = ink[first_row : round(bottom + _AROUND * height)]
    part = part[:, first_column : round(right + _AROUND * height)]
    if height < 4 or min(part.shape) < 3:
        return box
    letters = _letters(part, first_row, first_column, box)
    if not letters.size:
        return box
    tight = (
        float(letters[:, 0].min()),
        float(letters[:, 1].min()),
        float(letters[:, 2].max()),
        float(letters[:, 3].max()),
    )
    share = (tight[3] - tight[1]) / height
    return tight if _LIKELY[0] <= share <= _LIKELY[1] else box


def _letters(
    part: ByteArray, first_row: int, first_column: int, box: Box
) -> npt.NDArray[np.float64]:
    """Return ``(letter, 4)`` boxes of connected ink that may be a letter of the word."""
    left, top, right, bottom = box
    height = bottom - top
    dark = (part >= _INK).view(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(dark, connectivity=8)
    pieces = stats[1:, :4].astype(np.float64)
    pieces[:, :2] += np.array([first_column, first_row])
    pieces[:, 2:] += pieces[:, :2]
    tall = (pieces[:, 3] - pieces[:, 1]) / height
    middle = (pieces[:, :2] + pieces[:, 2:]) / 2
    near = _WITHIN * height
    inside = (middle[:, 0] > left - near) & (middle[:, 0] < right + near)
    inside &= (middle[:, 1] > top - near) & (middle[:, 1] < bottom + near)
    # what leaves the surroundings is no letter, but a trace or a line of the grid
    whole = (pieces[:, 0] > first_column) & (pieces[:, 1] > first_row)
    whole &= pieces[:, 2] < first_column + part.shape[1]
    whole &= pieces[:, 3] < first_row + part.shape[0]
    chosen = inside & whole & (tall >= _LETTER[0]) & (tall <= _LETTER[1])
    return np.asarray(pieces[chosen])


def whole_line(ink: ByteArray, box: Box, *, px_per_mm: float) -> Box:
    """Return a box that reaches from the first word of a line to the last.

    Args:
        ink: ``(row, column)`` uint8 darkness, see ``find_ink``.
        box: Of a part of the line, which may be too short.
        px_per_mm: Scale of the page.
    """
    left, top, right, bottom = snug(ink, box)
    height = bottom - top
    band = ink[max(round(top), 0) : max(round(bottom), 1)]
    if not band.size or height < 4:
        return box
    share = (band >= _INK).mean(axis=0)
    inked = np.flatnonzero((share > 0) & (share < 0.9))  # a full column is a line, not a letter
    gap, most = _GAP * height, _LONGEST_MM * px_per_mm
    begin, end = _reached(inked, left, right, gap=gap)
    if end - begin > most:
        return (left, top, right, bottom)
    return snug(ink, (begin, top, end, bottom))


def _reached(
    inked: npt.NDArray[np.intp], left: float, right: float, *, gap: float
) -> tuple[float, float]:
    """Return how far ink goes on to both sides without a gap."""
    before, after = inked[inked < left][::-1], inked[inked >= right]
    begin, end = left, right
    for column in before:
        if begin - column > gap:
            break
        begin = float(column)
    for column in after:
        if column - end > gap:
            break
        end = float(column + 1)
    return begin, end
