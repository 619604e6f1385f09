"""Which lead stands where, from traces and names that the networks saw, in any arrangement."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ecgbatch.flags import Flag
from ecgbatch.types import EXTRA_LEADS, LEADS, Strip

_CABRERA = ("aVL", "I", "-aVR", "II", "aVF", "III", *LEADS[6:])
_UPRIGHT_CABRERA = ("aVL", "I", "aVR", "II", "aVF", "III", *LEADS[6:])
_LONG = 1.6  # of the usual strip: a row of one trace this long shows the rhythm
_FLOOR = 0.02  # a reader errs at least this often
_FREE = -10.0
"""Logarithm of how likely an order is that no list has."""
_READ, _READ_ALONE = 0.5, 0.9
"""From which likelihood on a name counts as read where the order of the others agrees, and where
nothing but its letters tells it."""
_RHYTHM, _RARE = {"II": 0.55, "V1": 0.22, "V5": 0.1}, 0.015
"""How often carts choose a lead for a long row; any other is rare."""
_FAR = 0.8  # share of one lead among all that a long row may show, from which on it is no guess
_SLIP = 0.002  # how often letters are read for one certain other name
_ALIGNED_MM = 1.5
_COLUMN = 0.4  # of the usual width: starts of one column are nearer to each other
_LOST_ROW = 1.7  # of the usual distance: more is where a row was not seen
_TELLING_STEPS = 3


@dataclass(frozen=True, slots=True, eq=False)
class SeenLead:
    """One trace with what its name may be.

    Attributes:
        strip: Where it is.
        names: How likely each name is, ``-aVR`` among them; empty where no name was seen.
    """

    strip: Strip
    names: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class SeenPlace:
    """One lead in an arrangement.

    Attributes:
        lead: Its name.
        inverted: Whether it is printed upside down.
        role: ``strip`` or ``rhythm``.
        read: Whether its name was read, rather than guessed from the others.
        row: Row of the page, from 0.
        column: Column of its row, from 0.
        strip: Where it is, its ends shared with those above and below it.
    """

    lead: str
    inverted: bool
    role: str
    read: bool
    row: int
    column: int
    strip: Strip


@dataclass(frozen=True, slots=True)
class SeenLayout:
    """Which lead stands where.

    Attributes:
        name: Rows x columns and rhythm rows, such as ``3x4+1R``.
        places: Row by row.
        flags: What a reader should know of names and layout.
        score: Logarithm of how likely its names are, as they were read and in this order.
    """

    name: str
    places: tuple[SeenPlace, ...]
    flags: tuple[Flag, ...]
    score: float


def arrange_seen(rows: Sequence[Sequence[SeenLead]], *, px_per_mm: float) -> SeenLayout:
    """Name every trace.

    What was read counts for as much as it is sure. Against it stand the orders in which carts
    print: one misread name among eleven is put right by the order of the others, and twelve clear
    names in an order that nobody listed stand as they were read.

    Args:
        rows: Traces of each row, from the top down and from left to right; at least one.
        px_per_mm: Scale of the page.
    """
    rhythm = _rhythm_rows(rows)
    shown = _rhythm_names({at: rows[at][0].names for at in rhythm})
    matrix = _cells([row for number, row in enumerate(rows) if number not in rhythm])
    names, listed, score = _matrix_names(matrix)
    places: list[SeenPlace] = []
    number = 0
    for at, row in enumerate(rows):
        for lead in row:
            column = 0
            if at in rhythm:
                name, alone = shown[at]
                read = alone and lead.names.get(name, 0.0) >= _READ
            else:
                name, (_, column) = names[number], matrix.cells[number]
                number += 1
                sure = _READ if listed else _READ_ALONE
                read = bool(lead.names) and lead.names.get(name, 0.0) >= sure
            places.append(
                SeenPlace(
                    lead=name.removeprefix("-"),
                    inverted=name.startswith("-"),
                    role="rhythm" if at in rhythm else "strip",
                    read=read,
                    row=at,
                    column=column,
                    strip=lead.strip,
                )
            )
    places = _once(places)
    flags = [] if all(place.read for place in places) else [Flag.NAMES_GUESSED]
    repeated = len(set(names)) < len(names)  # two ECGs on one page, or a name misread
    if repeated or not matrix.is_full or (not listed and not all(place.read for place in places)):
        flags.append(Flag.LAYOUT_GUESSED)
    suffix = f"+{len(rhythm)}R" if rhythm else ""
    return SeenLayout(
        name=f"{matrix.rows}x{matrix.columns}{suffix}",
        places=tuple(_aligned(places, px_per_mm=px_per_mm)),
        flags=tuple(flags),
        score=score,
    )


def _once(places: Sequence[SeenPlace]) -> list[SeenPlace]:
    """Take names for guessed that stand on several strips and were not read on all of them."""
    strips = [place for place in places if place.role == "strip"]
    told = Counter(place.lead for place in strips)
    doubted = {place.lead for place in strips if told[place.lead] > 1 and not place.read}
    return [
        replace(place, read=False) if place.role == "strip" and place.lead in doubted else place
        for place in places
    ]


def _width(lead: SeenLead) -> float:
    return lead.strip.right_px - lead.strip.left_px


def _rhythm_rows(rows: Sequence[Sequence[SeenLead]]) -> set[int]:
    several = [_width(lead) for row in rows if len(row) > 1 for lead in row]
    if not several:
        return set()
    usual = float(np.median(several))
    return {
        number
        for number, row in enumerate(rows)
        if len(row) == 1 and _width(row[0]) > _LONG * usual
    }


def _likeliest(names: Mapping[str, float]) -> str:
    best = max(names, key=lambda name: names[name], default="")
    return best if best and names[best] >= _READ else ""


def _rhythm_names(rows: Mapping[int, Mapping[str, float]]) -> dict[int, tuple[str, bool]]:
    """Name rhythm rows, each after another lead: the one that is surest first.

    Letters are weighed with how often carts choose a lead: where ``II`` and ``III`` are about as
    likely by their letters, it is ``II``.

    Returns:
        Of each row its name, and whether it is likelier than all others together by far.
    """
    left = dict(rows)
    named: dict[int, tuple[str, bool]] = {}
    while left:
        used = {name for name, _ in named.values()}
        open_names = [name for name in (*LEADS, *EXTRA_LEADS) if name not in used]
        odds = {
            at: {
                name: _RHYTHM.get(name, _RARE) * (names.get(name, 0.0) + _SLIP)
                for name in open_names
            }
            for at, names in left.items()
        }
        shares = {at: max(of.values()) / sum(of.values()) for at, of in odds.items()}
        surest = max(sorted(left), key=lambda at: (bool(left[at]), shares[at] if left[at] else -at))
        of = odds[surest]
        named[surest] = (max(of, key=lambda name: of[name]), shares[surest] >= _FAR)
        del left[surest]
    return named


@dataclass(frozen=True, slots=True)
class _Matrix:
    """Traces without the rhythm rows, each in its cell; cells may be empty."""

    leads: tuple[SeenLead, ...]
    cells: tuple[tuple[int, int], ...]
    rows: int
    columns: int

    @property
    def is_full(self) -> bool:
        return len(set(self.cells)) == self.rows * self.columns


def _cells(rows: Sequence[Sequence[SeenLead]]) -> _Matrix:
    """Tell rows and columns by where traces stand: one that was not seen leaves its cell empty."""
    leads = [lead for row in rows for lead in row]
    lefts = np.array([lead.strip.left_px for lead in leads])
    apart = _COLUMN * float(np.median([_width(lead) for lead in leads]))
    order = np.argsort(lefts)
    column = np.zeros(len(leads), int)
    column[order[1:]] = np.cumsum(np.diff(lefts[order]) > apart)
    middle = np.array(
        [np.mean([s.strip.left_zero_px + s.strip.right_zero_px for s in row]) / 2 for row in rows]
    )
    steps = np.diff(middle)
    pitch = float(np.median(steps)) if len(steps) >= _TELLING_STEPS else math.inf
    lost = np.where(steps > _LOST_ROW * pitch, np.rint(steps / pitch), 1).astype(int)
    at = np.concatenate([[0], np.cumsum(lost)])
    row = [int(place) for place, of_row in zip(at, rows, strict=True) for _ in of_row]
    return _Matrix(
        leads=tuple(leads),
        cells=tuple(zip(row, column.tolist(), strict=True)),
        rows=int(at[-1]) + 1,
        columns=int(column.max()) + 1,
    )


def _matrix_names(matrix: _Matrix) -> tuple[list[str], bool, float]:
    """Return names row by row, whether a usual order has them, and how likely they are."""
    best, chosen = -math.inf, None
    for order, prior in _orders(matrix):
        score = prior + sum(map(_logarithm, matrix.leads, order))
        if score > best:
            best, chosen = score, order
    free = _freely(matrix.leads)
    unlisted = _FREE + sum(map(_logarithm, matrix.leads, free))
    if chosen is None or unlisted > best:
        return free, False, unlisted
    return chosen, True, best


def _logarithm(lead: SeenLead, name: str) -> float:
    if not lead.names:
        return math.log(1 / len(LEADS))
    return math.log(max(lead.names.get(name, 0.0), _FLOOR))


def _freely(leads: Sequence[SeenLead]) -> list[str]:
    """Return what each was read as; who has no name gets the first that nobody has."""
    read = [_likeliest(lead.names) for lead in leads]
    unused = [name for name in (*LEADS, *EXTRA_LEADS) if name not in read]
    return [name or (unused.pop(0) if unused else LEADS[0]) for name in read]


def _orders(matrix: _Matrix) -> Iterator[tuple[list[str], float]]:
    """Yield the usual orders that fill a matrix, row by row, with the logarithm of how usual."""
    cells, rows, columns = matrix.cells, matrix.rows, matrix.columns
    posterior = (*LEADS, *EXTRA_LEADS[4:], *EXTRA_LEADS[:4])
    for order, prior in (
        (posterior, 0.0),
        ((*LEADS, "V4R", "V8", "V9"), -1.0),
        (_CABRERA, -1.5),
        (_UPRIGHT_CABRERA, -2.5),
    ):
        for by_rows in (False, True):
            if by_rows and columns == 1:
                continue
            for first in range(len(order)):
                places = [
                    first + (row * columns + column if by_rows else column * rows + row)
                    for row, column in cells
                ]
                if max(places) >= len(order):
                    break
                # Twelve leads on two pages: limbs first, then the chest.
                offset = 0.0 if first == 0 else -1.5 if first == 6 and rows == 6 else -4.0
                yield [order[place] for place in places], prior - 3.0 * by_rows + offset
    if cells == ((0, 0), (1, 0), (2, 0)):
        yield ["II", "V1", "V5"], -1.5
    if len(cells) == 1:
        yield ["II"], 0.5


def _aligned(places: Sequence[SeenPlace], *, px_per_mm: float) -> list[SeenPlace]:
    """Let traces begin and end where most of their neighbours above and below do."""
    lefts = _shared([place.strip.left_px for place in places], near=_ALIGNED_MM * px_per_mm)
    rights = _shared([place.strip.right_px for place in places], near=_ALIGNED_MM * px_per_mm)
    return [
        replace(place, strip=replace(place.strip, left_px=left, right_px=right))
        for place, left, right in zip(places, lefts, rights, strict=True)
    ]


def _shared(values: Sequence[float], *, near: float) -> list[float]:
    found = np.array(values)
    return [float(np.median(found[np.abs(found - value) <= near])) for value in values]
