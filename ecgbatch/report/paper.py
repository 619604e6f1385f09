"""The source page in colour, standing as its curves were read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from ecgbatch.errors import PageError
from ecgbatch.flags import Flag
from ecgbatch.imaging.facing import FACINGS, laid_warp
from ecgbatch.imaging.rectify import rectify
from ecgbatch.imaging.upright import stand_upright
from ecgbatch.types import ByteArray, DoubleArray, Page, Warp


def upright_paper(row: Mapping[str, Any], pixels: ByteArray) -> ByteArray:
    """Draw a page upright, at the scale at which its row of ``pages`` was measured.

    Args:
        row: Of ``pages``, with a homography.
        pixels: ``(row, column, 3)`` source page as decoded.

    Returns:
        ``(row, column, 3)`` uint8.
    """
    warp = upright_warp(row, pixels)
    channels = [rectify(np.ascontiguousarray(pixels[:, :, index]), warp) for index in range(3)]
    return np.dstack(channels)


def upright_warp(row: Mapping[str, Any], pixels: ByteArray) -> Warp:
    """Say where the upright page lies on the source, by its row of ``pages``.

    Args:
        row: Of ``pages``, with a homography.
        pixels: Source page as decoded.
    """
    homography = np.asarray(row["homography"], dtype=np.float64).reshape(3, 3)
    warp = _curved(row, pixels, homography) if Flag.CURVED in row["flags"] else None
    if warp is None:
        warp = Warp(homography, _extent(pixels, homography), None, 0.0, row["rotation_deg"])
    return warp


def _curved(row: Mapping[str, Any], pixels: ByteArray, homography: DoubleArray) -> Warp | None:
    """Measure curved paper again: the tables keep its plane, not its bends.

    None where the measurement does not come out as it did then, with other software or settings:
    then the plane is what is known.
    """
    dpi = (row["dpi_x"] or np.nan, row["dpi_y"] or np.nan)
    page = Page(pixels, dpi_x=dpi[0], dpi_y=dpi[1])
    try:
        warp = stand_upright(page, px_per_mm=row["rectified_px_per_mm"]).warp
    except PageError:
        return None
    for facing in FACINGS:  # as networks may have had it laid
        laid = laid_warp(warp, facing)
        if np.allclose(laid.homography, homography, rtol=1e-6, atol=1e-9):
            return laid
    return None


def _extent(pixels: ByteArray, homography: DoubleArray) -> tuple[int, int]:
    """Return the ``(rows, columns)`` of a rectified page that holds the whole source page."""
    height_px, width_px = pixels.shape[:2]
    corners = np.array([[[0, 0], [width_px, 0], [0, height_px], [width_px, height_px]]], float)
    far = cv2.perspectiveTransform(corners, np.linalg.inv(homography))[0].max(axis=0)
    return max(1, round(far[1])), max(1, round(far[0]))
