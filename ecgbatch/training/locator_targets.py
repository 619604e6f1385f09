"""What the locator should answer on a page: heats, values, and where the values count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecgbatch.models.locator import BOXES, CELL_PX, HEATS, POINTS, SIZE_CELLS, VALUES
from ecgbatch.types import FloatArray

GROUPS = ("row", *POINTS)
"""Values that count in the same cells."""
_ROW_CELLS = 0.6
_POINT_CELLS = (0.7, 0.8)  # along and across a trace
_NEAR = 0.45  # of a heat; cells as near as this to a point learn its offset


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """What is printed where, in pixels of the page that the locator sees.

    Attributes:
        regions: ``(region, 6)`` left end, its zero line, right end, its zero line, top, bottom.
        names: ``(name, 4)`` boxes.
        pulses: ``(pulse, 4)`` boxes.
        lines: ``(line, 5)`` boxes; the last is 1 where a line tells the scale.
        separators: ``(mark, 4)`` upper and lower end.
    """

    regions: FloatArray
    names: FloatArray
    pulses: FloatArray
    lines: FloatArray
    separators: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """Answers for one page, ``(channel, row, column)`` in cells.

    Attributes:
        heats: 0 to 1, in the order of ``HEATS``.
        values: In the order of ``VALUES``.
        weights: Where they count, in the order of ``GROUPS``.
    """

    heats: FloatArray
    values: FloatArray
    weights: FloatArray


def targets(places: Places, *, shape_cells: tuple[int, int]) -> Targets:
    """Return what should be answered.

    Args:
        places: Of the page.
        shape_cells: Rows and columns of the answer.
    """
    sheet = _Sheet(shape_cells)
    for region in _cells(places.regions, points=(0, 1, 2, 3, 4, 5)):
        sheet.region(region)
    for kind, boxes in (("name", places.names), ("pulse", places.pulses)):
        for box in _cells(boxes, points=(0, 1, 2, 3)):
            sheet.box(kind, box)
    for box in _cells(places.lines, points=(0, 1, 2, 3)):
        if box[4]:
            sheet.box("line", box[:4])
        sheet.filled("text", box[:4])
    for box in _cells(places.names, points=(0, 1, 2, 3)):
        sheet.filled("text", box)
    for mark in _cells(places.separators, points=(0, 1, 2, 3)):
        sheet.filled("separator", mark)
    return Targets(sheet.heats, sheet.values, sheet.weights)


def _cells(rows: FloatArray, *, points: tuple[int, ...]) -> FloatArray:
    moved = rows.astype(np.float32, copy=True)
    moved[:, points] = (moved[:, points] - (CELL_PX - 1) / 2) / CELL_PX
    return moved


class _Sheet:
    def __init__(self, shape: tuple[int, int]) -> None:
        self.heats = np.zeros((len(HEATS), *shape), np.float32)
        self.values = np.zeros((len(VALUES), *shape), np.float32)
        self.weights = np.zeros((len(GROUPS), *shape), np.float32)
        self._shape = shape

    def region(self, region: FloatArray) -> None:
        left, y_left, right, y_right, top, bottom = region[:6].tolist()
        first, stop = max(round(left), 0), min(round(right), self._shape[1] - 1) + 1
        if stop <= first:
            return
        columns = np.arange(first, stop)
        y = np.interp(columns, [left, right], [y_left, y_right])
        for step in (-2, -1, 0, 1, 2):
            rows = np.rint(y).astype(int) + step
            inside = (rows >= 0) & (rows < self._shape[0])
            at = (rows[inside], columns[inside])
            offset = (y[inside] - rows[inside]).astype(np.float32)
            heat = np.exp(-0.5 * (offset / _ROW_CELLS) ** 2)
            nearer = heat > self.heats[0][at]
            at = (at[0][nearer], at[1][nearer])
            self.heats[0][at] = heat[nearer]
            if abs(step) > 1:
                continue
            self.weights[0][at] = 1
            self._set("row_y", at, offset[nearer])
            self._set("row_above", at, np.maximum(y[inside][nearer] - top, 0) / SIZE_CELLS)
            self._set("row_below", at, np.maximum(bottom - y[inside][nearer], 0) / SIZE_CELLS)
        self.point("start", left, y_left, *_POINT_CELLS)
        self.point("end", right, y_right, *_POINT_CELLS)

    def box(self, kind: str, box: FloatArray) -> None:
        left, top, right, bottom = box.tolist()
        width, height = right - left, bottom - top
        spread = (max(0.7, width / (10 if kind == "line" else 5)), max(0.6, height / 5))
        x, y = (left + right) / 2, (top + bottom) / 2
        at = self.point(kind, x, y, *spread)
        self._set(f"{kind}_width", at, np.float32(width / SIZE_CELLS))
        self._set(f"{kind}_height", at, np.float32(height / SIZE_CELLS))

    def point(
        self, kind: str, x: float, y: float, spread_x: float, spread_y: float
    ) -> tuple[np.ndarray, np.ndarray]:
        reach_x, reach_y = int(np.ceil(3 * spread_x)), int(np.ceil(3 * spread_y))
        rows = np.arange(max(round(y) - reach_y, 0), min(round(y) + reach_y + 1, self._shape[0]))
        columns = np.arange(max(round(x) - reach_x, 0), min(round(x) + reach_x + 1, self._shape[1]))
        if not rows.size or not columns.size:
            return np.zeros(0, int), np.zeros(0, int)
        row, column = (part.ravel() for part in np.meshgrid(rows, columns, indexing="ij"))
        # The nearest cell is full, whatever the offset: it is the one that must be found.
        heat = np.exp(
            -0.5 * (((column - round(x)) / spread_x) ** 2 + ((row - round(y)) / spread_y) ** 2)
        )
        plane = self.heats[HEATS.index(kind)]
        nearer = heat > plane[row, column]
        row, column, heat = row[nearer], column[nearer], heat[nearer]
        plane[row, column] = heat
        near = heat > _NEAR
        at = (row[near], column[near])
        self.weights[GROUPS.index(kind)][at] = 1
        self._set(f"{kind}_x", at, (x - at[1]).astype(np.float32))
        self._set(f"{kind}_y", at, (y - at[0]).astype(np.float32))
        return at

    def filled(self, kind: str, box: FloatArray) -> None:
        left, top, right, bottom = (round(edge) for edge in box.tolist())
        plane = self.heats[HEATS.index(kind)]
        plane[max(top, 0) : max(bottom + 1, 0), max(left, 0) : max(right + 1, 0)] = 1

    def _set(self, name: str, at: tuple[np.ndarray, np.ndarray], value: object) -> None:
        self.values[VALUES.index(name)][at] = value


GROUP_OF = tuple(GROUPS.index(name.split("_")[0]) for name in VALUES)
"""Group of each value."""
assert set(BOXES) <= set(POINTS)
