"""What a network sees of a rectified page: two planes, and a window on them per lead."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ecgbatch.imaging.ink import paper_shade
from ecgbatch.types import ByteArray, Region

_FULL_LEVELS = 220.0
"""Where the darkness of the page's usual ink is brought to; heavier strokes are darker still."""
_SAME_ROW_MM = 2.0
_MOST_GAIN = 8.0  # ink that is fainter than this cannot be told from paper


def page_planes(page: ByteArray, ink: ByteArray, *, px_per_mm: float) -> ByteArray:
    """Bring a page to the brightness that networks are trained on.

    Args:
        page: ``(row, column)`` uint8, upright and rectified.
        ink: ``(row, column)`` uint8 as ``ink.find_ink`` gives it.
        px_per_mm: Scale of both.

    Returns:
        ``(2, row, column)`` uint8, 0 for paper: the darkness of the page with its grid and without
        its shadows, and its ink.
    """
    shade = paper_shade(page, px_per_mm=px_per_mm)
    darkness = cv2.bitwise_not(cv2.divide(page, shade, scale=255))
    inked = darkness[::3, ::3][ink[::3, ::3] >= 192]
    usual = float(np.median(inked)) if inked.size else _FULL_LEVELS
    gain = min(_FULL_LEVELS / max(usual, 1.0), _MOST_GAIN)
    return np.stack([cv2.convertScaleAbs(darkness, alpha=gain), ink])


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A piece of a page around one lead.

    Attributes:
        planes: ``(plane, row, column)`` uint8.
        top_px: Row of the page at the top of the window; may lie beyond the page.
        left_px: Column of the page at its left border; the same.
        baselines_px: Zero lines in rows of the window, the lead's own first, then those of other
            rows beside it.
    """

    planes: ByteArray
    top_px: int
    left_px: int
    baselines_px: tuple[float, ...]


def cut_window(
    planes: ByteArray,
    number: int,
    regions: Sequence[Region],
    *,
    columns: tuple[int, int],
    px_per_mm: float,
    height_px: int,
    align_px: int,
) -> Window:
    """Cut a window along one lead.

    Args:
        planes: ``(plane, row, column)`` uint8 of the page.
        number: Which of the regions.
        regions: All leads of the page.
        columns: First column of the page that it must hold, and one past the last.
        px_per_mm: Scale of the page.
        height_px: Rows of the window.
        align_px: Its columns are a multiple of it.
    """
    region = regions[number]
    own = _zero(region)
    others = sorted(
        {
            _zero(other)
            for other in regions
            if other.left_px < region.right_px
            and other.right_px > region.left_px
            and abs(_zero(other) - own) > _SAME_ROW_MM * px_per_mm
        }
    )
    left, right = columns
    width = math.ceil((right - left) / align_px) * align_px
    top = round(own) - height_px // 2
    shape = (height_px, width)
    return Window(
        planes=np.stack([cut(plane, top=top, left=left, shape=shape) for plane in planes]),
        top_px=top,
        left_px=left,
        baselines_px=tuple(zero - top for zero in (own, *others)),
    )


def at_scale(plane: ByteArray, factor: float) -> ByteArray:
    """Draw a plane larger or smaller; what stood at column x stands at ``factor * x`` then."""
    rows, columns = (round((side - 1) * factor) + 1 for side in plane.shape)
    matrix = np.array([[1 / factor, 0, 0], [0, 1 / factor, 0]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(plane, matrix, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    )


def _zero(region: Region) -> float:
    if math.isfinite(region.baseline_px):
        return region.baseline_px
    return (region.top_px + region.bottom_px) / 2


def cut(plane: ByteArray, *, top: int, left: int, shape: tuple[int, int]) -> ByteArray:
    """Cut a window out of a page; beyond the page there is bare paper, 0."""
    window = np.zeros(shape, np.uint8)
    rows = slice(max(top, 0), max(min(top + shape[0], plane.shape[0]), 0))
    columns = slice(max(left, 0), max(min(left + shape[1], plane.shape[1]), 0))
    part = plane[rows, columns]
    if part.size:
        window[
            rows.start - top : rows.start - top + part.shape[0],
            columns.start - left : columns.start - left + part.shape[1],
        ] = part
    return window
