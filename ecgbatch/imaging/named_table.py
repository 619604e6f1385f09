"""Rows and columns of a page by the names that are printed on it, where these stand as a table.

Letters stay where they are when traces cross each other, break into dots, or run out of what the
locator knows. Six names and more, each once, in rows and columns tell how a page is divided; how
the traces lie from their names is what most of the zero lines and starts that were seen agree on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from ecgbatch.imaging.strips import joined
from ecgbatch.types import DoubleArray, Findings, Strip

_PLACE, _LETTERS = 0.5, 0.6
"""Likelihoods from which on a name counts, by place and by letters."""
_ROW_MM, _COLUMN_MM = 3.0, 5.0  # names of one row, of one column, are nearer to the next one
_LEAST_NAMES = 6
_FILLED = 0.75  # of the table
_AWAY_MM = 16.0  # of a zero line from the middle of its name
_STARTS_MM = (-14.0, 18.0)  # of a start from the left end of its name
_ON_LINE_MM = 3.0
_ABOVE = 1.1  # how much oftener names stand above their traces than below
_LEAST_HEAT = 0.1  # along all zero lines together: less is no trace at all
_AS_HOT = 0.93  # of as many rows as names have, all but one have less
_LEAST_WIDTH_MM = 10.0
_ALIKE = (0.6, 1.4)  # width of the last column, of the usual one


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """Where names stand.

    Attributes:
        x_px: ``(column,)`` left ends.
        y_px: ``(row, column)`` middles, of rhythm rows all that of their one name.
        matrix: How many rows are divided; rhythm rows follow.
    """

    x_px: DoubleArray
    y_px: DoubleArray
    matrix: int


def rows_by_names(
    findings: Findings,
    names: DoubleArray,
    read: Sequence[Mapping[str, float]],
    *,
    px_per_mm: float,
) -> list[list[Strip]]:
    """Return the traces of a page, row by row, each from left to right.

    Args:
        findings: Of the locator.
        names: ``(name, 5)`` boxes and likelihoods of what is a lead's name.
        read: How likely each name is, for each of them.
        px_per_mm: Scale of the page.

    Returns:
        Nothing where names form no table, or no zero line runs beside them.
    """
    table = _table(names, read, px_per_mm=px_per_mm)
    if table is None:
        return []
    down_px, heat = _down(table, findings, px_per_mm=px_per_mm)
    if heat < _LEAST_HEAT:
        return []
    zero = table.y_px + down_px
    starts = _starts(table, zero, findings, px_per_mm=px_per_mm)
    stop = _stop(starts, zero, findings, px_per_mm=px_per_mm)
    if min(np.diff([*starts, stop])) < _LEAST_WIDTH_MM * px_per_mm:
        return []
    borders = [*starts, stop]
    rows = []
    for row, y in enumerate(zero):
        cuts = range(len(starts)) if row < table.matrix else (0,)
        ends = borders[1:] if row < table.matrix else [stop]
        rows.append(
            [
                joined(
                    np.array([starts[column], y[column], 1.0]),
                    np.array([end, y[min(column + 1, len(y) - 1)], 1.0]),
                    findings,
                )
                for column, end in zip(cuts, ends, strict=True)
            ]
        )
    return rows


def _table(
    names: DoubleArray, read: Sequence[Mapping[str, float]], *, px_per_mm: float
) -> _Table | None:
    said = [max(each.items(), key=itemgetter(1), default=("", 0.0))[0] for each in read]
    clear = [
        index
        for index, (name, each) in enumerate(zip(said, read, strict=True))
        if name and each[name] >= _LETTERS and names[index, 4] >= _PLACE
    ]
    if len(clear) < _LEAST_NAMES:
        return None
    boxes = names[clear]
    x, y = boxes[:, 0], (boxes[:, 1] + boxes[:, 3]) / 2
    row, column = _groups(y, _ROW_MM * px_per_mm), _groups(x, _COLUMN_MM * px_per_mm)
    kept = [k for k in range(column.max() + 1) if np.unique(row[column == k]).size > 1]
    several = [k for k in range(row.max() + 1) if np.isin(column[row == k], kept).sum() > 1]
    kept = [k for k in kept if np.isin(row[column == k], several).any()]
    if len(kept) < 2 or len(several) < 2:
        return None
    first = kept[0]
    below = [
        k
        for k in range(several[-1] + 1, row.max() + 1)
        if (row == k).sum() == 1 and column[row == k][0] == first
    ]
    inside = np.isin(row, several) & np.isin(column, kept)
    listed = [said[clear[index]] for index in np.flatnonzero(inside)]
    full = len(listed) >= _FILLED * len(several) * len(kept)
    if not full or len(listed) < _LEAST_NAMES or len(set(listed)) < len(listed):
        return None
    places = []
    for k in (*several, *below):
        usual = float(np.median(y[(row == k) & np.isin(column, kept)]))
        own = [y[(row == k) & (column == c)] for c in kept]
        places.append([float(each[0]) if each.size and k in several else usual for each in own])
    lefts = np.array([float(np.median(x[inside & (column == c)])) for c in kept])
    return _Table(lefts, np.array(places), len(several))


def _groups(values: DoubleArray, apart: float) -> np.ndarray:
    """Return the number of the group of each value, counted from the least on."""
    order = np.argsort(values)
    group = np.zeros(len(values), int)
    group[order[1:]] = np.cumsum(np.diff(values[order]) > apart)
    return group


def _down(table: _Table, findings: Findings, *, px_per_mm: float) -> tuple[float, float]:
    """Return how far below their names zero lines run, and how likely they do.

    Names between two rows may belong to either. Where that is open, as where a row more than names
    stands above or below them, nothing is likely.
    """
    cell = findings.cell_px
    pitch = float(np.min(np.diff(table.x_px)))
    x = np.concatenate([table.x_px + share * pitch for share in np.linspace(0.1, 0.9, 9)])
    column = np.clip((x / cell).astype(int), 0, findings.row.shape[1] - 1)
    y = np.tile(table.y_px, 9)
    reach = int(_AWAY_MM * px_per_mm / cell)
    steps = np.arange(-reach, reach + 1)
    row = np.rint((y + 0.5) / cell - 0.5).astype(int) + steps[:, None, None]
    above, middle, below = (np.pad(findings.row, ((k, 2 - k), (0, 0)))[1:-1] for k in range(3))
    plane = np.maximum(np.maximum(above, below), middle)  # rows of one page are not quite level
    inside = (row >= 0) & (row < plane.shape[0])
    seen = plane[np.clip(row, 0, plane.shape[0] - 1), column] * inside
    heat = seen.mean(axis=(1, 2))
    best = int((heat * np.where(steps > 0, _ABOVE, 1.0)).argmax())
    apart = np.abs(steps - steps[best]) * cell > float(np.diff(table.y_px[:, 0]).min()) / 2
    if heat[apart].max(initial=0.0) > _AS_HOT * heat[best]:
        return 0.0, 0.0
    return float(steps[best]) * cell, float(heat[best])


def _starts(
    table: _Table, zero: DoubleArray, findings: Findings, *, px_per_mm: float
) -> list[float]:
    """Return where columns start: as far from their names as most starts that were seen."""
    low, high = (edge * px_per_mm for edge in _STARTS_MM)
    near = _ON_LINE_MM * px_per_mm
    away: list[list[tuple[float, float]]] = [[], []]
    for x, y, likely in findings.starts:
        off = x - table.x_px
        column = int(np.abs(off).argmin())
        if low < off[column] < high and np.abs(zero[:, column] - y).min() <= near:
            away[column > 0].append((float(off[column]), float(likely)))
    both = [away[0] or away[1], away[1] or away[0]]
    first, others = (_usual(each, _ON_LINE_MM * px_per_mm) for each in both)
    return [float(x) + (others if column else first) for column, x in enumerate(table.x_px)]


def _usual(values: Sequence[tuple[float, float]], near: float) -> float:
    """Return the middle of the values, with weights, that agree best; 0 where there are none."""
    if not values:
        return 0.0
    value, weight = np.array(values).T
    alike = np.abs(value[:, None] - value[None]) <= near / 2
    group = alike[int((alike @ weight).argmax())]
    return float(np.average(value[group], weights=weight[group]))


def _stop(
    starts: Sequence[float], zero: DoubleArray, findings: Findings, *, px_per_mm: float
) -> float:
    """Return where all rows end: where most ends were seen, if the last column is like others."""
    width = float(np.median(np.diff(starts)))
    near = _ON_LINE_MM * px_per_mm
    seen = [
        (float(x), float(likely))
        for x, y, likely in findings.ends
        if _ALIKE[0] * width < x - starts[-1] < _ALIKE[1] * width
        and np.abs(zero[:, -1] - y).min() <= near
    ]
    return _usual(seen, near) if seen else starts[-1] + width
