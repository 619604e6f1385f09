"""Which way up the lines of a PDF page are, and how they stand once it is turned upright."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ecgbatch.imaging.decode.pdf_paths import Stroke
from ecgbatch.imaging.decode.pdf_text import Word
from ecgbatch.types import DoubleArray

MIN_POINTS = 20  # of a trace; frames, ticks and pulses have fewer
BACKWARD_PT = 0.02  # rounding; a line that turns back is no trace


def quarter_turns(strokes: Sequence[Stroke]) -> int | None:
    """Return how many clockwise quarters the page's traces are turned; None without any.

    Lines are drawn in the order of time, so that their direction tells which way is right.
    """
    votes = [0, 0, 0, 0]
    for stroke in strokes:
        if len(stroke.points) < MIN_POINTS:
            continue
        steps = np.diff(stroke.points, axis=0)
        for turn, forward in enumerate((steps[:, 0], steps[:, 1], -steps[:, 0], -steps[:, 1])):
            votes[turn] += len(steps) * bool(forward.min() > -BACKWARD_PT)
    return int(np.argmax(votes)) if any(votes) else None


def _turned(points: DoubleArray, turns: int, size_pt: tuple[float, float]) -> DoubleArray:
    """Return points after ``turns`` quarters counter-clockwise, still from the top left corner."""
    width, height = size_pt
    for _ in range(turns):
        points = np.stack([points[:, 1], width - points[:, 0]], axis=1)
        width, height = height, width
    return points


def turned_stroke(stroke: Stroke, turns: int, size_pt: tuple[float, float]) -> Stroke:
    """Return a line, and where it is cut off, after quarter turns of its page; see ``_turned``."""
    if turns == 0:
        return stroke
    left, top, right, bottom = stroke.clip
    corners = _turned(np.array([[left, top], [right, bottom]]), turns, size_pt)
    low, high = corners.min(axis=0), corners.max(axis=0)
    return replace(
        stroke,
        points=_turned(stroke.points, turns, size_pt),
        clip=(float(low[0]), float(low[1]), float(high[0]), float(high[1])),
    )


def turned_word(word: Word, turns: int, size_pt: tuple[float, float]) -> Word:
    """Return a word at its place after quarter turns of its page; see ``_turned``."""
    x, y = _turned(np.array([[word.x_pt, word.y_pt]]), turns, size_pt)[0]
    return replace(word, x_pt=float(x), y_pt=float(y))
