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

from ecgbatch.imaging.ranks import median
from ecgbatch.imaging.runs import IndexArray, Links, Runs
from ecgbatch.types import DoubleArray, FloatArray

# Prices in columns of ink. They decide ties between unlike pieces of ink and need no fine tuning.
_PER_GAP_COLUMN = 0.25  # ink that is missing is cheaper than ink of somebody else
_PER_JUMP_PX = 1.0
_PER_STRAY_MM = 0.02  # mean distance from the lead's own row
_PER_OUTSIDE_MM = 0.2  # beyond where its trace may run
CROSSING_MM = 5.0  # 0.2 s, wider than any QRS: what runs together for longer does not cross
_PER_FOREIGN_COLUMN = 1.2  # of ink that is surely not the lead's: as dear as a gap
_PER_TAKEN_COLUMN = 0.7  # of a chain that fits another lead better
_TURN_MM = 0.3  # a turn in a knot costs no more: a beat that crosses turns at its peak
_DIRECTION_MM = 0.8  # stretch of a chain that tells its direction
_SPECK = 0.6  # squares of the line's width; less ink is dirt
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
    taken: IndexArray | None = None,
    belief: FloatArray | None = None,
) -> tuple[IndexArray, npt.NDArray[np.bool_]]:
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
        taken: Chains that fit another lead better; they are used where there is no other ink.
        belief: ``(run,)`` 0 to 1, that a run holds ink of this lead; None where nobody can tell.

    Returns:
        ``(right - left,)`` index of the chosen run, -1 where the lead has no ink; and whether the
        run is a knot, where other ink crosses.
    """
    path = np.full(right - left, -1, np.intp)
    crossed = np.zeros(right - left, np.bool_)
    mine = np.arange(runs.first[left], runs.first[right])
    inside = (runs.bottom_px[mine] >= top_px) & (runs.top_px[mine] <= bottom_px)
    chain = links.chain[mine]
    mine = mine[_members(chain, chain[inside])]
    if mine.size == 0:
        return path, crossed
    chain = links.chain[mine]
    top, bottom = runs.top_px[mine], runs.bottom_px[mine]
    outside_px = np.maximum(0, np.maximum(top_px - bottom, top - bottom_px))
    price = _PER_OUTSIDE_MM * outside_px / px_per_mm
    if np.isfinite(baseline_px):
        stray_px = np.maximum(0, np.maximum(baseline_px - bottom, top - baseline_px))
        price += _PER_STRAY_MM * stray_px / px_per_mm
    if taken is not None:
        price = price + _PER_TAKEN_COLUMN * _members(chain, taken)
    if belief is not None:
        price = price + _PER_FOREIGN_COLUMN * (1 - belief[mine])
    line_px = median(bottom - top)
    worth = np.minimum((bottom - top) / line_px, 1.0)  # remains of a grid are thinner
    reach = max(2, round(_DIRECTION_MM * px_per_mm))
    chains = _gather(runs, links, mine, worth - price, reach=reach, speck_px2=_SPECK * line_px**2)
    walk = _walk(links, chains, runs, longest=CROSSING_MM * px_per_mm, turn_px=_TURN_MM * px_per_mm)
    numbers = links.chain[chains.first[[number for number, _ in walk]]]
    chosen = mine[_members(chain, numbers)]
    path[runs.column[chosen] - left] = chosen
    knots = numbers[[is_knot for _, is_knot in walk]]
    crossed[runs.column[chosen] - left] = _members(links.chain[chosen], knots)
    return path, crossed


def _members(chain: IndexArray, among: IndexArray) -> npt.NDArray[np.bool_]:
    """Whether each run's chain is ``among`` some; a table is quicker than ``np.isin``."""
    table = np.zeros(max(chain.max(initial=0), among.max(initial=0)) + 1, np.bool_)
    table[among] = True
    return np.asarray(table[chain])


def _gather(
    runs: Runs,
    links: Links,
    mine: IndexArray,
    value: DoubleArray,
    *,
    reach: int,
    speck_px2: float,
) -> _Chains:
    """Sum up chains: where they begin and end, in which direction, and what they are worth."""
    order = np.argsort(links.chain[mine], kind="stable")
    members, worth = mine[order], value[order]
    heads = np.flatnonzero(np.diff(links.chain[members], prepend=-1))
    tails = np.append(heads[1:], members.size) - 1
    total = np.add.reduceat(worth, heads)
    area = np.add.reduceat(runs.bottom_px[members] - runs.top_px[members], heads)
    kept = np.argsort(-area, kind="stable")[:_MOST_CHAINS]
    kept = kept[area[kept] >= min(speck_px2, area.max())]
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


def _walk(
    links: Links, chains: _Chains, runs: Runs, *, longest: float, turn_px: float
) -> list[tuple[int, bool]]:
    """Best sequence of chains by dynamic programming over their ends, and which are knots."""
    if chains.first.size == 1:
        return [(0, False)]
    into, out_of = _find_knots(links, chains, longest=longest)
    cost = _costs(chains, runs, into, out_of, turn_px=turn_px)
    # A knot is crossed, never visited.
    best = chains.value.copy()
    best[out_of[out_of >= 0]] = -np.inf
    before = np.full(best.size, -1)
    for here in range(1, best.size):
        total = best[:here] - cost[here, :here]
        choice = int(total.argmax())
        if total[choice] > 0 and best[here] > -np.inf:
            best[here] += total[choice]
            before[here] = choice
    place = int(np.argmax(best))
    walk = [(place, False)]
    while before[place] >= 0:
        earlier = int(before[place])
        if out_of[place] >= 0 and into[earlier] == out_of[place]:
            walk.append((int(out_of[place]), True))
        walk.append((earlier, False))
        place = earlier
    return walk[::-1]


def _costs(
    chains: _Chains, runs: Runs, into: IndexArray, out_of: IndexArray, *, turn_px: float
) -> DoubleArray:
    """What it costs to reach each chain (row) from each other one (column); inf against time."""
    gap = chains.start[:, None] - chains.stop[None, :] - 1
    top, bottom = (
        [side[ends].astype(np.float64) for ends in (chains.first, chains.last)]
        for side in (runs.top_px, runs.bottom_px)
    )
    apart = np.maximum(top[0][:, None] - bottom[1], top[1] - bottom[0][:, None])
    cost = _PER_GAP_COLUMN * gap + _PER_JUMP_PX * np.maximum(apart, 0)
    # Across a knot each side should lie on the other's line; its columns are covered.
    here, there = np.nonzero((out_of[:, None] >= 0) & (into[None, :] == out_of[:, None]))
    between = gap[here, there]
    off = _off_line(chains, there, here, columns=between + 1)
    cost[here, there] = _PER_JUMP_PX * np.minimum(off, turn_px) - between
    return np.where(gap >= 0, cost, np.inf)


def _off_line(
    chains: _Chains, there: IndexArray, here: IndexArray, *, columns: IndexArray
) -> DoubleArray:
    """Distance of each side of a knot from the line on which the other lies; the larger one."""
    leave, enter = chains.leave_slope[there], chains.enter_slope[here]
    ahead = chains.leave_y[there] + leave * columns - chains.enter_y[here]
    back = chains.enter_y[here] - enter * columns - chains.leave_y[there]
    aside = np.maximum(np.abs(ahead) / np.hypot(1, leave), np.abs(back) / np.hypot(1, enter))
    return np.asarray(aside)


def _find_knots(links: Links, chains: _Chains, *, longest: float) -> tuple[IndexArray, IndexArray]:
    """For each chain the knot that it runs into and the one that it comes out of, -1 for none.

    A knot is a short chain in which several come together and part again.
    """
    number_of = np.full(links.chain.max() + 1, -1)
    number_of[links.chain[chains.first]] = np.arange(chains.first.size)
    count = links.next_count[chains.last]
    source = np.repeat(np.arange(count.size), count)
    nth = np.arange(source.size) - np.repeat(np.cumsum(count) - count, count)
    target = number_of[links.chain[np.repeat(links.next_first[chains.last], count) + nth]]
    known = (target >= 0) & (target != source)
    source, target = source[known], target[known]
    enters, leaves = (np.bincount(ends, minlength=count.size) for ends in (target, source))
    knot = (chains.stop - chains.start < longest) & (enters > 1) & (leaves > 1)
    into, out_of = np.full((2, count.size), -1)
    order = np.argsort(target, kind="stable")  # of several knots the last one counts
    order = order[knot[target[order]]]
    into[source[order]] = target[order]
    out_of[target[knot[source]]] = source[knot[source]]
    return into, out_of
