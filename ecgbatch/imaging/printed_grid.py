"""A printed grid that colour could not tell from ink: found by its period, taken off.

Grey and black-and-white pages keep their lines and dots after rectification. On the rectified page
they repeat every 5 mm in both directions, and traces do not.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ecgbatch.imaging.marks import INK_LEVEL, connected, darkest, enlarged, reduction
from ecgbatch.types import ByteArray

_BOLD_MM = 5
_TILE_MM = 20.0  # paper that curves still keeps its grid's phase over this length
_VISIBLE_LEVELS = 4.0  # a page-wide average that repeats by this much is print, not noise
_PIECE_MM = 15.0  # a trace in one piece is longer
_ON_LINES = 0.85  # of a piece's pixels that lie where the grid is printed


def find_pattern(darkness: ByteArray, *, px_per_mm: float) -> ByteArray | None:
    """Find what repeats every 5 mm in both directions.

    Every tile is folded along its rows by the mean and then down its columns by a low rank, so
    that a baseline which runs along one grid line is outvoted by the other periods.

    Args:
        darkness: ``(row, column)`` uint8, 0 is paper.
        px_per_mm: Scale of the page; 5 mm must be a whole number of pixels.

    Returns:
        ``(row, column)`` uint8, the darkness of the grid alone; None where nothing repeats.
    """
    period = round(_BOLD_MM * px_per_mm)
    folds = round(_TILE_MM / _BOLD_MM)
    rows, columns = (size // (folds * period) for size in darkness.shape)
    if rows == 0 or columns == 0 or not _repeats(darkness, period=period):
        return None
    tile = folds * period
    along = np.zeros((rows * tile, columns * period), np.uint16)
    whole = darkness[: rows * tile, : columns * tile].reshape(-1, columns, folds, period)
    for fold in range(folds):
        along += whole[:, :, fold].reshape(along.shape)
    down = along.reshape(rows, folds, period, columns * period)
    low = np.sort(down, axis=1)[:, 1] // folds  # second smallest of four
    patterns = low.astype(np.uint8).reshape(rows, period, columns, period)
    return _spread(patterns, folds=folds, shape=darkness.shape)


def _repeats(darkness: ByteArray, *, period: int) -> bool:
    for axis, part in ((0, darkness[::3]), (1, darkness)):
        profile = cv2.reduce(part, axis, cv2.REDUCE_AVG, dtype=cv2.CV_32F).ravel()
        periods = profile[: profile.size // period * period].reshape(-1, period)
        if float(np.ptp(np.median(periods, axis=0))) > _VISIBLE_LEVELS:
            return True
    return False


def _spread(patterns: npt.NDArray[np.uint8], *, folds: int, shape: tuple[int, ...]) -> ByteArray:
    """Lay each tile's pattern out over its tile; the last tiles reach to the page's border.

    Args:
        patterns: ``(tile_row, row, tile_column, column)``.
        folds: Periods per tile, on both axes.
        shape: ``(rows, columns)`` of the page.
    """
    # a line that the scan or the rectification moved by a pixel is still that line
    near = [np.roll(patterns, shift, axis=axis) for axis in (1, 3) for shift in (-1, 1)]
    wide = np.maximum.reduce([patterns, *near])
    wide = np.concatenate([wide, wide[-1:]])
    wide = np.concatenate([wide, wide[:, :, -1:]], axis=2)
    tile_rows, period, tile_columns, _ = wide.shape
    line = np.broadcast_to(
        wide[:, :, :, None], (tile_rows, period, tile_columns, folds, period)
    ).reshape(tile_rows, 1, period, -1)[..., : shape[1]]
    page = np.broadcast_to(line, (tile_rows, folds, period, shape[1])).reshape(-1, shape[1])
    return np.ascontiguousarray(page[: shape[0]])


def uncover(bare: ByteArray, pattern: ByteArray, *, ink_level: float) -> ByteArray:
    """Return the share of ink beneath which a grid of known darkness shows through.

    A pixel whose share ``a`` is inked is ``a * ink + (1 - a) * grid`` dark. Where the grid is
    nearly as dark as the ink, little can be told and the share is understated.

    Args:
        bare: ``(row, column)`` uint8 darkness less ``pattern``.
        pattern: The same shape, darkness of the grid.
        ink_level: Darkness of ink.
    """
    room = np.clip(ink_level - np.arange(256.0), ink_level / 4, 255).astype(np.uint8)
    return np.asarray(cv2.divide(bare, cv2.LUT(pattern, room), scale=255))


def without_pieces(ink: ByteArray, pattern: ByteArray, *, px_per_mm: float) -> ByteArray:
    """Take off small pieces that lie on grid lines: lines that are darker here than nearby.

    Args:
        ink: ``(row, column)`` uint8 share of ink.
        pattern: The same shape, darkness of the grid.
        px_per_mm: Scale of the page.
    """
    factor = reduction(px_per_mm)
    dark = darkest(ink, factor=factor) >= INK_LEVEL
    strong = float(np.percentile(pattern[::factor, ::factor], 99)) / 2
    printed = darkest(pattern, factor=factor) >= strong
    labels, boxes = connected(dark)
    on_lines = np.bincount(labels[printed & dark], minlength=len(boxes))
    size = boxes[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1)
    piece = on_lines >= _ON_LINES * boxes[:, cv2.CC_STAT_AREA]
    piece &= size < _PIECE_MM * px_per_mm / factor
    piece[0] = False
    pieces = dark & piece.take(labels)
    edges = cv2.dilate(pieces.view(np.uint8), np.ones((3, 3), np.uint8)).view(np.bool_)
    cleaned = ink.copy()
    cleaned[enlarged(edges & (pieces | ~dark), factor=factor, shape=ink.shape)] = 0
    return cleaned
