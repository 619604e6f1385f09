"""How dark the ink is at every place of a rectified page, with paper and printed grid taken off.

The grey edges of a line are kept as they are: whoever traces the line measures its borders to a
fraction of a pixel, so nothing here thresholds, sharpens or thins.
"""

from __future__ import annotations

import cv2
import numpy as np

from ecgbatch.imaging.printed_grid import find_grid, uncover, without_pieces
from ecgbatch.imaging.ranks import levels_at
from ecgbatch.types import ByteArray

_SHADE_CELL_MM = 0.5  # bare paper still shows between grid lines that stand 1 mm apart
_SHADE_REACH_MM = 6.0  # wider than any line or letter, narrower than the slope of a shadow
_BLOCK_MM = 1.0
_INK_PERCENTILE = 75
_FAINTEST_LEVELS = 30.0  # below it, noise of paper and JPEG blocks would be called ink


def find_ink(page: ByteArray, *, px_per_mm: float) -> ByteArray:
    """Measure the darkness of ink.

    Args:
        page: ``(row, column)`` uint8, upright and rectified; a grid that is still visible repeats
            every 5 mm.
        px_per_mm: Scale of the page.

    Returns:
        ``(row, column)`` uint8: 0 is paper, 255 the page's usual ink. Values in between are
        proportional to the share of a pixel that is inked, as far as the scan tells.
    """
    # Every step writes over the one before: fresh memory for a page costs as much as a step.
    shade = paper_shade(page, px_per_mm=px_per_mm)
    relative = cv2.divide(page, shade, dst=shade, scale=255)
    darkness = cv2.bitwise_not(relative, dst=relative)  # shadows dim ink and paper alike
    grid = find_grid(darkness, px_per_mm=px_per_mm)
    bare = darkness if grid is None else cv2.subtract(darkness, grid.page, dst=darkness)
    paper_level, ink_level = _levels(bare, px_per_mm=px_per_mm)
    if grid is None:
        gain = 255.0 / (ink_level - paper_level)
        return np.asarray(cv2.addWeighted(bare, gain, bare, 0.0, -gain * paper_level, dst=bare))
    ink = uncover(bare, grid, ink_level=ink_level)
    return without_pieces(ink, grid, px_per_mm=px_per_mm)


def paper_shade(page: ByteArray, *, px_per_mm: float) -> ByteArray:
    """Brightness of the bare paper: a closing fills lines and letters, and leaves shadows."""
    rows, columns = page.shape
    small, cell_mm = page, 1 / px_per_mm
    while 2 * cell_mm <= _SHADE_CELL_MM and min(small.shape) >= 2:
        half = (small.shape[1] // 2, small.shape[0] // 2)
        even = small[: 2 * half[1], : 2 * half[0]]  # exact halves are five times as fast
        small = cv2.resize(even, half, interpolation=cv2.INTER_AREA)
        cell_mm *= 2
    reach = round(_SHADE_REACH_MM / cell_mm) | 1
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8))
    smooth = cv2.blur(closed, (reach, reach))
    return np.asarray(cv2.resize(smooth, (columns, rows), interpolation=cv2.INTER_LINEAR))


def _levels(darkness: ByteArray, *, px_per_mm: float) -> tuple[float, float]:
    """Darkness of paper and of ink, from the darkest pixel of every block.

    The blocks fall into two classes. Of the dark ones many only graze a line, or hold what is left
    of a grid, so that ink is as dark as their upper quartile.
    """
    block = max(1, round(_BLOCK_MM * px_per_mm))
    lines = np.ascontiguousarray(darkness[::block])
    darkest = cv2.dilate(lines, np.ones((1, block), np.uint8))[:, ::block]
    border, _ = cv2.threshold(darkest, 0, 255, cv2.THRESH_OTSU)
    ink = darkest[darkest > border]
    paper = float(levels_at(lines[:, ::block], (50,))[0])
    level = float(levels_at(ink, (_INK_PERCENTILE,))[0]) if ink.size else 0.0
    return paper, max(level, paper + _FAINTEST_LEVELS)
