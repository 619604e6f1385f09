"""A printed grid that colour could not tell from ink: found by its period, taken off.

Grey and black-and-white pages keep their lines and dots after rectification. On the rectified page
they repeat every 5 mm in both directions, and traces do not.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ecgbatch.imaging.marks import INK_LEVEL, connected, darkest, kept_where, reduction
from ecgbatch.types import ByteArray

_BOLD_MM = 5
_TILE_MM = 20.0  # paper that curves still keeps its grid's phase over this length
_FOLDS = 4  # periods of a tile on both axes
_VISIBLE_LEVELS = 4.0  # a page-wide average that repeats by this much is print, not noise
_PIECE_MM = 15.0  # a trace in one piece is longer
_FAINT = 0.25  # of what passes for ink: no line is so uneven that it is four times as dark nearby
_ON_LINES = 0.85  # of a piece's pixels that lie where the grid is printed


@dataclass(frozen=True, slots=True, eq=False)
class PrintedGrid:
    """How dark a printed grid is.

    Attributes:
        tiles: ``(tile_row, row, tile_column, column)`` uint8, one period of each tile.
        page: ``(row, column)`` uint8, the tiles laid out over the page.
    """

    tiles: npt.NDArray[np.uint8]
    page: ByteArray

    def through(self, table: npt.NDArray[np.uint8]) -> ByteArray:
        """Return the page with every level looked up in ``table`` (256,)."""
        flat = cv2.LUT(self.tiles.reshape(len(self.tiles), -1), table)
        return _spread(np.asarray(flat).reshape(self.tiles.shape), shape=self.page.shape)


def find_grid(darkness: ByteArray, *, px_per_mm: float) -> PrintedGrid | None:
    """Find what repeats every 5 mm in both directions.

    Every tile is folded along its rows by the mean and then down its columns by a low rank, so
    that a baseline which runs along one grid line is outvoted by the other periods.

    Args:
        darkness: ``(row, column)`` uint8, 0 is paper.
        px_per_mm: Scale of the page; 5 mm must be a whole number of pixels.

    Returns:
        The grid alone; None where nothing repeats.
    """
    period = round(_BOLD_MM * px_per_mm)
    tile = _FOLDS * period
    rows, columns = (size // tile for size in darkness.shape)
    if rows == 0 or columns == 0 or not _repeats(darkness, period=period):
        return None
    whole = darkness[: rows * tile, : columns * tile].reshape(-1, columns, _FOLDS, period)
    along = whole[:, :, 0].astype(np.uint16)
    for fold in range(1, _FOLDS):
        along += whole[:, :, fold]
    down = along.reshape(rows, _FOLDS, period, columns, period)
    tiles = (_second_of_four(down) // _FOLDS).astype(np.uint8)
    # a line that the scan or the rectification moved by a pixel is still that line
    near = [np.roll(tiles, shift, axis=axis) for axis in (1, 3) for shift in (-1, 1)]
    wide = np.maximum.reduce([tiles, *near])
    return PrintedGrid(wide, _spread(wide, shape=darkness.shape))


def _repeats(darkness: ByteArray, *, period: int) -> bool:
    for axis, part in ((0, darkness[::3]), (1, darkness)):
        profile = cv2.reduce(part, axis, cv2.REDUCE_AVG, dtype=cv2.CV_32F).ravel()
        periods = profile[: profile.size // period * period].reshape(-1, period)
        if float(np.ptp(np.median(periods, axis=0))) > _VISIBLE_LEVELS:
            return True
    return False


def _second_of_four(values: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    """Second smallest along axis 1, by comparisons: a sixtieth of the time of sorting."""
    a, b, c, d = (values[:, k] for k in range(4))
    lower = np.maximum(np.minimum(a, b), np.minimum(c, d))
    upper = np.minimum(np.maximum(a, b), np.maximum(c, d))
    return np.asarray(np.minimum(lower, upper))


def _spread(tiles: npt.NDArray[np.uint8], *, shape: tuple[int, ...]) -> ByteArray:
    """Lay each tile's period out over its tile; the last tiles reach to the page's border.

    Args:
        tiles: ``(tile_row, row, tile_column, column)``.
        shape: ``(rows, columns)`` of the page.
    """
    wide = np.concatenate([tiles, tiles[-1:]])
    wide = np.concatenate([wide, wide[:, :, -1:]], axis=2)
    tile_rows, period, tile_columns, _ = wide.shape
    line = np.broadcast_to(
        wide[:, :, :, None], (tile_rows, period, tile_columns, _FOLDS, period)
    ).reshape(tile_rows, 1, period, -1)[..., : shape[1]]
    page = np.broadcast_to(line, (tile_rows, _FOLDS, period, shape[1])).reshape(-1, shape[1])
    return np.ascontiguousarray(page[: shape[0]])


def uncover(bare: ByteArray, grid: PrintedGrid, *, ink_level: float) -> ByteArray:
    """Return the share of ink beneath which a grid of known darkness shows through.

    A pixel whose share ``a`` is inked is ``a * ink + (1 - a) * grid`` dark. Where the grid is
    nearly as dark as the ink, little can be told and the share is understated.

    Args:
        bare: ``(row, column)`` uint8 darkness less ``grid.page``.
        grid: The grid.
        ink_level: Darkness of ink.
    """
    room = np.clip(ink_level - np.arange(256.0), ink_level / 4, 255).astype(np.uint8)
    below = grid.through(room)
    return np.asarray(cv2.divide(bare, below, dst=below, scale=255))


def without_pieces(ink: ByteArray, grid: PrintedGrid, *, px_per_mm: float) -> ByteArray:
    """Take off small pieces that lie on grid lines: lines that are darker here than nearby.

    Args:
        ink: ``(row, column)`` uint8 share of ink.
        grid: The grid.
        px_per_mm: Scale of the page.
    """
    factor = reduction(px_per_mm)
    strongest = float(np.percentile(grid.tiles[:, ::factor, :, ::factor], 99))
    if strongest < _FAINT * INK_LEVEL:
        return ink
    dark = darkest(ink, factor=factor) >= INK_LEVEL
    printed = darkest(grid.page, factor=factor) >= strongest / 2
    found = connected(dark)
    on_lines = found.count(printed)
    size = np.maximum(found.right - found.left, found.bottom - found.top)
    is_piece = on_lines >= _ON_LINES * found.area
    is_piece &= size < _PIECE_MM * px_per_mm / factor
    pieces = found.of(is_piece)
    edges = cv2.dilate(pieces.view(np.uint8), np.ones((3, 3), np.uint8)).view(np.bool_)
    return kept_where(~edges | (dark & ~pieces), ink, factor=factor)
