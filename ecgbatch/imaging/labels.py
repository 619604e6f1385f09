"""Which of the names that were seen belongs to which trace."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ecgbatch.types import DoubleArray, Strip

_ASIDE_MM = (-18.0, 14.0)  # of a name's left end from the start of its trace
_AWAY_MM = 16.0  # of its middle from the zero line, up or down
_ALIKE_MM = 2.0  # of places of names that follow one habit


def names_of_strips(
    strips: Sequence[Strip], names: DoubleArray, *, px_per_mm: float
) -> list[int | None]:
    """Give each trace its name.

    Carts print names at one place beside the start of each trace, or at two: in front of the first
    column and above the others. The place that most traces have a name at is taken first.

    Args:
        strips: Traces.
        names: ``(name, 5)`` boxes and likelihoods, see ``Findings``.
        px_per_mm: Scale of the page.

    Returns:
        Index into ``names`` for each trace, None where it has none.
    """
    given: list[int | None] = [None] * len(strips)
    if not len(names) or not strips:
        return given
    starts = np.array([(strip.left_px, strip.left_zero_px) for strip in strips])
    places = np.column_stack([names[:, 0], (names[:, 1] + names[:, 3]) / 2])
    away = (places[None] - starts[:, None]) / px_per_mm
    possible = (away[..., 0] > _ASIDE_MM[0]) & (away[..., 0] < _ASIDE_MM[1])
    possible &= np.abs(away[..., 1]) < _AWAY_MM
    while possible.any():
        habit = _habit(away, possible, names[:, 4])
        off = np.where(possible, np.abs(away - habit).max(axis=2), np.inf)
        while off.min() <= _ALIKE_MM:
            strip, name = np.unravel_index(int(off.argmin()), off.shape)
            given[int(strip)] = int(name)
            off[strip], off[:, name] = np.inf, np.inf
            possible[strip], possible[:, name] = False, False
    return given


def _habit(away: DoubleArray, possible: np.ndarray, likelihood: DoubleArray) -> DoubleArray:
    """Return the place that most traces have a name at; of equals the nearest."""
    pairs = np.argwhere(possible)
    offsets = away[possible]
    best, chosen = -np.inf, offsets[0]
    for offset in offsets:
        alike = np.abs(offsets - offset).max(axis=1) <= _ALIKE_MM
        traces = np.unique(pairs[alike, 0])
        sure = float(likelihood[pairs[alike, 1]].mean())
        value = len(traces) + 0.5 * sure - 0.02 * float(np.hypot(*offset))
        if value > best:
            best, chosen = value, offset
    return np.asarray(chosen)
