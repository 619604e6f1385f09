"""Which ink belongs to a lead: the cheapest walk along chains of runs from left to right.

A lead's own trace is one chain as long as nothing touches it, because a pen that follows a
function inks one run per column. Chains end where ink is missing, splits or merges. The walk is
paid for every column of ink that it covers and pays for gaps, for jumps and for straying from the
lead's row. Where two chains meet and part again within a few millimetres, two traces cross: there
the walk may only go on in the direction from which it came.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ecgbatch.imaging.runs import IndexArray, Links, Runs
from ecgbatch.types import DoubleArray

# Prices in columns of ink. They decide ties between unlike pieces of ink and need no fine tuning.
_PER_GAP_COLUMN = 0.25  # ink that is missing is cheaper than ink of somebody else
_PER_JUMP_PX = 1.0
_PER_STRAY_MM = 0.02  # mean distance from the lead's own row
_PER_OUTSIDE_MM = 0.2  # beyond where its trace may run
_CROSSING_MM = 3.0  # two traces that run together for longer do not cross, they overlap
_DIRECTION_MM = 0.8  # stretch of a chain that tells its direction
_MOST_CHAINS = 256  # a clean lead has a few; a page of speckle has thousands, and no lead


@dataclass(frozen=True, slots=True, eq=False)
class _Chains:
    """The chains of one lead's band, sorted by first column."""

    first: IndexArray  # run
    last: IndexArray  # run
    value: DoubleArray
    start: IndexArray  # column
    stop: IndexArray  # column of the last run
    enter_y: DoubleArray
    enter_slope: DoubleArray
    leave_y: DoubleArray
    leave_slope: DoubleArray


def find_path(
    runs: Runs,
    links: Links,
    *,
    left: int,
    right: int,
    top_px: float,
    bottom_px: float,
    baseline_px: float,
    px_per_mm: float,
) -> IndexArray:
    """Choose one run per column for one lead.

    Args:
        runs: Of the page.
        links: Of ``runs``.
        left: First column of the lead.
        right: One past its last column.
        top_px: Upper border of where the trace may run; peaks may leave it.
        bottom_px: Lower border.
        baseline_px: Row of the lead's zero line; NaN where unknown.
        px_per_mm: Scale of the page.

    Returns:
        ``(right - left,)`` index of the chosen run, -1 where the lead has no ink.
    """
    path = np.full(right - left, -1, np.intp)
    mine = np.arange(runs.first[left], runs.first[right])
    inside = (runs.bottom_px[mine] >= top_px) & (runs.top_px[mine] <= bottom_px)
    welcome = np.unique(links.chain[mine[inside]])
    mine = mine[np.isin(links.chain[mine], welcome)]
    if mine.size == 0:
        return path
    centre = runs.centre_px[mine]
    outside_px = np.maximum(0, np.maximum(top_px - centre, centre - bottom_px))
    price = _PER_OUTSIDE_MM * outside_px / px_per_mm
    if np.isfinite(baseline_px):
        price += _PER_STRAY_MM * np.abs(centre - baseline_px) / px_per_mm
    chains = _gather(runs, links, mine, 1.0 - price, reach=max(2, round(_DIRECTION_MM * px_per_mm)))
    for number in _walk(runs, links, chains, longest=_CROSSING_MM * px_per_mm):
        members = mine[links.chain[mine] == links.chain[chains.first[number]]]
        path[runs.column[members] - left] = members
    return path


def _gather(
    runs: Runs, links: Links, mine: IndexArray, value: DoubleArray, *, reach: int
) -> _Chains:
    """Sum up chains: where they begin and end, in which direction, and what they are worth."""
    order = np.argsort(links.chain[mine], kind="stable")
    members, worth = mine[order], value[order]
    heads = np.flatnonzero(np.diff(links.chain[members], prepend=-1))
    tails = np.append(heads[1:], members.size) - 1
    total = np.add.reduceat(worth, heads)
    if heads.size > _MOST_CHAINS:
        kept = np.argsort(-total, kind="stable")[:_MOST_CHAINS]
        heads, tails, total = heads[kept], tails[kept], total[kept]
    order = np.argsort(runs.column[members[heads]], kind="stable")
    heads, tails, total = heads[order], tails[order], total[order]
    column = runs.column[members]
    centre = runs.centre_px[members].astype(np.float64)
    inner_head = np.minimum(heads + reach, tails)
    inner_tail = np.maximum(tails - reach, heads)
    return _Chains(
        first=members[heads],
        last=members[tails],
        value=total,
        start=column[heads],
        stop=column[tails],
        enter_y=centre[heads],
        enter_slope=(centre[inner_head] - centre[heads]) / np.maximum(inner_head - heads, 1),
        leave_y=centre[tails],
        leave_slope=(centre[tails] - centre[inner_tail]) / np.maximum(tails - inner_tail, 1),
    )


def _walk(runs: Runs, links: Links, chains: _Chains, *, longest: float) -> list[int]:
    """Best sequence of chains by dynamic programming over their ends."""
    count = chains.first.size
    best = chains.value.copy()
    before = np.full(count, -1)
    knots = _find_knots(links, chains, longest=longest)
    for here in range(1, count):
        there = np.flatnonzero(chains.stop[:here] < chains.start[here])
        if there.size == 0:
            continue
        gap = chains.start[here] - chains.stop[there] - 1
        first, last = chains.first[here], chains.last[there]
        apart = np.maximum(
            runs.top_px[first] - runs.bottom_px[last], runs.top_px[last] - runs.bottom_px[first]
        )
        cost = _PER_GAP_COLUMN * gap + _PER_JUMP_PX * np.maximum(apart, 0)
        # Across a knot, what counts is whether both sides lie on one line.
        over = (gap > 0) & (gap <= longest)
        steps = gap + 1.0
        ahead = chains.leave_y[there] + chains.leave_slope[there] * steps
        back = chains.enter_y[here] - chains.enter_slope[here] * steps
        miss = np.minimum(
            np.abs(ahead - chains.enter_y[here]), np.abs(back - chains.leave_y[there])
        )
        cost = np.where(over & knots[2][there] & knots[1][here], _PER_JUMP_PX * miss, cost)
        # A knot itself is no place to turn.
        cost = np.where(knots[0][there] | knots[0][here], cost + longest, cost)
        total = best[there] - cost
        choice = int(np.argmax(total))
        if total[choice] > 0:
            best[here] += total[choice]
            before[here] = there[choice]
    walk = [int(np.argmax(best))]
    while before[walk[-1]] >= 0:
        walk.append(int(before[walk[-1]]))
    return walk[::-1]


def _find_knots(
    links: Links, chains: _Chains, *, longest: float
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Short chains where several come together and part again, those after and those before."""
    chain_number = {int(links.chain[run]): number for number, run in enumerate(chains.first)}
    count = chains.first.size
    leaves: list[list[int]] = [[] for _ in range(count)]
    enters: list[list[int]] = [[] for _ in range(count)]
    for number in range(count):
        run = chains.last[number]
        for follower in range(links.next_first[run], links.next_first[run] + links.next_count[run]):
            other = chain_number.get(int(links.chain[follower]))
            if other is not None and other != number:
                leaves[number].append(other)
                enters[other].append(number)
    knot = np.zeros(count, np.bool_)
    after = np.zeros(count, np.bool_)
    ahead = np.zeros(count, np.bool_)
    for number in range(count):
        short = chains.stop[number] - chains.start[number] < longest
        if short and len(enters[number]) > 1 and len(leaves[number]) > 1:
            knot[number] = True
            after[leaves[number]] = True
            ahead[enters[number]] = True
    return knot, after, ahead
