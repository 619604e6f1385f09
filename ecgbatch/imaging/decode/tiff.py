"""TIFF: each page is cut out of its file and decoded alone.

So the cost of a page does not grow with its number, no page can point into another, and damage
stays where it is.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ecgbatch.errors import PageError, Reason
from ecgbatch.imaging.decode import tiff_tags as t
from ecgbatch.imaging.decode.content import (
    Content,
    check_not_blank,
    check_size,
    trusted_dpi,
)
from ecgbatch.imaging.decode.exif import swaps_axes, upright
from ecgbatch.imaging.decode.samples import split_alpha, to_eight_bits
from ecgbatch.imaging.decode.tiff_codes import decode
from ecgbatch.types import ByteArray, Page

_CHANNELS = {
    t.MIN_IS_WHITE: 1,
    t.MIN_IS_BLACK: 1,
    t.RGB: 3,
    t.PALETTE: 1,
    t.SEPARATED: 4,
    t.YCBCR: 3,
}


class TiffDocument:
    """A TIFF file with any number of pages."""

    format = "tiff"

    def __init__(self, data: bytes, *, max_pixels: int, max_pages: int) -> None:
        self._data = data
        self._max_pixels = max_pixels
        self._layout, self._offsets = t.find_pages(data, max_pages=max_pages)
        self.page_count = len(self._offsets)

    def read(self, page_no: int) -> Content:
        """Decode one page."""
        directory = t.read_directory(self._data, self._offsets[page_no - 1], self._layout)
        _check(directory, max_pixels=self._max_pixels)
        segments = _segments(self._data, directory)
        samples = decode(directory, segments)
        pixels = _to_page(samples, directory)
        check_not_blank(pixels)
        orientation = directory.integer(t.ORIENTATION, 1)
        dpi = _resolution(directory)
        dpi_x, dpi_y, flags = trusted_dpi(*(dpi[::-1] if swaps_axes(orientation) else dpi))
        return Content(
            kind="raster",
            page=Page(upright(pixels, orientation), dpi_x=dpi_x, dpi_y=dpi_y),
            flags=flags,
        )


def _check(directory: t.Directory, *, max_pixels: int) -> None:
    width, height = directory.integer(t.WIDTH, 0), directory.integer(t.HEIGHT, 0)
    check_size(width, height, max_pixels=max_pixels, damaged=Reason.CORRUPT_IMAGE)
    if directory.integer(t.TILE_WIDTH, 0) * directory.integer(t.TILE_HEIGHT, 0) > 4 * max_pixels:
        raise PageError(Reason.TOO_LARGE, max_pixels=max_pixels)
    photometric = directory.integer(t.PHOTOMETRIC, t.MIN_IS_BLACK)
    bits = set(directory.numbers(t.BITS) or [1.0])
    known = (
        photometric in _CHANNELS
        and len(bits) == 1
        and bits <= {1.0, 2.0, 4.0, 8.0, 16.0}
        and set(directory.numbers(t.SAMPLE_FORMAT)) <= {1.0}  # unsigned
        and _CHANNELS[photometric] <= directory.integer(t.CHANNELS, 1) <= 5
        and not (photometric in {t.SEPARATED, t.YCBCR} and bits != {8.0})
    )
    if not known:
        raise PageError(
            Reason.UNSUPPORTED_PIXEL_FORMAT,
            photometric=photometric,
            bits=max(bits),
            channels=directory.integer(t.CHANNELS, 1),
        )


def _segments(data: bytes, directory: t.Directory) -> list[bytes]:
    """Return the strips or tiles, compressed, in the order of the file's list."""
    tiled = t.TILE_OFFSETS in directory.tags
    offsets = directory.numbers(t.TILE_OFFSETS if tiled else t.STRIP_OFFSETS)
    lengths = directory.numbers(t.TILE_BYTES if tiled else t.STRIP_BYTES)
    if not offsets or len(offsets) != len(lengths):
        raise PageError(Reason.CORRUPT_IMAGE, offsets=len(offsets), lengths=len(lengths))
    if len(offsets) < _expected_segments(directory, tiled=tiled):
        raise PageError(Reason.CORRUPT_IMAGE, offsets=len(offsets))
    # More strips than the page has room for would only be a way to make us copy much.
    if sum(lengths) > 4 * len(data):
        raise PageError(Reason.CORRUPT_IMAGE, offsets=len(offsets))
    segments = []
    for offset, length in zip(offsets, lengths, strict=True):
        start, end = int(offset), int(offset) + int(length)
        if length <= 0 or end > len(data):
            raise PageError(Reason.CORRUPT_IMAGE, at_byte=start)
        segments.append(data[start:end])
    return segments


def _expected_segments(directory: t.Directory, *, tiled: bool) -> int:
    width, height = directory.integer(t.WIDTH, 0), directory.integer(t.HEIGHT, 0)
    if tiled:
        across = directory.integer(t.TILE_WIDTH, 0)
        down = directory.integer(t.TILE_HEIGHT, 0)
        if across <= 0 or down <= 0:
            raise PageError(Reason.CORRUPT_IMAGE)
        count = -(-width // across) * -(-height // down)
    else:
        rows = min(directory.integer(t.ROWS_PER_STRIP, height), height)
        if rows <= 0:
            raise PageError(Reason.CORRUPT_IMAGE)
        count = -(-height // rows)
    planes = directory.integer(t.CHANNELS, 1) if directory.integer(t.PLANAR, 1) == 2 else 1
    return count * planes


def _to_page(samples: npt.NDArray[np.generic], directory: t.Directory) -> ByteArray:
    """Return grey or RGB, black as 0, from samples as the file counts them."""
    photometric = directory.integer(t.PHOTOMETRIC, t.MIN_IS_BLACK)
    planar = samples.ndim == 3 and directory.integer(t.PLANAR, 1) == 2
    if planar and directory.integer(t.COMPRESSION, 1) != t.JPEG:
        samples = np.ascontiguousarray(np.moveaxis(samples, 0, 2))
    if photometric == t.PALETTE:
        return _coloured(samples, directory)
    pixels = _full_range(samples, directory)
    if pixels.ndim == 3 and pixels.shape[2] > _CHANNELS[photometric] and photometric != t.SEPARATED:
        colours = _CHANNELS[photometric]
        kinds = directory.numbers(t.EXTRA_SAMPLES)
        transparent = bool(kinds) and kinds[0] in {1.0, 2.0}
        pixels = np.ascontiguousarray(pixels[:, :, : colours + 1 if transparent else colours])
    if photometric == t.MIN_IS_WHITE:
        inverted = pixels if pixels.ndim == 2 else pixels[:, :, :1]
        np.subtract(255, inverted, out=inverted)
    return split_alpha(pixels)


def _full_range(samples: npt.NDArray[np.generic], directory: t.Directory) -> ByteArray:
    """Return samples of 1, 2, 4, 8 or 16 bits as 0 to 255."""
    bits = directory.integer(t.BITS, 1)
    if samples.dtype == np.bool_:
        return samples.astype(np.uint8) * np.uint8(255)
    if samples.dtype == np.uint16:
        return to_eight_bits(samples.astype(np.uint16, copy=False))
    if samples.dtype != np.uint8:
        raise PageError(Reason.UNSUPPORTED_PIXEL_FORMAT, bits=bits)
    if bits < 8:
        return samples.astype(np.uint8) * np.uint8(255 // (2**bits - 1))
    return np.array(samples, dtype=np.uint8, copy=not samples.flags.writeable)


def _coloured(samples: npt.NDArray[np.generic], directory: t.Directory) -> ByteArray:
    """Look palette indices up; a palette without colours gives a grey page."""
    levels = directory.numbers(t.COLOR_MAP)
    entries = 2 ** directory.integer(t.BITS, 8)
    if len(levels) != 3 * entries or samples.dtype not in {np.dtype(np.uint8), np.dtype(np.bool_)}:
        raise PageError(Reason.CORRUPT_IMAGE, palette=len(levels))
    colours = to_eight_bits(np.asarray(levels, dtype=np.uint16).reshape(3, entries))
    indices = samples.astype(np.uint8).reshape(samples.shape[:2])
    if np.array_equal(colours[0], colours[1]) and np.array_equal(colours[1], colours[2]):
        return np.asarray(colours[0][indices], dtype=np.uint8)
    return np.asarray(colours.T[indices], dtype=np.uint8)


def _resolution(directory: t.Directory) -> tuple[float, float]:
    """Return dots per inch along rows and down columns; NaN where the tags are absent."""
    unit = directory.integer(t.RESOLUTION_UNIT, 2)
    if unit == 1 or t.X_RESOLUTION not in directory.tags:  # 1: no absolute unit
        return math.nan, math.nan
    per_inch = 2.54 if unit == 3 else 1.0
    x = directory.number(t.X_RESOLUTION, math.nan)
    y = directory.number(t.Y_RESOLUTION, x)
    # A tag that is there and holds no number (0/0) is a reason to distrust, not an absence.
    return _number_or_0(x) * per_inch, _number_or_0(y) * per_inch


def _number_or_0(value: float) -> float:
    return 0.0 if math.isnan(value) else value
