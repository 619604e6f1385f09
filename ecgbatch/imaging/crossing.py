"""Ink that two traces share: who drew which part of it.

Where a tall beat reaches the trace of the row beside it, both paths hold the same runs. The columns
beside the meeting tell who came over: its runs stretch towards the other row. The visitor keeps
the run's far end as the end of its peak; the other line is walked through straight, or is missing
where it was in motion itself and nobody can see what it did. Where two lines run together for
longer than any crossing lasts, each keeps the edge on its own side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ecgbatch.imaging.path import CROSSING_MM
from ecgbatch.imaging.runs import IndexArray, Runs
from ecgbatch.types import FloatArray

BoolArray: TypeAlias = npt.NDArray[np.bool_]

_BAR_MM = 3.0  # lower ones do little harm
_BAR_PENS = 1.75  # widths of the pen
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
    shared: BoolArray

    @property
    def level_px(self) -> float:
        """Height at which the lead mostly runs; NaN without ink of its own."""
        own = ~self.shared & np.isfinite(self.top_px)
        return float(np.median((self.top_px + self.bottom_px)[own]) / 2) if own.any() else np.nan


def part_ink(
    runs: Runs,
    paths: Sequence[tuple[IndexArray, BoolArray]],
    lefts: Sequence[int],
    *,
    radius_px: float,
    px_per_mm: float,
) -> list[Edges]:
    """Give each path its own edges, also where several hold the same runs.

    Args:
        runs: Of the page.
        paths: For each lead, as ``path.find_path`` gives it: the run in each column, and where
            other ink crosses.
        lefts: First column of each.
        radius_px: Half the line's width.
        px_per_mm: Scale of the page.

    Returns:
        The edges of each lead, in the order of ``paths``.
    """
    uses = np.zeros(runs.column.size + 1, np.intp)
    for path, _ in paths:
        uses[path] += 1
    uses[-1] = 0  # -1 stands for no run
    whole = [
        _edges(runs, path, left, crossed | (uses[path] > 1))
        for (path, crossed), left in zip(paths, lefts, strict=True)
    ]
    beside = max(1, round(_BESIDE_MM * px_per_mm))
    parted = []
    for number, (mine, (path, _)) in enumerate(zip(whole, paths, strict=True)):
        top, bottom = mine.top_px.copy(), mine.bottom_px.copy()
        for start, stop in stretches(mine.shared):
            here = slice(start, stop)
            other = _partner(paths, lefts, number, path[start:stop], mine.left + start)
            above = other is not None and mine.level_px < whole[other].level_px
            if other is not None and stop - start > CROSSING_MM * px_per_mm:
                if above:
                    bottom[here] = top[here] + 2 * radius_px
                else:
                    top[here] = bottom[here] - 2 * radius_px
                continue
            line = _straight(mine, start, stop, beside, most_px=2 * radius_px + px_per_mm)
            if other is None:
                visited = bool(np.isfinite(line).all())
            else:
                theirs, shift = whole[other], mine.left - whole[other].left
                reach = _reach(mine, start, stop, beside, down=above)
                their_reach = _reach(theirs, start + shift, stop + shift, beside, down=not above)
                visited = reach < their_reach
            if visited:
                line = np.clip(line, top[here] + radius_px, bottom[here] - radius_px)
                top[here], bottom[here] = line - radius_px, line + radius_px
        parted.append(Edges(left=mine.left, top_px=top, bottom_px=bottom, shared=mine.shared))
    return parted


def _edges(runs: Runs, path: IndexArray, left: int, shared: BoolArray) -> Edges:
    found = path >= 0
    top, bottom = np.full((2, path.size), np.nan, np.float32)
    top[found], bottom[found] = runs.top_px[path[found]], runs.bottom_px[path[found]]
    return Edges(left=left, top_px=top, bottom_px=bottom, shared=found & shared)


def without_bars(edges: Edges, *, radius_px: float, px_per_mm: float) -> Edges:
    """Take out solid upright bars, such as marks between columns, that a path ran into.

    A pen that follows a function leaves no column of ink whose two ends both stay where they are
    for longer than the pen is wide: at a peak one end stays and the other one runs away.

    Args:
        edges: Of one lead.
        radius_px: Half the line's width.
        px_per_mm: Scale of the page.

    Returns:
        The edges, NaN where a bar stands.
    """
    tall = edges.bottom_px - edges.top_px > _BAR_MM * px_per_mm
    still = np.ones(tall.size, np.bool_)
    for edge in (edges.top_px, edges.bottom_px):
        still[1:] &= np.abs(np.diff(edge)) <= 1
    top, bottom = edges.top_px.copy(), edges.bottom_px.copy()
    for start, stop in stretches(tall & still):
        if stop - start + 1 > _BAR_PENS * 2 * radius_px:  # the first column has no still one before
            margin = 2 + int(radius_px)  # grey sides of the bar, and what the pen adds
            bar = slice(max(start - margin, 0), stop + margin)
            top[bar] = bottom[bar] = np.nan
    return replace(edges, top_px=top, bottom_px=bottom)


def stretches(mask: BoolArray) -> list[tuple[int, int]]:
    """Start and stop of every stretch of True.

    Example:
        >>> stretches(np.array([False, True, True, False, True]))
        [(1, 3), (4, 5)]
    """
    change = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    return [(int(start), int(stop)) for start, stop in change.reshape(-1, 2)]


def _partner(
    paths: Sequence[tuple[IndexArray, BoolArray]],
    lefts: Sequence[int],
    mine: int,
    runs: IndexArray,
    column: int,
) -> int | None:
    """The other lead that holds most of some runs; None where it is nobody's ink."""
    held = np.zeros(len(paths), np.intp)
    for number, ((path, _), left) in enumerate(zip(paths, lefts, strict=True)):
        start = column - left
        if number != mine and start < path.size and start + runs.size > 0:
            theirs = path[max(start, 0) : start + runs.size]
            offset = max(-start, 0)
            held[number] = np.sum(theirs == runs[offset : offset + theirs.size])
    return int(np.argmax(held)) if held.any() else None


def _beside(edges: Edges, start: int, stop: int, beside: int) -> IndexArray:
    """The columns beside a meeting in which the lead has ink of its own."""
    near = np.r_[max(0, start - beside) : start, stop : min(stop + beside, edges.top_px.size)]
    near = near[(near >= 0) & (near < edges.top_px.size)]
    return np.asarray(near[~edges.shared[near] & np.isfinite(edges.top_px[near])])


def _reach(edges: Edges, start: int, stop: int, beside: int, *, down: bool) -> float:
    """How far the ink beside a meeting stretches from the lead's level towards the other."""
    near = _beside(edges, start, stop, beside)
    if near.size == 0:
        return 0.0
    if down:
        return float(edges.bottom_px[near].max() - edges.level_px)
    return float(edges.level_px - edges.top_px[near].min())


def _straight(edges: Edges, start: int, stop: int, beside: int, *, most_px: float) -> FloatArray:
    """The straight line through a meeting; NaN where the lead is in motion on either side."""
    near = _beside(edges, start, stop, beside)
    moving = near.size == 0 or (edges.bottom_px[near].max() - edges.top_px[near].min() > most_px)
    if moving:
        return np.full(stop - start, np.nan, np.float32)
    centre = (edges.top_px + edges.bottom_px)[near] / 2
    return np.interp(np.arange(start, stop), near, centre).astype(np.float32)
