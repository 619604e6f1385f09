"""The source page without its text: fresh paper, and on it only ink that is known to be a trace's.

What names a patient can stand anywhere on a page: in a head, in a margin, in handwriting across a
lead, in a stamp as pale as the grid. So nothing is looked for and taken away. The picture begins
empty, with a millimetre grid of its own, and ink of the page is put on it only

* within a pen's reach of a published curve, and only of marks that are too long or too high for a
  letter, so that a line of text that was taken for a lead stays away;
* within a pen's reach of the outline of a calibration pulse, a shape that no letter has;
* in words of a lead name's length that stand alone at a place beside the start that several leads
  have in common.

What cannot be told apart is not shown. Of a stamp across a trace, a sliver as high as the pen is
left where they cross.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from ecgbatch.imaging.colour import ink_weights
from ecgbatch.imaging.hints import Word, find_words
from ecgbatch.imaging.ink import find_ink
from ecgbatch.imaging.labels import pairings
from ecgbatch.imaging.marks import (
    INK_LEVEL,
    Marks,
    Pieces,
    connected,
    crossings_of,
    find_marks,
    find_uprights,
)
from ecgbatch.imaging.masks import BoolArray
from ecgbatch.imaging.pulse import find_pulses
from ecgbatch.imaging.rectify import rectify
from ecgbatch.imaging.reduced import reduce_page
from ecgbatch.report import canvas
from ecgbatch.report.paper import upright_warp
from ecgbatch.types import ByteArray, DoubleArray, FloatArray, Lead, Strip

_REACH_MM = 0.35  # half of the thickest pen in use; a letter of 2 mm loses its head and feet
_TRACE_WIDTH_MM = 10.0  # letters of 14 point type are 4 mm wide, and do not touch
_TRACE_HEIGHT_MM = 8.0  # a flank that a thin pen left alone; letters are up to 6 mm high
_LETTER_MM = 0.8  # lower: a piece of a broken line
_WORD_CROSSINGS = 1.6  # strokes per column, see ``marks``
_WORD_HEIGHT_MM = 15.0  # rows that run into each other are higher together
_BESIDE_TEXT_MM = 1.0  # between letters a line may have been read, too
_NAME_LETTERS = 3  # aVR, III, V3R
_NAME_SIZE_MM = (10.0, 6.0)
_NAME_GAP_MM = 1.5  # letters of one word stand closer
_NAME_ROOM_PX = 1  # of the reduced page: the grey edges of letters
_HABIT_MM = 2.0  # of places of one habit; a word may be as near to another trace by chance
_ANY = 0.5  # likelihood that a short word is a name, before its place is known
_HABIT_STRIPS = 3  # a head may have a short word beside one trace, and not beside three alike
_PULSE_ZERO_MM = 2.0  # feet of a pulse stand on the zero line of its row

_Box: TypeAlias = tuple[int, int, int, int]
"""left, top, right and bottom on the page, half open."""


def blanked(
    row: Mapping[str, Any], leads: Sequence[Lead], pixels: ByteArray
) -> tuple[ByteArray, list[Lead]]:
    """Draw what a page shows of its traces and nothing else of it, and leave text out of leads.

    A line of text that was taken for a lead is read as its letters are drawn, so samples that lie
    on marks that look like text are left out of what is drawn of a lead.

    Args:
        row: Of ``pages``, with a homography.
        leads: Its rows of ``signals``.
        pixels: ``(row, column)`` or ``(row, column, 3)`` RGB source page as decoded.

    Returns:
        ``(row, column, 3)`` uint8, upright, at the scale at which the page was measured; its grid
        is drawn at that scale, and is not the page's own. And the leads, NaN where they may be
        text.
    """
    px_per_mm = float(row["rectified_px_per_mm"])
    weights = None
    if pixels.ndim == 3:
        weights = ink_weights(reduce_page(pixels).pixels, grid_rgb=None, grid_contrast=0.0)
    grey = rectify(np.ascontiguousarray(pixels), upright_warp(row, pixels), weights=weights)
    ink = find_ink(grey, px_per_mm=px_per_mm)
    leads = _without_text(ink, page_curves(row, leads), leads, px_per_mm=px_per_mm)
    shown = known_ink(ink, leads, page_curves(row, leads), px_per_mm=px_per_mm)
    paper = canvas.blank(width_px=ink.shape[1], height_px=ink.shape[0])
    canvas.millimetre_paper(paper, px_per_mm=px_per_mm)
    share = shown[:, :, None] / np.float32(255)
    drawn = np.asarray(paper + share * (np.array(canvas.INK, np.float32) - paper), np.uint8)
    return drawn, leads


def _without_text(
    ink: ByteArray,
    curves: Sequence[tuple[Lead, FloatArray, FloatArray]],
    leads: Sequence[Lead],
    *,
    px_per_mm: float,
) -> list[Lead]:
    pieces = connected(ink >= INK_LEVEL)
    text = pieces.of(_like_text(ink, pieces, px_per_mm=px_per_mm)).view(np.uint8)
    reach, beside = (round(mm * px_per_mm) for mm in (_REACH_MM, _BESIDE_TEXT_MM))
    near = cv2.dilate(text, np.ones((2 * reach + 1, 2 * beside + 1), np.uint8)).view(np.bool_)
    left: dict[int, Lead] = {id(lead): lead for lead in leads}
    for lead, x_px, y_px in curves:
        known = np.isfinite(y_px)
        x = np.clip(np.rint(x_px), 0, ink.shape[1] - 1).astype(np.intp)
        y = np.clip(np.rint(np.where(known, y_px, 0)), 0, ink.shape[0] - 1).astype(np.intp)
        values = np.where(near[y, x], np.float32(np.nan), lead.signal_uv)
        left[id(lead)] = replace(lead, signal_uv=values.astype(np.float32))
    return list(left.values())


def _like_text(ink: ByteArray, pieces: Pieces, *, px_per_mm: float) -> BoolArray:
    """Choose letters, and words whose letters touch: these are crossed more than once."""
    height_mm = (pieces.bottom - pieces.top) / px_per_mm
    width = pieces.right - pieces.left
    crossings = crossings_of(ink >= INK_LEVEL, pieces) / width
    letter = (height_mm >= _LETTER_MM) & ~_too_large_for_letters(pieces, px_per_mm=px_per_mm)
    word = (crossings >= _WORD_CROSSINGS) & (height_mm <= _WORD_HEIGHT_MM)
    chosen = np.asarray(letter | word)
    chosen[0] = False
    return chosen


def page_curves(
    row: Mapping[str, Any], leads: Sequence[Lead]
) -> list[tuple[Lead, FloatArray, FloatArray]]:
    """Say where the published samples lie on the rectified page.

    Returns:
        Each lead with ``(sample,)`` x and y in pixels, NaN where the sample is missing; none
        where the page's speed or gain is not known, or a lead has no place on it.
    """
    if row["speed_mm_per_s"] is None or row["gain_mm_per_mv"] is None:
        return []
    px_per_ms = row["speed_mm_per_s"] * row["rectified_px_per_mm"] / 1000
    px_per_uv = row["gain_mm_per_mv"] * row["rectified_px_per_mm"] / 1000
    curves = []
    for lead in leads:
        if lead.origin_px is not None:
            left, zero = lead.origin_px
            time_ms = np.arange(lead.signal_uv.size) * (1000 / lead.fs_hz)
            curves.append((lead, left + time_ms * px_per_ms, zero - lead.signal_uv * px_per_uv))
    return curves


def known_ink(
    ink: ByteArray,
    leads: Sequence[Lead],
    curves: Sequence[tuple[Lead, FloatArray, FloatArray]],
    *,
    px_per_mm: float,
) -> ByteArray:
    """Keep the ink that is a trace's, a calibration pulse's or a lead name's; 0 elsewhere.

    Args:
        ink: ``(row, column)`` uint8 darkness of the rectified page, see ``find_ink``.
        leads: What was published of the page.
        curves: From ``page_curves``.
        px_per_mm: Scale of the page.
    """
    near = np.zeros_like(ink)
    thickness_px = max(1, round(2 * _REACH_MM * px_per_mm))
    for _, x_px, y_px in curves:
        lines = _without_dots(y_px)  # drawn wider than a line
        canvas.curve(near, x_px, lines, colour=canvas.WHITE, thickness_px=thickness_px)
    marks = find_marks(ink, px_per_mm=px_per_mm)
    outlines = np.zeros_like(ink)
    for outline in _pulses(ink, marks, leads, px_per_mm=px_per_mm):
        cv2.polylines(outlines, [outline], False, 255, thickness_px)
    pieces = connected(ink >= INK_LEVEL)
    large = _too_large_for_letters(pieces, px_per_mm=px_per_mm)
    large &= ~_like_text(ink, pieces, px_per_mm=px_per_mm)
    traces = _with_edges(pieces, large)
    names = _with_edges(pieces, _inside(pieces, _names(marks, leads)))
    known = (traces & (near > 0)) | (outlines > 0) | names
    return np.where(known, ink, 0).astype(np.uint8)


def _without_dots(y_px: FloatArray) -> FloatArray:
    """Leave out samples that stand alone between gaps."""
    known = np.pad(np.isfinite(y_px), 1)
    return np.where(known[:-2] | known[2:], y_px, np.float32(np.nan))


def _too_large_for_letters(pieces: Pieces, *, px_per_mm: float) -> BoolArray:
    wide = pieces.right - pieces.left >= _TRACE_WIDTH_MM * px_per_mm
    high = pieces.bottom - pieces.top >= _TRACE_HEIGHT_MM * px_per_mm
    return np.asarray(wide | high)


def _inside(pieces: Pieces, boxes: Sequence[_Box]) -> BoolArray:
    """Choose the pieces that lie in one of the boxes with all of their ink."""
    chosen = np.zeros(pieces.area.size, np.bool_)
    for left, top, right, bottom in boxes:
        across = (pieces.left >= left) & (pieces.right <= right)
        chosen |= across & (pieces.top >= top) & (pieces.bottom <= bottom)
    return chosen


def _with_edges(pieces: Pieces, chosen: BoolArray) -> BoolArray:
    """Return chosen pieces with the grey pixels around them; index 0 is the paper."""
    chosen[0] = False
    mask = pieces.of(chosen).view(np.uint8)
    return np.asarray(cv2.dilate(mask, np.ones((3, 3), np.uint8))).view(np.bool_)


def _pulses(
    ink: ByteArray, marks: Marks, leads: Sequence[Lead], *, px_per_mm: float
) -> list[npt.NDArray[np.int32]]:
    """Find pulses on the zero lines of leads, each as the ``(6, 2)`` corners of its line."""
    zeros = np.array([lead.origin_px[1] for lead in leads if lead.origin_px is not None])
    outlines = []
    for pulse in find_pulses(ink, marks, find_uprights(marks), px_per_mm=px_per_mm):
        away = np.abs(zeros - pulse.baseline_px).min(initial=np.inf)
        if away > _PULSE_ZERO_MM * px_per_mm or len(pulse.heights_mm) > 1:
            continue
        left, right, top, foot = (
            round(side) for side in (pulse.left_px, pulse.right_px, pulse.top_px, pulse.baseline_px)
        )
        width = min(round(pulse.width_mm * px_per_mm), right - left - 1)
        upright = ink[top:foot, left:right].sum(axis=0, dtype=np.float64)
        rise = left + int((upright[: upright.size - width] + upright[width:]).argmax())
        corners = [(left, foot), (rise, foot), (rise, top), (rise + width, top)]
        outlines.append(np.array([*corners, (rise + width, foot), (right, foot)], np.int32))
    return outlines


def _names(marks: Marks, leads: Sequence[Lead]) -> list[_Box]:
    """Find short words at a place beside the start that at least three leads have in common."""
    factor, scale = marks.factor, marks.px_per_mm
    starts = [lead.origin_px for lead in leads if lead.origin_px is not None]
    strips = [Strip(x, y, x, y, 0.0, 0.0, 1.0) for x, y in starts]
    among = np.ones(marks.left.size, np.bool_)
    words = [
        word
        for word in find_words(marks, among, pen_px=1.0)
        if word.letters <= _NAME_LETTERS
        and word.right - word.left <= _NAME_SIZE_MM[0] * scale
        and word.bottom - word.top <= _NAME_SIZE_MM[1] * scale
        and _stands_alone(marks, word)
    ]
    boxes: DoubleArray = np.array(
        [(word.left, word.top, word.right, word.bottom, 1.0) for word in words], np.float64
    ).reshape(-1, 5)
    boxes[:, :4] *= factor
    likely = pairings(strips, boxes, [_ANY] * len(boxes), px_per_mm=factor * scale)[0]
    pairs = [(strip, name) for strip, name in enumerate(likely.names) if name is not None]
    away = np.array(
        [
            (boxes[name, 0] - starts[strip][0], boxes[name, 1:4:2].mean() - starts[strip][1])
            for strip, name in pairs
        ]
    ).reshape(-1, 2)
    apart = np.abs(away[:, None] - away[None]).max(axis=2)
    common = (apart <= _HABIT_MM * factor * scale).sum(axis=1) >= _HABIT_STRIPS
    room = _NAME_ROOM_PX * factor
    grown = boxes[:, :4] + np.array([-room, -room, room, room])
    return [
        (round(left), round(top), round(right), round(bottom))
        for left, top, right, bottom in (
            grown[name].tolist() for (_, name), alike in zip(pairs, common, strict=True) if alike
        )
    ]


def _stands_alone(marks: Marks, word: Word) -> bool:
    """Say whether nothing stands beside a word: what a trace leaves of a line may be short."""
    gap = round(_NAME_GAP_MM * marks.px_per_mm)
    level = slice(word.top, word.bottom)
    before = marks.black[level, max(0, word.left - gap) : word.left]
    return not (before.any() or marks.black[level, word.right : word.right + gap].any())
