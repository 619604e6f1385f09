"""Runs of ink: what each column of a page shows, and how that hangs together from one to the next.

Edges are finer than a pixel: the grey of a smoothed edge says how far into the pixel it lies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ecgbatch.types import ByteArray, FloatArray

IndexArray: TypeAlias = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Every run of ink on a page, sorted by column and then downwards.

    Attributes:
        column: ``(run,)`` where it stands.
        top_px: ``(run,)`` float32 upper edge, in rows, where darkness passes the level.
        bottom_px: ``(run,)`` float32 lower edge.
        first: ``(columns + 1,)`` index of each column's first run; the last is their number.
    """

    column: IndexArray
    top_px: FloatArray
    bottom_px: FloatArray
    first: IndexArray

    @property
    def centre_px(self) -> FloatArray:
        """Middle of each run."""
        return np.asarray((self.top_px + self.bottom_px) / 2, np.float32)


def ink_level(ink: ByteArray) -> float:
    """Half the darkness of a full stroke, which is where an edge lies.

    Args:
        ink: ``(row, column)`` uint8, 0 paper to 255 ink.

    Returns:
        Half the median over inked columns of the darkest pixel, in grey levels; 128 without ink.
    """
    darkest = ink.max(axis=0, initial=0)
    inked = darkest[darkest >= 64]  # less than a quarter of full ink is paper or grid
    return float(np.median(inked)) / 2 if inked.size else 128.0


def find_runs(ink: ByteArray, *, level: float, join_px: float = 0.0) -> Runs:
    """Find the runs of pixels at or above ``level`` in every column.

    Edges are placed by linear interpolation between the last pixel outside and the first inside.

    Args:
        ink: ``(row, column)`` uint8, 0 paper to 255 ink.
        level: Grey level of an edge, see ``ink_level``.
        join_px: Runs of a column that stand closer are one: printers leave holes in steep strokes.

    Returns:
        The runs; a run that touches the border of the page ends there.
    """
    rows, columns = ink.shape
    inside = np.zeros((rows + 2, columns), np.bool_)  # paper above and below
    np.greater_equal(ink, np.uint8(np.ceil(level)), out=inside[1:-1])
    row, column = np.divmod(np.flatnonzero(inside[1:] != inside[:-1]), columns)
    order = np.argsort(column.astype(np.min_scalar_type(columns)), kind="stable")
    # Within a column, what changes is by turns the first row of a run and the first after it.
    top, bottom = row[order[0::2]], row[order[1::2]] - 1
    column = column[order[0::2]]
    upper, lower = _grey(ink, top, column), _grey(ink, bottom, column)
    above, below = _grey(ink, top - 1, column), _grey(ink, bottom + 1, column)
    top_px = (top - (upper - level) / (upper - above)).astype(np.float32)
    bottom_px = (bottom + (lower - level) / (lower - below)).astype(np.float32)
    apart = np.ones(column.size + 1, np.bool_)  # between a run and the one before
    apart[1:-1] = (np.diff(column) > 0) | (top_px[1:] - bottom_px[:-1] >= join_px)
    column = column[apart[:-1]]
    return Runs(
        column=column,
        top_px=top_px[apart[:-1]],
        bottom_px=bottom_px[apart[1:]],
        first=np.searchsorted(column, np.arange(columns + 1)),
    )


def _grey(ink: ByteArray, row: IndexArray, column: IndexArray) -> FloatArray:
    """Darkness of pixels; beyond the page there is paper."""
    on_page = (row >= 0) & (row < ink.shape[0])
    return np.where(on_page, ink[np.clip(row, 0, ink.shape[0] - 1), column], 0).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """How runs touch those of the next column.

    Attributes:
        next_first: ``(run,)`` first run of the next column that touches.
        next_count: ``(run,)`` how many do.
        chain: ``(run,)`` number of the chain that the run belongs to: a stretch of columns in
            which each run touches exactly one run on either side.
    """

    next_first: IndexArray
    next_count: IndexArray
    chain: IndexArray


def link_runs(runs: Runs, *, slack_px: float) -> Links:
    """Join runs that touch into chains that break where ink splits or merges.

    Args:
        runs: Of one page.
        slack_px: Vertical distance at which runs of neighbouring columns still touch.

    Returns:
        The links; chains are numbered from 0 in the order of their first run.
    """
    count = runs.column.size
    # One ascending key for (column, height), so that a single search serves all columns.
    span = float(runs.bottom_px.max(initial=0.0)) + 4 * (slack_px + 1)
    beyond = (runs.column + 1) * span
    tops = runs.column * span + runs.top_px.astype(np.float64)
    bottoms = runs.column * span + runs.bottom_px.astype(np.float64)
    next_first = np.searchsorted(bottoms, beyond + runs.top_px - slack_px)
    next_end = np.searchsorted(tops, beyond + runs.bottom_px + slack_px, side="right")
    next_first = np.minimum(np.maximum(next_first, runs.first[runs.column + 1]), next_end)
    next_count = next_end - next_first
    # Runs of one column that touch a run of the next stand side by side: count by differences.
    edge = np.bincount(next_first, minlength=count + 1) - np.bincount(next_end, minlength=count + 1)
    before_count = np.cumsum(edge)[:count]
    alone = np.flatnonzero(next_count == 1)
    alone = alone[before_count[next_first[alone]] == 1]
    root = np.arange(count)
    root[next_first[alone]] = alone
    while True:  # pointers jump twice as far each time
        further = root[root]
        if np.array_equal(further, root):
            break
        root = further
    _, chain = np.unique(root, return_inverse=True)
    return Links(next_first=next_first, next_count=next_count, chain=chain)
