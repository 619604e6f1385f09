"""Where the rows of a page begin and end, all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ecgbatch.imaging.baselines import Baseline
from ecgbatch.imaging.masks import BoolArray, runs

_BRIDGED_MM = 3.0  # gaps between columns, and ink that steep strokes lack
_BODY_MM = 15.0  # of ink, which dirt beside a row does not have
_SAME_MM = 0.6  # of ends of rows that a cart begins at one place
_BAND_MM = 3.0  # half the height in which a row's level ink lies
_LEVEL_MM = 1.5  # of a trace's end that runs level; the end of steep ink lies further out
_RAGGED_MM = 3.0  # rows that share no end begin and end at most this far from each other
_RAGGED_PERCENT = (25, 75)

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class End:
    """Where rows begin, or where they end.

    Attributes:
        place_px: The column.
        slack_px: How far outwards of it a row may have ink that is its own.
    """

    place_px: float
    slack_px: float


def common_ends(
    cover: BoolArray, level: BoolArray, rows: Sequence[Baseline], *, px_per_mm: float
) -> tuple[End, End]:
    """Find the columns at which most rows begin and end.

    Ink tells an end exactly, but the rest of a grid or a border may touch it. Level ink is cleaner
    and may begin late: it is taken where more rows agree on it, and where ink has no majority.

    Args:
        cover: ``(row, column)`` bool, in which columns each row has ink.
        level: ``(row, column)`` bool of the reduced page, ink that runs level.
        rows: Rows of the page.
        px_per_mm: Scale of all.
    """
    reach = round(_BAND_MM * px_per_mm)
    places = [round(row.y_px) for row in rows]
    near = np.stack([level[max(0, y - reach) : y + reach + 1].any(axis=0) for y in places])
    sources = [
        (_bodies(cover, px_per_mm=px_per_mm), _SAME_MM * px_per_mm),
        (_bodies(near, px_per_mm=px_per_mm), _LEVEL_MM * px_per_mm),
    ]
    ends = []
    for side, percent in enumerate(_RAGGED_PERCENT):
        shared = [_shared(bodies[:, side], same_px=_SAME_MM * px_per_mm) for bodies, _ in sources]
        (exact, agreed), (_, agreed_level) = shared
        most = 2 * agreed > len(rows)
        best = 0 if most or agreed > agreed_level else 1
        if shared[best][1] >= 2 or most:
            ends.append(End(shared[best][0] if best else exact, sources[best][1]))
        else:
            rough = [bodies[:, side] for bodies, _ in reversed(sources) if bodies.size]
            place = float(np.percentile(rough[0], percent)) if rough else side * cover.shape[1]
            ends.append(End(place, _RAGGED_MM * px_per_mm))
    return ends[0], ends[1]


def _bodies(cover: BoolArray, *, px_per_mm: float) -> Numbers:
    """Ends of each row's ink without what lies apart from it, ``(row with ink, 2)``."""
    found = []
    for row in cover:
        joined: list[tuple[int, int]] = []
        for start, stop in runs(row):
            if joined and start - joined[-1][1] <= _BRIDGED_MM * px_per_mm:
                joined[-1] = (joined[-1][0], stop)
            else:
                joined.append((start, stop))
        long = [piece for piece in joined if piece[1] - piece[0] >= _BODY_MM * px_per_mm]
        if long:
            found.append((long[0][0], long[-1][1]))
    return np.array(found, np.float64).reshape(-1, 2)


def _shared(ends: Numbers, *, same_px: float) -> tuple[float, int]:
    """Middle of the ends that most rows share, and how many do."""
    if ends.size == 0:
        return 0.0, 0
    close = np.abs(ends[:, None] - ends[None, :]) <= same_px
    most = close[int(close.sum(axis=1).argmax())]
    return float(np.median(ends[most])), int(most.sum())
