"""Which lead a long row repeats: the one whose ink it matches where both show the same moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ecgbatch.flags import Flag
from ecgbatch.imaging.arrangement import Arrangement, Place
from ecgbatch.imaging.baselines import Baseline
from ecgbatch.imaging.masks import BoolArray
from ecgbatch.imaging.ranks import median

_BAND = 0.5  # of the distance to the neighbouring rows, in which a row's ink is read
_LAG_PX = 2  # rows of one moment are printed this exactly below each other
# Energy of the difference over energy of the lead, and how much worse the next lead has to be.
# Drawn pages stay below the first bound, scans below the second.
_SAME = ((0.02, 1.5), (0.2, 2.5))
_TRUSTED = 0.85  # of the columns; in the others complexes of other rows reach in
_LEAST_INKED = 0.5  # share of columns in which both have ink

Curve = npt.NDArray[np.float64]


def match_rhythm(
    arrangement: Arrangement, rows: Sequence[Baseline], traces: BoolArray
) -> Arrangement:
    """Name each long row after the strip that it repeats, where one can be told.

    A long row shows every moment of the page, so that in the column of its own lead it runs like
    that lead's strip. A row that matches none keeps its guessed name, and the page is flagged
    ``rhythm_unmatched``.

    Args:
        arrangement: Leads of the page.
        rows: Its rows, from the top down.
        traces: ``(row, column)`` bool, ink of traces on the reduced page.
    """
    strips = [place for place in arrangement.places if place.role == "strip"]
    curves = {row: _curve(rows[row], traces) for row in {p.row for p in arrangement.places}}
    places = list(strips)
    flags = list(arrangement.flags)
    for place in arrangement.places:
        if place.role == "strip":
            continue
        lead = _repeated(curves[place.row], strips, curves)
        if lead is None and Flag.RHYTHM_UNMATCHED not in flags:
            flags.append(Flag.RHYTHM_UNMATCHED)
        places.append(place if lead is None else replace(place, lead=lead))
    return replace(arrangement, places=tuple(places), flags=tuple(flags))


def _curve(row: Baseline, traces: BoolArray) -> Curve:
    """Mean height of a row's ink per column, relative to its zero; NaN where there is none."""
    top = max(0, round(row.y_px - _BAND * row.above_px))
    band = traces[top : round(row.y_px + _BAND * row.below_px) + 1]
    height = np.arange(top, top + len(band), dtype=np.float32) - row.y_px
    count = band.sum(axis=0)
    total = height @ band.astype(np.float32)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan), np.float64)


def _repeated(curve: Curve, strips: Sequence[Place], curves: dict[int, Curve]) -> str | None:
    differences = sorted(
        (_difference(curve, curves[strip.row], strip), strip.lead) for strip in strips
    )
    best, lead = differences[0]
    second = differences[1][0] if len(differences) > 1 else np.inf
    clear = any(best <= bound and second >= ratio * best for bound, ratio in _SAME)
    return lead if clear else None


def _difference(long_row: Curve, strip_row: Curve, strip: Place) -> float:
    """Energy of the difference over the energy of the strip, at the best small lag."""
    left, right = round(strip.left_px) + _LAG_PX, round(strip.right_px) - _LAG_PX
    wanted = strip_row[left:right]
    best = np.inf
    for lag in range(-_LAG_PX, _LAG_PX + 1):
        shown = long_row[left + lag : right + lag]
        width = min(shown.size, wanted.size)
        both = np.isfinite(shown[:width]) & np.isfinite(wanted[:width])
        inked = np.count_nonzero(both)
        if inked == 0 or inked < _LEAST_INKED * width:
            continue
        a, b = shown[:width][both], wanted[:width][both]
        b = b - median(b)
        apart = (a - median(a) - b) ** 2
        near = apart.argpartition(round(_TRUSTED * inked) - 1)[: round(_TRUSTED * inked)]
        best = min(best, float(apart[near].sum() / max(float((b[near] ** 2).sum()), 1.0)))
    return best
