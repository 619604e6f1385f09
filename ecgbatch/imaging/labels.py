"""Which of the names that were seen belongs to which trace.

Carts print names at one place beside the start of each trace, or at two: in front of the first
column and above the others. Where rows stand close together, a name is as near to the trace above
it as to the one below; which of both is meant is the same for the whole page, and is told by what
every habit leaves without a name or a trace.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from ecgbatch.imaging.masks import BoolArray
from ecgbatch.types import DoubleArray, Strip

_ASIDE_MM = (-18.0, 14.0)  # of a name's left end from the start of its trace
_AWAY_MM = 16.0  # of its middle from the zero line, up or down
_AWAY = 0.6  # the same, of the distance of rows, where they stand further apart
_ALIKE_MM = np.array([4.0, 2.0])  # of places of one habit, along and across traces
_SPREAD_MM = np.array([2.0, 0.8])  # the same, usually
_SAME_COLUMN_MM = 4.0
_ON_LINE_MM = 1.2
_MOST = 4  # places that are tried for either column
_DOUBT = (0.05, 0.98)

# Logarithms of how likely, against a name that is none and a place that is any.
_IN_PLACE = 2.0
_NAMELESS = -1.5
_TWO_PLACES = (-2.0, -8.0)  # of which that of the first column is in front of traces, or is not
_IN_FRONT, _ACROSS, _BELOW = -0.7, -1.5, -1.2
_FAR_MM, _PER_FAR_MM = 10.0, -0.3


@dataclass(frozen=True, slots=True)
class Pairing:
    """Names of traces by one habit.

    Attributes:
        names: Index of the name of each trace, None where it has none.
        score: Logarithm of how likely it is, to be compared with the others of its page.
    """

    names: tuple[int | None, ...]
    score: float


def pairings(
    strips: Sequence[Strip], names: DoubleArray, sure: Sequence[float], *, px_per_mm: float
) -> list[Pairing]:
    """Give each trace its name, in every way that a habit of printing explains.

    Args:
        strips: Traces.
        names: ``(name, 5)`` boxes and likelihoods, see ``Findings``.
        sure: How likely each of them is a name, 0 to 1.
        px_per_mm: Scale of the page.

    Returns:
        The likeliest first; the last resort, that no name belongs to any trace, is among them.
    """
    nothing = Pairing((None,) * len(strips), _NAMELESS * len(strips))
    if not len(names) or not strips:
        return [nothing]
    left = min(strip.left_px for strip in strips)
    first = np.array([strip.left_px - left < _SAME_COLUMN_MM * px_per_mm for strip in strips])
    starts = np.array([(strip.left_px, strip.left_zero_px) for strip in strips])
    away = _away(starts, first, names, px_per_mm=px_per_mm)
    likely = np.clip(np.asarray(sure, np.float64), *_DOUBT)
    odds = np.log(likely / (1 - likely))
    found = {nothing.names: nothing}
    for habit in _habits(away, first, odds):
        pairing = _paired(away - habit[:, None], odds, prior=_prior(habit, first))
        known = found.get(pairing.names)
        if known is None or known.score < pairing.score:
            found[pairing.names] = pairing
    return sorted(found.values(), key=lambda each: -each.score)


def _away(
    starts: DoubleArray, first: BoolArray, names: DoubleArray, *, px_per_mm: float
) -> DoubleArray:
    """Return ``(trace, name, 2)`` millimetres from start to name; infinite where too far."""
    places = np.column_stack([names[:, 0], (names[:, 1] + names[:, 3]) / 2])
    away = (places[None] - starts[:, None]) / px_per_mm
    rows_mm = np.diff(np.sort(starts[first, 1])) / px_per_mm
    reach_mm = max(_AWAY_MM, _AWAY * float(np.median(rows_mm))) if rows_mm.size else _AWAY_MM
    possible = (away[..., 0] > _ASIDE_MM[0]) & (away[..., 0] < _ASIDE_MM[1])
    possible &= np.abs(away[..., 1]) < reach_mm
    return np.where(possible[..., None], away, np.inf)


def _habits(away: DoubleArray, first: BoolArray, odds: DoubleArray) -> Iterator[DoubleArray]:
    """Yield places of names, ``(trace, 2)`` in millimetres from the starts of their traces."""
    of_first = _places(away[first], odds)
    of_others = _places(away[~first], odds)
    for one, other in product(of_first or of_others, of_others or of_first):
        yield np.where(first[:, None], one, other)


def _places(away: DoubleArray, odds: DoubleArray) -> list[DoubleArray]:
    """Return the places at which most traces have a name, each the middle of its names."""
    rated: list[tuple[float, DoubleArray]] = []
    for offset in np.unique(np.rint(away[np.isfinite(away[..., 0])]), axis=0):
        place = offset
        for _ in range(2):
            near = (np.abs(away - place) <= _ALIKE_MM).all(axis=2)
            place = np.median(away[near], axis=0) if near.any() else place
        pairing = _paired(away - place, odds, prior=_beside(place))
        if not any((np.abs(place - other) < _SPREAD_MM / 2).all() for _, other in rated):
            rated.append((pairing.score, place))
    rated.sort(key=lambda each: -each[0])
    return [place for _, place in rated[:_MOST]]


def _paired(off: DoubleArray, odds: DoubleArray, *, prior: float) -> Pairing:
    """Pair what is nearest to its place; within one habit no name can be another trace's, too."""
    fits = (np.abs(off) <= _ALIKE_MM).all(axis=2)
    worth = np.where(fits, _IN_PLACE - 0.5 * ((off / _SPREAD_MM) ** 2).sum(axis=2), -np.inf)
    worth = worth + odds
    given: list[int | None] = [None] * len(off)
    score = prior + _NAMELESS * len(off)
    while worth.size and worth.max() > _NAMELESS:
        strip, name = np.unravel_index(int(worth.argmax()), worth.shape)
        given[int(strip)] = int(name)
        score += float(worth[strip, name]) - _NAMELESS
        worth[strip], worth[:, name] = -np.inf, -np.inf
    return Pairing(tuple(given), score)


def _prior(habit: DoubleArray, first: BoolArray) -> float:
    places = [habit[of][0] for of in (first, ~first) if of.any()]
    prior = sum(map(_beside, places)) / len(places)
    if len(places) > 1 and (np.abs(places[0] - places[1]) > _ALIKE_MM).any():
        prior += _TWO_PLACES[0 if _is_in_front(places[0]) else 1]
    return prior


def _beside(place_mm: DoubleArray) -> float:
    """Return how usual a place is: above the start of a trace, in front of it, or elsewhere."""
    x, y = place_mm.tolist()
    usual = 0.0
    if _is_in_front(place_mm):
        usual = _IN_FRONT
    elif abs(y) <= _ON_LINE_MM:
        usual = _ACROSS
    elif y > 0:
        usual = _BELOW
    return usual + _PER_FAR_MM * max(math.hypot(x, y) - _FAR_MM, 0.0)


def _is_in_front(place_mm: DoubleArray) -> bool:
    x, y = place_mm.tolist()
    return bool(x < 0 and abs(y) <= _ON_LINE_MM)
