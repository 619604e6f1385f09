"""How dark the ink is at every place of a rectified page, with paper and printed grid taken off.

The grey edges of a line are kept as they are: whoever traces the line measures its borders to a
fraction of a pixel, so nothing here thresholds, sharpens or thins.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ecgbatch.types import ByteArray

_SHADE_CELL_MM = 0.5  # bare paper still shows between grid lines that stand 1 mm apart
_SHADE_REACH_MM = 6.0  # wider than any line or letter, narrower than the slope of a shadow
_TILE_MM = 20.0  # paper that curves still keeps its grid's phase over this length
_BOLD_MM = 5
_VISIBLE_LEVELS = 4.0  # a page-wide average that repeats by this much is print, not noise
_BLOCK_MM = 1.0
_RESIDUE_MM = 15.0  # a trace in one piece is longer
_RESIDUE_SHARE = 0.85  # of a piece's pixels that lie where the grid is printed
_RESIDUE_LEVEL = 96  # of 255, see marks.INK_LEVEL
_FAINTEST_LEVELS = 30.0  # below it, noise of paper and JPEG blocks would be called ink


def find_ink(page: ByteArray, *, px_per_mm: float) -> ByteArray:
    """Measure the darkness of ink.

    Args:
        page: ``(row, column)`` uint8, upright and rectified; its grid, where one is visible,
            lies on multiples of ``px_per_mm``.
        px_per_mm: Scale of the page.

    Returns:
        ``(row, column)`` uint8: 0 is paper, 255 the page's usual ink. Values in between are
        proportional to the share of a pixel that is inked, as far as the scan tells.
    """
    relative = cv2.divide(page, _paper_shade(page, px_per_mm=px_per_mm), scale=255)
    darkness = cv2.bitwise_not(relative)
    grid = _printed_grid(darkness, px_per_mm=px_per_mm)
    bare = darkness if grid is None else cv2.subtract(darkness, grid)
    paper_level, ink_level = _levels(bare, px_per_mm=px_per_mm)
    if grid is None:
        gain = 255.0 / (ink_level - paper_level)
        return np.asarray(cv2.addWeighted(bare, gain, bare, 0.0, -gain * paper_level))
    ink = _uncovered(bare, grid, ink_level=ink_level)
    return _without_residue(ink, grid, px_per_mm=px_per_mm)


def _paper_shade(page: ByteArray, *, px_per_mm: float) -> ByteArray:
    """Brightness of the bare paper: a closing fills lines and letters, and leaves shadows."""
    rows, columns = page.shape
    cell_px = _SHADE_CELL_MM * px_per_mm
    small_size = (max(1, round(columns / cell_px)), max(1, round(rows / cell_px)))
    small = cv2.resize(page, small_size, interpolation=cv2.INTER_AREA)
    reach = round(_SHADE_REACH_MM / _SHADE_CELL_MM) | 1
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8))
    smooth = cv2.blur(closed, (reach, reach))
    return np.asarray(cv2.resize(smooth, (columns, rows), interpolation=cv2.INTER_LINEAR))


def _printed_grid(darkness: ByteArray, *, px_per_mm: float) -> ByteArray | None:
    """Find what repeats every 5 mm in both directions: lines and dots, but no trace.

    Every tile is folded along its rows by the mean and then down its columns by a low rank, so
    that a baseline which runs along one grid line is outvoted by the other periods.

    Returns:
        ``(row, column)`` uint8 like ``darkness``, or None where nothing repeats.
    """
    period = round(_BOLD_MM * px_per_mm)
    folds = round(_TILE_MM / _BOLD_MM)
    rows, columns = (size // (folds * period) for size in darkness.shape)
    if rows == 0 or columns == 0 or not _repeats(darkness, period=period):
        return None
    whole = darkness[: rows * folds * period, : columns * folds * period]
    along = whole.reshape(rows * folds * period, columns, folds, period)
    mean = along.mean(axis=2, dtype=np.float32).reshape(rows, folds, period, columns, period)
    low = np.partition(mean, 1, axis=1)[:, 1]  # second smallest of four
    patterns = low.astype(np.uint8).transpose(0, 2, 1, 3)
    return _spread(patterns, folds=folds, shape=darkness.shape)


def _repeats(darkness: ByteArray, *, period: int) -> bool:
    for axis in (0, 1):
        profile = cv2.reduce(darkness, axis, cv2.REDUCE_AVG, dtype=cv2.CV_32F).ravel()
        periods = profile[: profile.size // period * period].reshape(-1, period)
        usual = np.median(periods, axis=0)
        if float(np.ptp(usual)) > _VISIBLE_LEVELS:
            return True
    return False


def _spread(patterns: npt.NDArray[np.uint8], *, folds: int, shape: tuple[int, ...]) -> ByteArray:
    """Lay each tile's pattern out over its tile; the last tiles reach to the page's border.

    Args:
        patterns: ``(tile_row, tile_column, row, column)``.
        folds: Periods per tile, on both axes.
        shape: ``(rows, columns)`` of the page.
    """
    # a line that the scan or the rectification moved by a pixel is still that line
    wrapped = np.pad(patterns, ((0, 1), (0, 1), (1, 1), (1, 1)), mode="wrap")
    wrapped[-1], wrapped[:, -1] = wrapped[-2], wrapped[:, -2]
    near = [wrapped[..., 1:-1, 1:-1]]
    near += [wrapped[..., :-2, 1:-1], wrapped[..., 2:, 1:-1]]
    near += [wrapped[..., 1:-1, :-2], wrapped[..., 1:-1, 2:]]
    wide = np.maximum.reduce(near)
    tile_rows, tile_columns, period, _ = wide.shape
    repeated = np.broadcast_to(
        wide.transpose(0, 2, 1, 3)[:, None, :, :, None, :],
        (tile_rows, folds, period, tile_columns, folds, period),
    )
    size = folds * period
    grid = repeated.reshape(tile_rows * size, tile_columns * size)
    return np.ascontiguousarray(grid[: shape[0], : shape[1]])


def _levels(darkness: ByteArray, *, px_per_mm: float) -> tuple[float, float]:
    """Darkness of paper and of ink, from the darkest pixel of every block.

    The blocks fall into two classes. Of the dark ones many only graze a line, or hold what is left
    of a grid, so that ink is as dark as their upper quartile.
    """
    block = max(1, round(_BLOCK_MM * px_per_mm))
    columns = darkness.shape[1] // block
    lines = np.ascontiguousarray(darkness[::block, : columns * block])
    darkest = lines.reshape(lines.shape[0], columns, block).max(axis=2)
    border, _ = cv2.threshold(darkest, 0, 255, cv2.THRESH_OTSU)
    ink = darkest[darkest > border]
    paper = float(np.median(lines))
    level = float(np.percentile(ink, 75)) if ink.size else 0.0
    return paper, max(level, paper + _FAINTEST_LEVELS)


def _uncovered(bare: ByteArray, grid: ByteArray, *, ink_level: float) -> ByteArray:
    """Share of ink beneath which a grid of known darkness shows through.

    A pixel whose share ``a`` is inked is ``a * ink + (1 - a) * grid`` dark. Where the grid is as
    dark as the ink, nothing can be told and the pixel is paper.
    """
    room = np.clip(ink_level - np.arange(256.0), ink_level / 4, 255).astype(np.uint8)
    return np.asarray(cv2.divide(bare, cv2.LUT(grid, room), scale=255))


def _without_residue(ink: ByteArray, grid: ByteArray, *, px_per_mm: float) -> ByteArray:
    """Take off small pieces that lie on grid lines: lines that are darker here than nearby."""
    factor = max(1, round(px_per_mm / 5))
    rows, columns = (size // factor * factor for size in ink.shape)
    dark = _pooled(ink[:rows, :columns], factor) >= _RESIDUE_LEVEL
    strong = float(np.percentile(grid[::factor, ::factor], 99)) / 2
    printed = _pooled(grid[:rows, :columns], factor) >= strong
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        dark.view(np.uint8), connectivity=8, ltype=cv2.CV_32S
    )
    on_lines = np.bincount(labels[printed], minlength=count) / stats[:, cv2.CC_STAT_AREA]
    extent = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    residue = (on_lines >= _RESIDUE_SHARE) & (extent < _RESIDUE_MM * px_per_mm / factor)
    residue[0] = False
    small = cv2.dilate(residue.take(labels).view(np.uint8), np.ones((3, 3), np.uint8))
    small &= ~dark.view(np.uint8) | residue.take(labels).view(np.uint8)
    cleaned = ink.copy()
    large = cv2.resize(small, (columns, rows), interpolation=cv2.INTER_NEAREST)
    cleaned[:rows, :columns][large > 0] = 0
    return cleaned


def _pooled(page: ByteArray, factor: int) -> ByteArray:
    """Keep the darkest of ``factor x factor`` pixels."""
    tall = np.maximum.reduce([page[k::factor] for k in range(factor)])
    return np.asarray(np.maximum.reduce([tall[:, k::factor] for k in range(factor)]))
