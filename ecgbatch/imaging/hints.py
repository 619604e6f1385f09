"""What speaks for a border between columns: names, ticks, lines, gaps and broken ink."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ecgbatch.imaging.baselines import Baseline
from ecgbatch.imaging.marks import IntArray, Marks, Upright
from ecgbatch.imaging.masks import BoolArray, runs

Numbers = npt.NDArray[np.float32]

_NAME_BEFORE_MM = 8.0  # a name stands up to this far to the right of the border it belongs to
_NAME_AFTER_MM = 2.0
_MARK_MM = 1.5
_GAP_MM = 1.0
# How much each kind is trusted: other text, waves and faint ink look alike.
_NAME_TRUST = 0.7
_MARK_TRUST = 0.8
_UPRIGHT_TRUST = 0.6
_GAP_TRUST = 0.7
_BREAK_TRUST = 0.5

_LETTER_HEIGHT_MM = 1.4
_LETTER_GAP_MM = 2.5
_WORD_WIDTH_MM = 14.0
_MOST_LETTERS = 1500  # more is the texture of a grid
_THIN = 0.6  # of the pen
_MOST_UPRIGHTS = 600
_MOST_GAPS = 12
_MOST_TICKS = 7  # more alike verticals in a row are beats
_ALIKE_MM = 0.5
_ACROSS = 0.6  # complexes and the rest of a grid lie to one side of the zero line
_NEAR_ROW = 0.75  # of the distance to the next row, in which text belongs to a row


@dataclass(frozen=True, slots=True)
class Word:
    """Letters side by side on the reduced page; ends are half open."""

    left: int
    top: int
    right: int
    bottom: int
    letters: int


@dataclass(frozen=True, slots=True, eq=False)
class Hints:
    """Hints of borders along the reduced page.

    Attributes:
        strength: ``(row, column)`` float32, 0 to 1: how much speaks for a border there.
        exact_px: Places of marks, gaps and breaks, which tell a border better than names do.
        unrest: Share of the page on which something speaks for a border; near 1 in a texture.
        named: ``(row,)`` bool, rows with a word at their left end.
        ticks: Verticals that touch a trace like marks do.
    """

    strength: Numbers
    exact_px: tuple[float, ...]
    unrest: float
    named: BoolArray
    ticks: tuple[Upright, ...]


def find_hints(
    marks: Marks,
    rows: Sequence[Baseline],
    uprights: Sequence[Upright],
    covered: BoolArray,
    chosen: BoolArray,
    *,
    pen_px: float,
) -> Hints:
    """Collect hints.

    Args:
        marks: Marks of the page.
        rows: Rows, from the top down.
        uprights: Straight verticals of the page.
        covered: ``(row, column)`` bool, where each row has ink.
        chosen: ``(mark,)`` bool, marks that belong to traces.
        pen_px: Thickness of level lines on the reduced page.
    """
    trail = _Trail(marks, rows)
    trail.add_words(find_words(marks, ~chosen, pen_px=pen_px))
    for row in range(len(rows)):
        trail.add_lines(row)
        trail.add_gaps(row, covered[row])
        trail.add_breaks(row)
    trail.add_uprights(uprights)
    return trail.hints()


def find_words(marks: Marks, among: BoolArray, *, pen_px: float) -> list[Word]:
    """Join letters that stand side by side; what is longer than a lead's name is left out.

    Args:
        marks: Marks of the page.
        among: ``(mark,)`` bool, marks to look at.
        pen_px: Thickness of traces; a straight mark much thinner is the rest of a grid line.
    """
    scale = marks.px_per_mm
    height = marks.bottom - marks.top
    letters = np.flatnonzero(
        (marks.is_glyph | (marks.is_tick & (marks.right - marks.left > _THIN * pen_px)))
        & among
        & (height >= _LETTER_HEIGHT_MM * scale)
    )
    if letters.size > _MOST_LETTERS:
        return []
    letters = letters[np.argsort(marks.left[letters], kind="stable")]
    sides = (side[letters].tolist() for side in (marks.left, marks.top, marks.right, marks.bottom))
    words: list[list[int]] = []
    near: list[list[int]] = []  # words that end beside the letter
    for left, top, right, bottom in zip(*sides, strict=True):
        near = [word for word in near if left - word[2] <= _LETTER_GAP_MM * scale]
        for word in reversed(near):
            level = min(bottom, word[3]) - max(top, word[1])
            if 2 * level >= min(bottom - top, word[3] - word[1]):
                word[1], word[3] = min(top, word[1]), max(bottom, word[3])
                word[2], word[4] = max(right, word[2]), word[4] + 1
                break
        else:
            near.append([left, top, right, bottom, 1])
            words.append(near[-1])
    return [Word(*word) for word in words if word[2] - word[0] <= _WORD_WIDTH_MM * scale]


class _Trail:
    """Hints while they are collected."""

    def __init__(self, marks: Marks, rows: Sequence[Baseline]) -> None:
        self._marks = marks
        self._scale = marks.px_per_mm
        self._rows = rows
        self._doubt = np.ones((len(rows), marks.black.shape[1]), np.float32)
        self._exact: list[float] = []
        self._ticks: list[Upright] = []
        self._named = np.zeros(len(rows), np.bool_)

    def hints(self) -> Hints:
        strength = 1 - self._doubt
        usual = strength.mean(axis=1, keepdims=True)  # hints everywhere are none
        strength = np.maximum(strength - usual, 0) / np.maximum(1 - usual, 0.1)
        unrest = float(usual.mean())
        return Hints(strength, tuple(self._exact), unrest, self._named, tuple(self._ticks))

    def add_words(self, words: Sequence[Word]) -> None:
        before, after = _NAME_BEFORE_MM * self._scale, _NAME_AFTER_MM * self._scale
        for word, row in zip(words, self._rows_of(words), strict=True):
            if row < 0:
                continue
            self._weaken(row, word.left - before, word.left + after, _NAME_TRUST)
            begin = self._rows[row].left_px
            self._named[row] |= begin - 2 * before < word.left < begin + 2 * before
            if word.letters == 1 and word.right - word.left <= _GAP_MM * self._scale:
                self._mark(row, (word.left + word.right) / 2, _MARK_TRUST)

    def add_lines(self, row: int) -> None:
        """Ruled verticals that cross the row."""
        y, reach = round(self._rows[row].y_px), round(5 * self._scale)
        crossing = self._marks.rules[max(0, y - reach) : y + reach].all(axis=0)
        for start, stop in runs(np.asarray(crossing)):
            self._mark(row, (start + stop - 1) / 2, _MARK_TRUST)

    def add_gaps(self, row: int, covered: BoolArray) -> None:
        gaps = [
            (start, stop)
            for start, stop in runs(~covered)
            if start > self._rows[row].left_px
            and stop < self._rows[row].right_px
            and stop - start >= _GAP_MM * self._scale
        ]
        if len(gaps) > _MOST_GAPS:
            return
        for start, stop in gaps:
            edge = _GAP_MM * self._scale
            self._weaken(row, start - edge, stop + edge, _GAP_TRUST)
            self._exact.append((start + stop - 1) / 2)

    def add_breaks(self, row: int) -> None:
        """Places where one piece of ink ends and the next one begins, without a gap between."""
        marks, place = self._marks, self._rows[row]
        middle = (marks.top + marks.bottom) / 2
        mine = marks.is_line & (np.abs(middle - place.y_px) < 0.5 * place.below_px)
        begins = marks.left[mine]
        for end in marks.right[mine]:
            near = begins[np.abs(begins - end) < _GAP_MM * self._scale]
            if near.size:
                self._mark(row, (end + float(near.mean())) / 2 - 0.5, _BREAK_TRUST)

    def add_uprights(self, uprights: Sequence[Upright]) -> None:
        """Ticks that touch the trace: the same length at the same place in half the rows."""
        rows = self._rows_of(uprights)
        uprights = [uprights[k] for k in np.flatnonzero(rows >= 0).tolist()]
        rows = rows[rows >= 0]
        if not 0 < len(uprights) <= _MOST_UPRIGHTS:
            return
        left, top, bottom = _sides(uprights)
        above = np.array([place.y_px for place in self._rows])[rows] - top
        below = bottom - top - above
        across = np.minimum(above, below) >= _ACROSS * np.maximum(above, below)
        shape = (left, above / 3, bottom - top)
        alike = [np.abs(np.subtract.outer(s, s)) <= _ALIKE_MM * self._scale for s in shape]
        same = np.logical_and.reduce(alike)
        in_rows = [same[:, rows == row].any(axis=1) for row in range(len(self._rows))]
        repeated = np.sum(in_rows, axis=0) >= max(2, len(self._rows) / 2)
        for row in range(len(self._rows)):
            ticks = np.flatnonzero(repeated & (rows == row))
            if ticks.size > _MOST_TICKS:
                ticks = ticks[across[ticks]]
            if ticks.size <= _MOST_TICKS:
                for k in ticks:
                    self._mark(row, uprights[k].centre, _UPRIGHT_TRUST)
                    self._ticks.append(uprights[k])

    def _rows_of(self, things: Sequence[Word | Upright]) -> IntArray:
        """The row that each belongs to by its middle; -1 for none."""
        _, top, bottom = _sides(things)
        middle = (top + bottom) / 2
        y, above, below = (
            np.array([getattr(place, name) for place in self._rows])
            for name in ("y_px", "above_px", "below_px")
        )
        row = np.abs(np.subtract.outer(y, middle)).argmin(axis=0)
        room = np.where(middle < y[row], above[row], below[row])
        return np.where(np.abs(middle - y[row]) <= _NEAR_ROW * room, row, -1)

    def _mark(self, row: int, x_px: float, trust: float) -> None:
        reach = _MARK_MM * self._scale
        self._weaken(row, x_px - reach, x_px + reach, trust)
        self._exact.append(x_px)

    def _weaken(self, row: int, start_px: float, stop_px: float, trust: float) -> None:
        start, stop = max(0, round(start_px)), max(0, round(stop_px) + 1)
        self._doubt[row, start:stop] *= 1 - trust


def _sides(things: Sequence[Word | Upright]) -> tuple[IntArray, ...]:
    """Left, top and bottom of each."""
    names = ("left", "top", "bottom")
    return tuple(np.array([getattr(each, n) for each in things], np.intp) for n in names)
