"""Ink that two traces share: who drew which part of it.

Where a tall beat reaches the trace of the row beside it, both paths hold the same runs. The columns
beside the meeting tell who came over: its runs stretch towards the other row. The visitor keeps
the run's far end as the end of its peak; the other line is walked through straight. Where two
lines run together for longer than any crossing lasts, each keeps the edge on its own side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ecgbatch.imaging.runs import IndexArray, Runs
from ecgbatch.types import FloatArray

_CROSSING_MM = 3.0  # as in ``path``
_BESIDE_MM = 0.4  # columns beside a meeting that are asked


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Upper and lower edge of one lead's own ink.

    Attributes:
        left: First column.
        top_px: ``(column,)`` float32; NaN where the lead has no ink.
        bottom_px: The same for the lower edge.
        shared: ``(column,)`` True where the ink is another trace's too.
    """

    left: int
    top_px: FloatArray
    bottom_px: FloatArray
    shared: npt.NDArray[np.bool_]

    @property
    def level_px(self) -> float:
        """Height at which the lead mostly runs; NaN without ink of its own."""
        own = ~self.shared & np.isfinite(self.top_px)
        return float(np.median((self.top_px + self.bottom_px)[own]) / 2) if own.any() else np.nan


def part_ink(
    runs: Runs, paths: list[IndexArray], lefts: list[int], *, radius_px: float, px_per_mm: float
) -> list[Edges]:
    """Give each path its own edges, also where several hold the same runs.

    Args:
        runs: Of the page.
        paths: For each lead, the run in each of its columns, -1 where there is none.
        lefts: First column of each.
        radius_px: Half the line's width.
        px_per_mm: Scale of the page.

    Returns:
        The edges of each lead, in the order of ``paths``.
    """
    uses = np.zeros(runs.column.size + 1, np.intp)
    for path in paths:
        uses[path] += 1
    uses[-1] = 0  # -1 stands for no run
    whole = [_edges(runs, path, left, uses) for path, left in zip(paths, lefts, strict=True)]
    beside = max(1, round(_BESIDE_MM * px_per_mm))
    parted = []
    for number, (mine, path) in enumerate(zip(whole, paths, strict=True)):
        top, bottom = mine.top_px.copy(), mine.bottom_px.copy()
        for start, stop in stretches(mine.shared):
            other = _partner(paths, lefts, number, path[start], mine.left + start)
            theirs = whole[other]
            shift = mine.left - theirs.left
            above = mine.level_px < theirs.level_px
            if stop - start > _CROSSING_MM * px_per_mm:
                if above:
                    bottom[start:stop] = top[start:stop] + 2 * radius_px
                else:
                    top[start:stop] = bottom[start:stop] - 2 * radius_px
                continue
            reach = _reach(mine, start, stop, beside, down=above)
            their_reach = _reach(theirs, start + shift, stop + shift, beside, down=not above)
            if reach < their_reach:
                line = _straight(mine, start, stop)
                line = np.clip(line, top[start:stop] + radius_px, bottom[start:stop] - radius_px)
                top[start:stop], bottom[start:stop] = line - radius_px, line + radius_px
        parted.append(Edges(left=mine.left, top_px=top, bottom_px=bottom, shared=mine.shared))
    return parted


def _edges(runs: Runs, path: IndexArray, left: int, uses: IndexArray) -> Edges:
    found = path >= 0
    return Edges(
        left=left,
        top_px=np.where(found, runs.top_px[path], np.nan).astype(np.float32),
        bottom_px=np.where(found, runs.bottom_px[path], np.nan).astype(np.float32),
        shared=found & (uses[path] > 1),
    )


def stretches(mask: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and stop of every stretch of True.

    Example:
        >>> stretches(np.array([False, True, True, False, True]))
        [(1, 3), (4, 5)]
    """
    change = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    return [(int(start), int(stop)) for start, stop in change.reshape(-1, 2)]


def _partner(
    paths: list[IndexArray], lefts: list[int], mine: int, run: np.intp, column: int
) -> int:
    """The other lead that holds a run in a column."""
    for number, (path, left) in enumerate(zip(paths, lefts, strict=True)):
        if number != mine and 0 <= column - left < path.size and path[column - left] == run:
            return number
    raise AssertionError("a shared run has two holders")


def _reach(edges: Edges, start: int, stop: int, beside: int, *, down: bool) -> float:
    """How far the ink beside a meeting stretches from the lead's level towards the other."""
    near = np.r_[max(0, start - beside) : max(0, start), stop : stop + beside]
    near = near[near < edges.top_px.size]
    near = near[~edges.shared[near] & np.isfinite(edges.top_px[near])]
    if near.size == 0:
        return 0.0
    if down:
        return float(edges.bottom_px[near].max() - edges.level_px)
    return float(edges.level_px - edges.top_px[near].min())


def _straight(edges: Edges, start: int, stop: int) -> FloatArray:
    """The straight line through a meeting, level where only one side is known."""
    own = np.flatnonzero(~edges.shared & np.isfinite(edges.top_px))
    if own.size == 0:
        return np.asarray((edges.top_px + edges.bottom_px)[start:stop] / 2, np.float32)
    centre = (edges.top_px + edges.bottom_px)[own] / 2
    return np.interp(np.arange(start, stop), own, centre).astype(np.float32)
