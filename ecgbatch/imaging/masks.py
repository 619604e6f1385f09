"""Boolean pictures: runs of True, and what is left of long ones."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]


def starts_of_runs(mask: BoolArray, *, length_px: int, axis: int) -> BoolArray:
    """Mark where ``length_px`` pixels in a row along ``axis`` are True, at the first of them.

    Pairs of shifted copies are combined, then pairs of pairs: a few passes whatever the length.
    """
    along = mask if axis == 0 else mask.T
    found = np.zeros_like(along)
    if length_px <= len(along):
        part, covered = along, 1
        while covered < length_px:
            step = min(covered, length_px - covered)
            part = part[: len(part) - step] & part[step:]
            covered += step
        found[: len(part)] = part
    return found if axis == 0 else found.T


def long_runs(mask: BoolArray, *, length_px: int, axis: int) -> BoolArray:
    """Keep the runs along ``axis`` that are at least ``length_px`` long."""
    found = starts_of_runs(mask, length_px=length_px, axis=axis)
    along = found if axis == 0 else found.T
    covered = 1
    while covered < length_px:
        step = min(covered, length_px - covered)
        along[step:] = along[step:] | along[: len(along) - step]
        covered += step
    return found


def rare_long_runs(mask: BoolArray, *, length_px: int, axis: int) -> BoolArray:
    """Return ``long_runs``, looking only where a whole row or column holds enough True."""
    kept = np.zeros_like(mask)
    inked = cv2.reduce(mask.view(np.uint8), axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S)
    lines = np.flatnonzero(inked >= length_px)
    if axis == 0:
        kept[:, lines] = long_runs(mask[:, lines], length_px=length_px, axis=0)
    else:
        kept[lines] = long_runs(mask[lines], length_px=length_px, axis=1)
    return kept


def runs(flags: BoolArray) -> list[tuple[int, int]]:
    """Return start and stop of every run of True in ``(n,)``."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
