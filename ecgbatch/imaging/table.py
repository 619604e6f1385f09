"""Rows and columns of a page, from all that the locator saw of it together.

One by one, starts and ends are missed and invented. But traces stand in rows that begin and end at
one place, and rows are divided at the same places or not at all: what is doubtful in one row is
told by the others.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from ecgbatch.imaging.stated import StatedLayout
from ecgbatch.imaging.strips import find_strips, joined, rows_of_strips
from ecgbatch.types import DoubleArray, Findings, Strip

_NEAR_MM = 3.0  # of a point from the border that it belongs to
_ON_LINE_MM = 2.5  # of a point from the zero line that it belongs to
_SAME_END_MM = 3.5
_LEAST_WIDTH_MM = 10.0
_DARK = 0.4  # of the usual heat along a zero line; a line of writing has less
_GOES_ON = 0.75  # of the heat of a line's own piece, where it does go on to the common ends
_CLOSE_MM = 2.5  # two lines nearer to each other are one
_MOST_COLUMNS = 6
_MOST_PLACES = 7
_EVEN = 0.12  # of a column's width
_UNEVEN = -2.0
_PER_BORDER = -0.3
_SEEN, _LEAST = 0.22, 0.08
"""Likelihoods of points from which on they speak for a border, and least of one that was missed."""
_OF_USUAL = 0.6  # of the likelihood of a page's borders: less speaks against one
_USUAL = {12: 1.2, 6: 0.3, 15: 0.3}
"""Logarithm of how much more often pages have so many leads in their rows and columns."""


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """A row: its zero line, and the points upon it.

    Attributes:
        knots: ``(knot, 2)`` x and y of the zero line, which bends with the paper.
        left_px: Where it starts.
        right_px: Where it ends.
        heat: How likely there is a zero line all along it.
        starts: ``(point, 2)`` x and likelihood of starts upon it.
        ends: ``(point, 2)`` of ends.
    """

    knots: DoubleArray
    left_px: float
    right_px: float
    heat: float
    starts: DoubleArray
    ends: DoubleArray

    @property
    def points(self) -> DoubleArray:
        """``(point, 2)`` of both."""
        return np.concatenate([self.starts, self.ends])

    @property
    def middle_px(self) -> float:
        """Height of its middle."""
        return float(_zero_at(self.knots, (self.left_px + self.right_px) / 2))


def find_rows(
    findings: Findings, *, px_per_mm: float, stated: StatedLayout | None = None
) -> list[list[Strip]]:
    """Return the traces of a page, row by row from the top down, each from left to right.

    Args:
        findings: Of the locator.
        px_per_mm: Scale of the page.
        stated: What somebody said it is: the likeliest rows and borders of that are taken, however
            likely they are.
    """
    lines = _lines(findings, px_per_mm=px_per_mm)
    if not lines:
        return []
    if stated is not None:
        if len(lines) < stated.rows_of_page:
            return []
        hottest = sorted(lines, key=lambda line: -line.heat)[: stated.rows_of_page]
        lines = sorted(hottest, key=lambda line: line.middle_px)
    borders, divided = _divided(lines, px_per_mm=px_per_mm, stated=stated)
    return [
        _cut(line, borders if inner else (), findings, px_per_mm=px_per_mm)
        for line, inner in zip(lines, divided, strict=True)
    ]


def _lines(findings: Findings, *, px_per_mm: float) -> list[_Line]:
    """Return the rows, brought to common ends where they have none of their own."""
    rows = rows_of_strips(find_strips(findings, px_per_mm=px_per_mm), px_per_mm=px_per_mm)
    if not rows:
        return []
    same = _SAME_END_MM * px_per_mm
    left = _common([row[0].left_px for row in rows], same=same)
    right = _common([row[-1].right_px for row in rows], same=same)
    found: list[_Line] = []
    for row in rows:
        own = (row[0].left_px, row[-1].right_px)
        first = left if abs(own[0] - left) > same else own[0]
        last = right if abs(own[1] - right) > same else own[1]
        line = _line(row, (first, last), findings, px_per_mm=px_per_mm)
        alone = _line(row, own, findings, px_per_mm=px_per_mm)
        # it does begin or end elsewhere where the common ends lead along nothing
        found.append(line if line.heat >= _GOES_ON * alone.heat else alone)
    usual = float(np.median([line.heat for line in found]))
    kept: list[_Line] = []
    for line in sorted(found, key=lambda each: each.left_px - each.right_px):
        near = any(_meet(line, other, near=_CLOSE_MM * px_per_mm) for other in kept)
        if not near and line.heat >= _DARK * usual:
            kept.append(line)
    return sorted(kept, key=lambda each: each.middle_px)


def _common(values: Sequence[float], *, same: float) -> float:
    """Return the place that most rows share."""
    found = np.array(values)
    near = np.abs(found[:, None] - found[None, :]) <= same
    return float(np.median(found[near[int(near.sum(axis=1).argmax())]]))


def _line(
    row: Sequence[Strip], ends_px: tuple[float, float], findings: Findings, *, px_per_mm: float
) -> _Line:
    """Return the line from one end to the other along the zero lines of a row's pieces."""
    knots = np.array(
        [
            knot
            for strip in row
            for knot in ((strip.left_px, strip.left_zero_px), (strip.right_px, strip.right_zero_px))
        ]
    )
    start, end = (np.array([x, _zero_at(knots, x), 1.0]) for x in ends_px)
    if len(row) == 1:
        whole = joined(start, end, findings)
        knots = np.array(
            [(whole.left_px, whole.left_zero_px), (whole.right_px, whole.right_zero_px)]
        )
        heat = whole.likelihood
    else:
        pieces = [joined(*piece, findings) for piece in _pieces(knots, ends_px)]
        heat = float(np.mean([piece.likelihood for piece in pieces]))
    on = []
    for points in (findings.starts, findings.ends):
        off = np.abs(points[:, 1] - _zero_at(knots, points[:, 0]))
        on.append(points[off <= _ON_LINE_MM * px_per_mm][:, [0, 2]])
    return _Line(knots, *ends_px, heat, on[0], on[1])


def _pieces(
    knots: DoubleArray, ends_px: tuple[float, float]
) -> Iterator[tuple[DoubleArray, DoubleArray]]:
    """Yield both ends of a third of a line each."""
    x = np.linspace(*ends_px, 4)
    y = _zero_at(knots, x)
    for left in range(3):
        start, end = (np.array([x[at], y[at], 1.0]) for at in (left, left + 1))
        yield start, end


def _zero_at(knots: DoubleArray, x_px: DoubleArray | float) -> DoubleArray:
    """Return heights of a line, prolonged beyond its knots as it runs on the whole."""
    inside = np.interp(x_px, knots[:, 0], knots[:, 1])
    slope = (knots[-1, 1] - knots[0, 1]) / (knots[-1, 0] - knots[0, 0])
    beyond = np.asarray(x_px) - np.clip(x_px, knots[0, 0], knots[-1, 0])
    return np.asarray(inside + slope * beyond)


def _meet(one: _Line, other: _Line, *, near: float) -> bool:
    """Whether two lines are one, or cross as rows never do."""
    low, high = max(one.left_px, other.left_px), min(one.right_px, other.right_px)
    if high <= low:
        return False
    x = np.linspace(low, high, 5)
    return bool(np.abs(_zero_at(one.knots, x) - _zero_at(other.knots, x)).min() < near)


def _divided(
    lines: Sequence[_Line], *, px_per_mm: float, stated: StatedLayout | None
) -> tuple[tuple[float, ...], tuple[bool, ...]]:
    """Return the borders between columns, and which rows they divide.

    Rows that are not divided show the rhythm and stand below the others. The network sees weak
    borders there, too, where it knows that the other rows have one: what counts is how likely they
    are beside those of the page.
    """
    left = float(np.median([line.left_px for line in lines]))
    right = float(np.median([line.right_px for line in lines]))
    least, near = _LEAST_WIDTH_MM * px_per_mm, _NEAR_MM * px_per_mm
    inner = [line.points[_inside(line.points[:, 0], left, right, least)] for line in lines]
    best = 0.0 if stated is None or stated.columns == 1 else -math.inf
    chosen: tuple[tuple[float, ...], tuple[bool, ...]] = ((), (False,) * len(lines))
    at = _Likely(inner, near=near)
    for borders, prior in _divisions(_places(inner, near=near), left, right, near=2 * near):
        if min(np.diff([left, *borders, right])) < least:
            continue
        if stated is not None and len(borders) + 1 != stated.columns:
            continue
        likely = at.borders(borders)
        usual = max(_SEEN, _OF_USUAL * float(np.median(likely.max(axis=0))))
        others = at.elsewhere(borders)
        spoken = np.log(np.maximum(likely, _LEAST) / usual)
        whole = np.maximum(spoken, 0).sum(axis=1)
        strays = np.log(np.maximum(others, usual) / usual)
        gain = spoken.sum(axis=1) - strays + whole
        total = prior - whole.sum() + np.cumsum(gain)
        for rows in range(1, len(lines) + 1) if stated is None else (stated.rows,):
            score = float(total[rows - 1]) + _USUAL.get(rows * (len(borders) + 1), 0.0)
            if score > best:
                best, chosen = score, (borders, tuple(row < rows for row in range(len(lines))))
    return chosen


def _inside(x: DoubleArray, left: float, right: float, least: float) -> DoubleArray:
    return np.asarray((x > left + least) & (x < right - least))


def _places(inner: Sequence[DoubleArray], *, near: float) -> list[float]:
    """Return where points of several rows lie above each other, the likeliest first."""
    every = np.concatenate(list(inner))
    places: list[float] = []
    weights = every[:, 1].copy()
    while weights.max(initial=0) > 0 and len(places) < _MOST_PLACES:
        close = np.abs(every[:, None, 0] - every[None, :, 0]) <= near
        middle = int((close @ weights).argmax())
        group = close[middle] & (weights > 0)
        places.append(float(np.average(every[group, 0], weights=weights[group])))
        weights[np.abs(every[:, 0] - places[-1]) <= 1.5 * near] = 0
    return places


def _divisions(
    places: Sequence[float], left: float, right: float, *, near: float
) -> Iterator[tuple[tuple[float, ...], float]]:
    """Yield borders, and the logarithm of how usual they are."""
    for columns in range(2, _MOST_COLUMNS + 1):
        even = np.linspace(left, right, columns + 1)[1:-1]
        yield tuple(_nearest(places, x, near=near) for x in even), _PER_BORDER * (columns - 1)
    for count in range(1, min(len(places), _MOST_COLUMNS - 1) + 1):
        for some in combinations(sorted(places), count):
            widths = np.diff([left, *some, right])
            uneven = np.abs(widths / np.median(widths) - 1).max() > _EVEN
            yield some, _PER_BORDER * count + _UNEVEN * count * bool(uneven)


def _nearest(places: Iterable[float], x: float, *, near: float) -> float:
    best = min(places, key=lambda place: abs(place - x), default=x)
    return best if abs(best - x) <= near else x


class _Likely:
    """How likely rows are divided at a place, computed once for each."""

    def __init__(self, inner: Sequence[DoubleArray], *, near: float) -> None:
        self._inner, self._near = inner, near
        self._known: dict[float, DoubleArray] = {}
        self._every = np.concatenate(list(inner))
        self._row = np.repeat(np.arange(len(inner)), [len(points) for points in inner])

    def borders(self, borders: Sequence[float]) -> DoubleArray:
        """Return ``(row, border)`` the likelihood of the likeliest point near a border."""
        return np.stack([self._at(x) for x in borders], axis=1)

    def elsewhere(self, borders: Sequence[float]) -> DoubleArray:
        """Return ``(row,)`` the likelihood of the likeliest point that is at no border."""
        off = np.abs(self._every[:, :1] - np.array(borders)).min(axis=1) > 2 * self._near
        likely = np.zeros(len(self._inner))
        np.maximum.at(likely, self._row[off], self._every[off, 1])
        return likely

    def _at(self, x_px: float) -> DoubleArray:
        if x_px not in self._known:
            found = [_most(points, x_px, near=self._near) for points in self._inner]
            self._known[x_px] = np.array(found)
        return self._known[x_px]


def _most(points: DoubleArray, x_px: float, *, near: float) -> float:
    """Return the likelihood of the likeliest point near a place."""
    return float(points[np.abs(points[:, 0] - x_px) <= near, 1].max(initial=_LEAST))


def _cut(
    line: _Line, borders: Sequence[float], findings: Findings, *, px_per_mm: float
) -> list[Strip]:
    """Cut a row into its traces: at its own points where it has some near a border."""
    near = _NEAR_MM * px_per_mm
    lefts = [line.left_px, *(_at(line.starts, x, near=near) for x in borders)]
    rights = [*(_at(line.ends, x, near=near) for x in borders), line.right_px]
    strips = []
    for left, right in zip(lefts, rights, strict=True):
        start, end = (np.array([x, float(_zero_at(line.knots, x)), 1.0]) for x in (left, right))
        strip = joined(start, end, findings)
        sure = _most(line.starts, left, near=near) * _most(line.ends, right, near=near)
        strips.append(replace(strip, likelihood=strip.likelihood * math.sqrt(sure)))
    return strips


def _at(points: DoubleArray, x_px: float, *, near: float) -> float:
    """Return the likeliest point near a border, and the border where there is none."""
    close = points[np.abs(points[:, 0] - x_px) <= near]
    return float(close[close[:, 1].argmax(), 0]) if len(close) else x_px
