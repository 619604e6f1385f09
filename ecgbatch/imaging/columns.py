"""Columns of a page: where one lead ends and the next one begins in the same row.

Carts mark a new column by its name, by ticks, bars or lines, by a gap, or not at all. Each row's
hints are laid along the page, and the division into columns of one width that most rows agree on
is taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from ecgbatch.imaging.hints import Hints
from ecgbatch.imaging.naming import MATRIX_ROWS

_TRUST = {2: 1.0, 3: 1.0, 4: 1.0, 5: 0.65, 6: 0.5}
"""By columns: carts print four or two, seldom three or five; six are only known of monitors."""
_LEAST_WIDTH_MM = 18.0
_AGREED = 0.4  # a border counts for a row where the hints are stronger than this
_ACCEPTED = 0.5  # two rows with a name at one border, or one row with a name and a mark
_ACCEPTED_PER_ROW = 0.15  # half the rows with a name at one border
_UNUSUAL_TRUST = 0.5  # for columns that no usual layout has with so many rows
_MOST_RHYTHM_ROWS = 3
_RAGGED_MM = 3.0  # how far ends of rows and columns of one width disagree in print
_NEAR = 0.2  # of the reach: marks that close stand for one border
_SURE = 2.5  # times as far as otherwise
_STRAY_COST_PER_MM = 0.04
_USUAL_MM = (62.5, 125.0)  # 2.5 s and 5 s at 25 mm/s
_USUAL_BONUS = 1.15
_SAME_MM = 0.75  # lengths of all columns that a measured grid cannot tell apart
_RAGGED_START_MM = 1.0
_WHOLE_BONUS = 1.25  # rows that are as long as all columns of a usual width begin with the first
_CUT_TRUST = 0.8  # pages that were cropped are rarer than whole ones

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Division:
    """How the rows of a page are divided.

    Attributes:
        borders_px: Ends of the columns on the reduced page, one more than there are columns.
        agreement: ``(row,)`` share of the inner borders that each row hints at; 0 without any.
        score: Above 0 where hints speak for it.
    """

    borders_px: tuple[float, ...]
    agreement: tuple[float, ...]
    score: float

    @property
    def columns(self) -> int:
        """How many columns there are."""
        return len(self.borders_px) - 1


def divide(
    hints: Hints,
    *,
    left_px: float,
    right_px: float,
    px_per_mm: float,
    sure: tuple[bool, bool] = (True, True),
    columns: int | None = None,
) -> Division:
    """Choose the division into columns that most rows agree on.

    Args:
        hints: What speaks for borders, row by row.
        left_px: Where rows begin.
        right_px: Where they end.
        px_per_mm: Scale of the reduced page.
        sure: Whether either end is that of the ink, and not of a pulse that touches it.
        columns: How many there are, where that is known.

    Returns:
        One column with score 0 where hints speak for no division, and columns of one width where
        their number is known all the same.
    """
    whole = Division((left_px, right_px), (0.0,) * len(hints.strength), 0.0)
    if columns == 1:
        return whole
    if columns is not None:
        even = tuple(np.linspace(left_px, right_px, columns + 1).tolist())
        found = _best_of(hints, columns, left_px=left_px, right_px=right_px, px_per_mm=px_per_mm)
        stated = found if found is not None and found.score > 0 else replace(whole, borders_px=even)
        return _on_marks(stated, hints, px_per_mm=px_per_mm, sure=sure)
    choices = [
        _best_of(hints, n, left_px=left_px, right_px=right_px, px_per_mm=px_per_mm) for n in _TRUST
    ]
    best = max((c for c in choices if c is not None), key=lambda c: c.score, default=whole)
    if best.score < max(_ACCEPTED, _ACCEPTED_PER_ROW * len(hints.strength)):
        return whole
    return _on_marks(best, hints, px_per_mm=px_per_mm, sure=sure)


def _best_of(
    hints: Hints, columns: int, *, left_px: float, right_px: float, px_per_mm: float
) -> Division | None:
    """Best places of ``columns`` columns of one width; the last may be cut by the page's border."""
    length_mm = (right_px - left_px) / px_per_mm
    even_mm = length_mm / columns
    if even_mm < _LEAST_WIDTH_MM:
        return None
    widest_mm = (length_mm - _LEAST_WIDTH_MM) / (columns - 1)
    width_mm = np.arange(even_mm - _RAGGED_MM, widest_mm, 0.25)[:, None, None]
    start_mm = np.arange(-_RAGGED_MM, 2 * _RAGGED_MM + 0.1, 0.5)[None, :, None]
    order = np.arange(1, columns)[None, None, :]
    places = left_px + (start_mm + order * width_mm) * px_per_mm
    inside = np.clip(np.rint(places).astype(np.intp), 0, hints.strength.shape[1] - 1)
    strength = hints.strength[:, inside]  # (row, width, start, border)
    for_it = np.maximum((strength - _AGREED).sum(axis=3), 0).sum(axis=0)
    usual = np.abs(width_mm[..., 0] - np.array(_USUAL_MM)).min(axis=1, keepdims=True) < 1.0
    cut = columns * width_mm[..., 0] > length_mm + 2 * _RAGGED_MM
    # Columns of a whole page fill its rows evenly; those of a cut page have a width of their own.
    stray_mm = np.abs(start_mm[..., 0]) + np.where(cut, 0, np.abs(width_mm[..., 0] - even_mm))
    spare_rows = len(hints.strength) - MATRIX_ROWS.get(columns, 0)
    fitting = 0 <= spare_rows <= _MOST_RHYTHM_ROWS
    known = _TRUST.get(columns, min(_TRUST.values()))
    trust = np.where(fitting, known, known * _UNUSUAL_TRUST)
    trust = trust * np.where(usual, _USUAL_BONUS, 1.0) * np.where(cut, _CUT_TRUST, 1.0)
    if np.abs(length_mm - columns * np.array(_USUAL_MM)).min() < _SAME_MM:
        trust = trust * np.where(np.abs(start_mm[..., 0]) <= _RAGGED_START_MM, _WHOLE_BONUS, 1.0)
    score = for_it * trust * np.maximum(1 - _STRAY_COST_PER_MM * stray_mm, 0)
    at = np.unravel_index(int(np.argmax(score)), score.shape)
    agreement = (strength[:, at[0], at[1]] > _AGREED).mean(axis=1)
    borders = (left_px, *(float(x) for x in places[at]), right_px)
    return Division(borders, tuple(float(a) for a in agreement), float(score[at]))


def _on_marks(
    division: Division, hints: Hints, *, px_per_mm: float, sure: tuple[bool, bool]
) -> Division:
    """Move borders to the marks beside them, and the other borders and ends to the marks' step.

    Columns are of one width, so that borders and ends stand at equal steps. Of all steps that two
    marks, or ends, tell, the one is taken that most marks and rows' ends support: complexes and
    letters make marks too. An end that may be a pulse's supports none but steps of a usual width.
    """
    reach_px = _RAGGED_MM * px_per_mm
    exact = np.array(hints.exact_px, dtype=np.float64)
    borders = np.array(division.borders_px)
    near_px = _NEAR * reach_px
    best, support = borders, np.zeros(borders.size)
    for steps in _equal_steps(borders, exact, reach_px=reach_px):
        counts = _supported(steps, borders, exact, rows=len(hints.strength), near_px=near_px)
        lengths_mm = np.array(_USUAL_MM) * (steps.size - 1)
        usual = np.abs((steps[-1] - steps[0]) / px_per_mm - lengths_mm).min() < _SAME_MM
        counts[[0, -1]] *= np.asarray(sure) | usual
        if counts.sum() > support.sum():
            best, support = steps, counts
    known = np.flatnonzero(support)
    if known.size < 2:
        return division
    marked = known[(known > 0) & (known < borders.size - 1)]
    placed = best.copy()
    for k in marked:
        placed[k] = exact[np.abs(exact - best[k]) <= near_px].mean()
    for end in (0, -1):
        if support[end]:
            placed[end] = borders[end]
    order = np.arange(borders.size)
    line = np.polynomial.Polynomial.fit(known, placed[known], deg=1, w=support[known])(order)
    # Three borders at equal steps tell an end better than ink that a name or dirt may touch.
    far_px = reach_px * (_SURE if marked.size >= 3 else 1)
    moved = np.where(support > 1, placed, line)
    for end in (0, -1):
        moved[end] = line[end] if abs(line[end] - borders[end]) <= far_px else borders[end]
    return Division(tuple(moved.tolist()), division.agreement, division.score)


def _equal_steps(borders: Numbers, exact: Numbers, *, reach_px: float) -> Iterator[Numbers]:
    """Borders and ends by the steps that any two marks, or ends, tell."""
    last = borders.size - 1
    widths = np.diff(borders)
    whole = last > 1 and abs(widths[-1] - widths[:-1].mean()) <= 2 * reach_px
    anchors = [(0, float(borders[0]))] + ([(last, float(borders[-1]))] if whole else [])
    for k in range(1, last):
        near = np.unique(np.round(exact[np.abs(exact - borders[k]) <= reach_px], 1))
        anchors += [(k, float(x)) for x in near]
    order = np.arange(borders.size)
    for (first, x), (second, y) in combinations(anchors, 2):
        if first == second:
            continue
        steps = x + (y - x) / (second - first) * (order - first)
        if np.all(np.abs(steps[1:-1] - borders[1:-1]) <= reach_px):
            yield np.asarray(steps, np.float64)


def _supported(
    steps: Numbers, borders: Numbers, exact: Numbers, *, rows: int, near_px: float
) -> Numbers:
    """Marks, or rows, that support each of the steps; a border has one mark per row."""
    counts = (np.abs(exact[:, None] - steps[None, :]) <= near_px).sum(axis=0)
    counts = np.minimum(counts, rows).astype(np.float64)
    for end in (0, -1):
        counts[end] = rows if abs(steps[end] - borders[end]) <= near_px else 0
    return np.asarray(counts, np.float64)
