"""Connected pieces of ink on a small page, and which of them are traces."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ecgbatch.imaging.marks import IntArray, Pieces, connected
from ecgbatch.imaging.masks import BoolArray, rare_long_runs

LONG_MM = 25.0  # longer than any word in one piece
_LETTER_MM = 8.0
_THICK_MM = 3.0
_ROW_MM = 4.5
_FRAME_MM = 60.0
_RULE_MM = 30.0  # higher than the steepest complex runs straight


@dataclass(frozen=True, slots=True, eq=False)
class Shapes:
    """Connected pieces of ink, and how many runs of ink their lines have.

    Attributes:
        pieces: Where they are; piece 0 is the paper.
        left, top, width, height, area: Per piece, from piece 1.
        down: Runs of ink met on all columns of the piece, per column.
        across: The same on its rows, per row.
    """

    pieces: Pieces
    left: IntArray
    top: IntArray
    width: IntArray
    height: IntArray
    area: IntArray
    down: npt.NDArray[np.float64]
    across: npt.NDArray[np.float64]

    def turned(self) -> Shapes:
        """Return the pieces with rows and columns exchanged; where they are is as before."""
        return Shapes(
            self.pieces,
            self.top,
            self.left,
            self.height,
            self.width,
            self.area,
            self.across,
            self.down,
        )


def shapes_of(inked: BoolArray) -> Shapes:
    """Connect ``(row, column)`` ink to pieces, and count the lines in each."""
    # closing bridges the gaps of a thin line
    joined = cv2.morphologyEx(inked.view(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    pieces = connected(joined.view(np.bool_))
    runs = []
    for axis in (0, 1):
        first = inked.copy()
        later, before = (first[1:], inked[:-1]) if axis == 0 else (first[:, 1:], inked[:, :-1])
        later &= ~before
        runs.append(pieces.count(first)[1:])
    left, top, area = (each[1:] for each in (pieces.left, pieces.top, pieces.area))
    width, height = pieces.right[1:] - left, pieces.bottom[1:] - top
    return Shapes(pieces, left, top, width, height, area, runs[0] / width, runs[1] / height)


def straight_lines(inked: BoolArray, px_per_mm: float, *, axis: int) -> BoolArray:
    """Find straight lines along an axis, which tie rows of traces together, and their edges."""
    rules = rare_long_runs(inked, length_px=round(_RULE_MM * px_per_mm), axis=axis)
    beside = np.ones((1, 3) if axis == 0 else (3, 1), np.uint8)
    return np.asarray(cv2.dilate(rules.view(np.uint8), beside)).view(np.bool_)


def are_traces(marks: Shapes, px_per_mm: float) -> npt.NDArray[np.bool_]:
    """Say which pieces are traces: long and level, one line per column, and not straight."""
    long = marks.width > LONG_MM * px_per_mm
    # letters that touch have two or three strokes above each other; so do rows of traces that
    # touch, but those are high
    single = (marks.down < 1.2) | (marks.height > _LETTER_MM * px_per_mm)
    wavy = marks.height > 1.5 * px_per_mm  # a ruled line is straight
    thin = marks.area < _THICK_MM * px_per_mm * marks.width * marks.down
    # rows of traces that touch stand far apart; lines of text and of tables do not
    sparse = marks.height > _ROW_MM * px_per_mm * (marks.down - 1)
    frame = (marks.height > _FRAME_MM * px_per_mm) & (marks.area < 6 * (marks.width + marks.height))
    return np.asarray(long & single & wavy & thin & sparse & ~frame & (marks.width > marks.height))


def trace_length_mm(marks: Shapes, px_per_mm: float) -> float:
    """Return the length of all traces; a high piece runs to and fro, and is less long than wide."""
    chosen = are_traces(marks, px_per_mm)
    return float((marks.width - 0.5 * marks.height)[chosen].sum() / px_per_mm)
