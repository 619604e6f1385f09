"""Orientation and resolution from EXIF, and turning pixels upright by the orientation tag."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from ecgbatch.types import ByteArray

_MAX_TAGS = 512  # a camera writes a few dozen
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8}  # bytes by TIFF type


@dataclass(frozen=True, slots=True)
class Exif:
    """What is used of EXIF.

    Attributes:
        orientation: 1 to 8 (TIFF 6.0, tag 274); 1 is upright.
        dpi_x: Dots per inch along a row as stored; NaN where unknown.
        dpi_y: The same down a column.
    """

    orientation: int = 1
    dpi_x: float = math.nan
    dpi_y: float = math.nan


def read_exif(block: bytes) -> Exif:
    """Read the first directory of an EXIF block.

    Args:
        block: A TIFF header and what follows it. Damage counts as absence: photographs with a
            broken EXIF block are otherwise whole.
    """
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None or len(block) < 8:
        return Exif()
    tags = dict(_tags(block, order))
    orientation = int(tags.get(274, 1))
    centimetres = tags.get(296, 2) == 3
    per_inch = 2.54 if centimetres else 1.0
    return Exif(
        orientation=orientation if 1 <= orientation <= 8 else 1,
        dpi_x=tags.get(282, math.nan) * per_inch,
        dpi_y=tags.get(283, math.nan) * per_inch,
    )


def _tags(block: bytes, order: str) -> Iterator[tuple[int, float]]:
    """Yield the wanted tags that hold one number."""
    (offset,) = struct.unpack_from(order + "I", block, 4)
    if offset + 2 > len(block):
        return
    (count,) = struct.unpack_from(order + "H", block, offset)
    for index in range(min(count, _MAX_TAGS)):
        at = offset + 2 + 12 * index
        if at + 12 > len(block):
            return
        tag, kind, number = struct.unpack_from(order + "HHI", block, at)
        if tag not in {274, 282, 283, 296} or number != 1:
            continue
        if kind == 3:
            yield tag, float(struct.unpack_from(order + "H", block, at + 8)[0])
        elif kind == 4:
            yield tag, float(struct.unpack_from(order + "I", block, at + 8)[0])
        elif kind == 5:
            (where,) = struct.unpack_from(order + "I", block, at + 8)
            if where + 8 <= len(block):
                top, bottom = struct.unpack_from(order + "II", block, where)
                yield tag, top / bottom if bottom else math.nan


# How stored rows and columns become upright ones (TIFF 6.0, tag 274).
_QUARTERS = {
    3: cv2.ROTATE_180,
    6: cv2.ROTATE_90_CLOCKWISE,
    8: cv2.ROTATE_90_COUNTERCLOCKWISE,
}


def upright(pixels: ByteArray, orientation: int) -> ByteArray:
    """Return the page turned and mirrored as its orientation tag says.

    Args:
        pixels: ``(row, column)`` or ``(row, column, 3)`` as stored.
        orientation: 1 to 8.
    """
    if orientation in _QUARTERS:
        return _array(cv2.rotate(pixels, _QUARTERS[orientation]))
    if orientation == 2:
        return _array(cv2.flip(pixels, 1))
    if orientation == 4:
        return _array(cv2.flip(pixels, 0))
    if orientation == 5:
        return _array(cv2.transpose(pixels))
    if orientation == 7:
        return _array(cv2.rotate(cv2.transpose(pixels), cv2.ROTATE_180))
    return pixels


def swaps_axes(orientation: int) -> bool:
    """Whether rows become columns, and the two resolutions change places."""
    return orientation >= 5


def _array(pixels: object) -> ByteArray:
    return np.asarray(pixels, dtype=np.uint8)
