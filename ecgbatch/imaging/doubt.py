"""Where the geometry of ink cannot be sure whose line it followed, and which pieces to ask about.

A pen that follows a function leaves one run of ink per column, as thick as the pen and the line's
travel make it, next to the one before. Wherever a page shows that, there is nothing to decide;
wherever it does not (ink is missing, shared, beside other ink, thicker than the line's travel, or
away from the ink before it) a network is asked, which costs fifty times as much.
``benchmarks/reading.py`` says what that changes.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter1d

from ecgbatch.imaging.crossing import BoolArray, Edges, stretches
from ecgbatch.imaging.runs import IndexArray, Runs
from ecgbatch.types import FloatArray

_NEAR_MM = 1.5  # other ink so close may be a part of the line, or the line a part of it
_TRAVEL_COLUMNS = 5  # in which a line's own travel explains how thick it is
_SLACK_PX = 2.0  # edges are that uncertain on the worst of scans


def doubtful_columns(
    runs: Runs, path: IndexArray, edges: Edges, *, radius_px: float, px_per_mm: float
) -> BoolArray:
    """Say column by column whether a path may hold other ink than the lead's, or lack some.

    Args:
        runs: Of the page.
        path: ``(column,)`` chosen run of each column of the lead, -1 without ink.
        edges: Of the lead's own ink.
        radius_px: Half the line's width.
        px_per_mm: Scale of the page.
    """
    top, bottom = edges.top_px, edges.bottom_px
    known = np.isfinite(top) & np.isfinite(bottom)
    doubt = ~known | edges.shared | beside_ink(runs, path, close_px=_NEAR_MM * px_per_mm)
    apart = np.maximum(top[1:] - bottom[:-1], top[:-1] - bottom[1:])
    away = known[1:] & known[:-1] & (apart > _SLACK_PX)
    doubt[1:] |= away
    doubt[:-1] |= away
    travel = np.zeros(top.size, np.float32)
    for edge in (top, bottom):
        steps = np.nan_to_num(np.abs(np.diff(edge)))
        travel[1:] = np.maximum(travel[1:], steps)
        travel[:-1] = np.maximum(travel[:-1], steps)
    travel = maximum_filter1d(travel, _TRAVEL_COLUMNS)
    explained = 2 * radius_px + _SLACK_PX + (1 + 2 * radius_px) * travel
    doubt[known] |= (bottom - top)[known] > explained[known]
    return doubt


def beside_ink(runs: Runs, path: IndexArray, *, close_px: float) -> BoolArray:
    """Say column by column whether other ink stands within ``close_px`` of the chosen run."""
    found = np.flatnonzero(path >= 0)
    run = path[found]
    previous, following = np.maximum(run - 1, 0), np.minimum(run + 1, runs.column.size - 1)
    same_before = (previous != run) & (runs.column[previous] == runs.column[run])
    same_after = (following != run) & (runs.column[following] == runs.column[run])
    near = np.zeros(path.size, np.bool_)
    near[found] = (same_before & (runs.top_px[run] - runs.bottom_px[previous] < close_px)) | (
        same_after & (runs.top_px[following] - runs.bottom_px[run] < close_px)
    )
    return near


def pieces(
    doubt_mm: FloatArray, *, per_px: float, beside_px: int, apart_px: int
) -> list[tuple[int, int]]:
    """Choose the pieces of a lead that hold everything doubtful.

    Args:
        doubt_mm: ``(sample,)`` of the lead; see ``types.Trace``.
        per_px: Samples in a column.
        beside_px: Columns before and after a doubt that a piece holds, too.
        apart_px: Pieces that stand closer than this are one.

    Returns:
        First column of each, and one past its last, from the lead's first column on.

    Example:
        >>> pieces(np.array([0, 0, 1, 0, 0, 0, 0, 1, 0]), per_px=1, beside_px=1, apart_px=2)
        [(1, 4), (6, 9)]
    """
    found: list[tuple[int, int]] = []
    for start, stop in stretches(np.asarray(doubt_mm > 0)):
        first, last = int(start / per_px) - beside_px, int(np.ceil(stop / per_px)) + beside_px
        if found and first - found[-1][1] < apart_px:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return found
