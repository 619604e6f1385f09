"""How far a page without a grid is turned out of the axes: by the rows that its ink stands in.

Seen along lines of text and zero lines of traces, ink piles up; seen a degree beside them, it is
spread evenly (Postl, US patent 4723297, 1988: the angle at which projections vary most).
"""

from __future__ import annotations

import cv2
import numpy as np

from ecgbatch.imaging.ranks import levels_at
from ecgbatch.types import ByteArray, DoubleArray

_FARTHEST_DEG = 6.0
_STEP_DEG = 0.2
_FINE_DEG = 0.02
_BIN_MM = 0.4
_MOST_POINTS = 15_000
_TURNED = 1.03
"""How much higher the pile of the right angle is than that of none: traces wander a little, too."""
_STANDS_OUT = 1.15
"""How much higher the pile of the right angle is than the usual one; pages of noise stay below."""


def find_skew(pixels: ByteArray, *, px_per_mm: tuple[float, float]) -> float:
    """Measure the skew of a page, whichever of its sides is up.

    Args:
        pixels: ``(row, column)`` or ``(row, column, 3)`` RGB uint8.
        px_per_mm: Its scale across and down.

    Returns:
        Degrees within 6 of 0 by which rows fall to the right, or columns lean to the left; 0
        where no angle stands out.
    """
    x_mm, y_mm = _ink_mm(pixels, px_per_mm=px_per_mm)
    if x_mm.size == 0:
        return 0.0
    coarse = np.arange(-_FARTHEST_DEG, _FARTHEST_DEG + _STEP_DEG / 2, _STEP_DEG)
    best_deg, highest = 0.0, _STANDS_OUT
    # rows are level, or upright where the page lies on its side
    for along, across in ((x_mm, y_mm), (-y_mm, x_mm)):
        piles = _piles(along, across, coarse)
        top = int(np.argmax(piles))
        if piles[top] > highest * np.median(piles):
            highest = float(piles[top] / np.median(piles))
            fine = coarse[top] + np.arange(-_STEP_DEG, _STEP_DEG, _FINE_DEG)
            heights = _piles(along, across, fine)
            level = float(_piles(along, across, np.zeros(1))[0])
            straight = heights.max() < _TURNED * level
            best_deg = 0.0 if straight else float(fine[np.argmax(heights)])
    return best_deg


def _ink_mm(
    pixels: ByteArray, *, px_per_mm: tuple[float, float]
) -> tuple[DoubleArray, DoubleArray]:
    """Return places of ink, evenly thinned out."""
    grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    dark, paper = levels_at(np.asarray(grey[::3, ::3]), (0.5, 60.0))
    y, x = np.nonzero(np.asarray(grey) < (dark + paper) / 2)
    step = max(1, x.size // _MOST_POINTS)
    return x[::step] / px_per_mm[0], y[::step] / px_per_mm[1]


def _piles(along: DoubleArray, across: DoubleArray, angles_deg: DoubleArray) -> DoubleArray:
    """Return how unevenly ink is spread over rows at each angle."""
    piles = np.empty(angles_deg.size)
    for number, angle in enumerate(np.deg2rad(angles_deg)):
        rows = (np.cos(angle) * across - np.sin(angle) * along) / _BIN_MM
        counts = np.bincount((rows - rows.min()).astype(np.int64)).astype(np.float64)
        piles[number] = (counts**2).sum()
    return piles
