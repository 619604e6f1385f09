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
    darkest = ink[:, ::4].max(axis=0, initial=0)  # a quarter of the columns tells as much as all
    inked = darkest[darkest >= 64]  # less than a quarter of full ink is paper or grid
    return float(np.median(inked)) / 2 if inked.size else 128.0


def find_runs(ink: ByteArray, *, level: float) -> Runs:
    """Find the runs of pixels at or above ``level`` in every column.

    Edges are placed by linear interpolation between the last pixel outside and the first inside.

    Args:
        ink: ``(row, column)`` uint8, 0 paper to 255 ink.
        level: Grey level of an edge, see ``ink_level``.

    Returns:
        The runs; a run that touches the border of the page ends there.
    """
    rows, columns = ink.shape
    inside = ink >= np.uint8(np.ceil(level))
    starts = inside.copy()
    starts[1:] &= ~inside[:-1]
    ends = inside
    ends[:-1] &= ~inside[1:]
    top, column = _by_column(starts)
    bottom, _ = _by_column(ends)
    above = np.where(top > 0, ink[np.maximum(top - 1, 0), column], 0).astype(np.float32)
    below = np.where(bottom < rows - 1, ink[np.minimum(bottom + 1, rows - 1), column], 0).astype(
        np.float32
    )
    upper = ink[top, column].astype(np.float32)
    lower = ink[bottom, column].astype(np.float32)
    return Runs(
        column=column,
        top_px=(top - (upper - level) / (upper - above)).astype(np.float32),
        bottom_px=(bottom + (lower - level) / (lower - below)).astype(np.float32),
        first=np.searchsorted(column, np.arange(columns + 1)),
    )


def _by_column(mask: npt.NDArray[np.bool_]) -> tuple[IndexArray, IndexArray]:
    """Rows and columns of what is set, sorted by column and then by row."""
    flat = np.flatnonzero(mask)
    row, column = np.divmod(flat, mask.shape[1])
    order = np.argsort(column.astype(np.uint32), kind="stable")
    return row[order], column[order]


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
