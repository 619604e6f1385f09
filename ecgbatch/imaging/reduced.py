"""A page made smaller by whole factors, on which everything is measured.

Averages of whole blocks are free of beats with the grid, and five times as cheap as other sizes.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ecgbatch.types import ByteArray, DoubleArray

_SIDE_PX = 1260
"""A page of 280 mm keeps 4.5 px per mm, enough for lines 1 mm apart."""


@dataclass(frozen=True, slots=True, eq=False)
class ReducedPage:
    """A page for measuring.

    Attributes:
        pixels: ``(row, column)`` or ``(row, column, 3)`` RGB uint8.
        factor: Pixels of the page per pixel of this one, on both axes.
    """

    pixels: ByteArray
    factor: int


def reduce_page(pixels: ByteArray) -> ReducedPage:
    """Shrink to 1260 to 2520 px along the longer side, or not at all where a page is smaller."""
    factor = max(1, max(pixels.shape[:2]) // _SIDE_PX)
    return ReducedPage(shrunk(pixels, (factor, factor)), factor)


def shrunk(pixels: ByteArray, factors: tuple[int, int]) -> ByteArray:
    """Average blocks of ``factors`` columns and rows; a ragged border is cut off."""
    if factors == (1, 1):
        return pixels
    across, down = factors
    size = (pixels.shape[1] // across, pixels.shape[0] // down)
    whole = pixels[: size[1] * down, : size[0] * across]
    return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA))


def shrinking(factors: tuple[int, int]) -> DoubleArray:
    """Return the ``(3, 3)`` matrix from places on a page to places on its ``shrunk`` picture."""
    matrix = np.eye(3)
    for axis, factor in enumerate(factors):
        matrix[axis, axis] = 1 / factor
        matrix[axis, 2] = -(factor - 1) / 2 / factor  # pixels are counted at their middles
    return matrix
