"""TIFF: each page is cut out of its file and decoded alone.

So the cost of a page does not grow with its number, no page can point into another, and damage
stays where it is. libtiff decodes, with two exceptions where it is too forgiving: JPEG goes to
the strict JPEG decoder strip by strip, and for fax codes its complaints are listened to.
"""

from __future__ import annotations

import io
import math
import os
import struct
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import imagecodecs
import numpy as np
import numpy.typing as npt
from PIL import Image

from ecgbatch.errors import PageError, Reason
from ecgbatch.imaging.decode import jpeg
from ecgbatch.imaging.decode import tiff_tags as t
from ecgbatch.imaging.decode.content import (
    Content,
    check_not_blank,
    check_size,
    trusted_dpi,
)
from ecgbatch.imaging.decode.exif import swaps_axes, upright
from ecgbatch.imaging.decode.samples import split_alpha, to_eight_bits
from ecgbatch.types import ByteArray, Page

_FAX = {2, 3, 4}
_JPEG = 7
_LIBTIFF = {1, 5, 8, 32773, 32946}  # raw, LZW, Deflate, PackBits, old Deflate
_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _PALETTE, _SEPARATED, _YCBCR = 0, 1, 2, 3, 5, 6
_CHANNELS = {_MIN_IS_WHITE: 1, _MIN_IS_BLACK: 1, _RGB: 3, _PALETTE: 1, _SEPARATED: 4, _YCBCR: 3}
# Tags that a page needs to be decoded; the others (descriptions, names, resolutions) stay behind.
_NEEDED = {
    256, 257, 258, 259, 262, 266, 277, 278, 284, 292, 293, 317, 320, 322, 323, 332, 338, 339,
    529, 530, 531, 532,
}  # fmt: skip


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
        samples = _decode(directory, segments)
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
    photometric = directory.integer(t.PHOTOMETRIC, _MIN_IS_BLACK)
    bits = set(directory.numbers(t.BITS) or [1.0])
    known = (
        photometric in _CHANNELS
        and len(bits) == 1
        and bits <= {1.0, 2.0, 4.0, 8.0, 16.0}
        and set(directory.numbers(t.SAMPLE_FORMAT)) <= {1.0}  # unsigned
        and _CHANNELS[photometric] <= directory.integer(t.CHANNELS, 1) <= 5
        and not (photometric in {_SEPARATED, _YCBCR} and bits != {8.0})
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


def _decode(directory: t.Directory, segments: list[bytes]) -> npt.NDArray[np.generic]:
    compression = directory.integer(t.COMPRESSION, 1)
    if compression == _JPEG:
        return _decode_jpeg(directory, segments)
    if compression in _FAX:
        # The codes say black and white; what a 1 means is settled with every other format below.
        as_stored = t.Tag(3, 1, struct.pack(directory.layout.order + "H", _MIN_IS_BLACK))
        tags = {**directory.tags, t.PHOTOMETRIC: as_stored}
        return _decode_fax(_alone(t.Directory(tags, directory.layout), segments))
    if compression in _LIBTIFF:
        try:
            samples: npt.NDArray[np.generic] = imagecodecs.tiff_decode(_alone(directory, segments))
        except (imagecodecs.TiffError, ValueError) as error:
            raise PageError(Reason.CORRUPT_IMAGE) from error
        return samples
    raise PageError(Reason.UNSUPPORTED_PIXEL_FORMAT, compression=compression)


def _alone(directory: t.Directory, segments: list[bytes]) -> bytes:
    """Return a TIFF file that holds this page and nothing else, in the byte order of its source."""
    order = directory.layout.order
    tiled = t.TILE_OFFSETS in directory.tags
    tags = {tag: entry for tag, entry in directory.tags.items() if tag in _NEEDED}
    lengths = [len(segment) for segment in segments]
    starts = [8]
    for length in lengths[:-1]:
        starts.append(starts[-1] + length)

    def words(values: list[int]) -> t.Tag:
        return t.Tag(4, len(values), struct.pack(f"{order}{len(values)}I", *values))

    tags[t.TILE_OFFSETS if tiled else t.STRIP_OFFSETS] = words(starts)
    tags[t.TILE_BYTES if tiled else t.STRIP_BYTES] = words(lengths)
    at = starts[-1] + lengths[-1]
    at += at % 2
    after = at + 2 + 12 * len(tags) + 4
    entries, values = b"", b""
    for tag in sorted(tags):
        entry = tags[tag]
        raw = entry.raw
        kind, count = entry.kind, entry.count
        if kind in {16, 18}:  # eight-byte words exist in BigTIFF only
            numbers = struct.unpack(f"{order}{count}Q", raw)
            if max(numbers) >= 2**32:
                raise PageError(Reason.CORRUPT_IMAGE)
            kind, raw = 4, struct.pack(f"{order}{count}I", *numbers)
        if len(raw) > 4:
            field = struct.pack(order + "I", after + len(values))
            values += raw + bytes(len(raw) % 2)
        else:
            field = raw.ljust(4, b"\x00")
        entries += struct.pack(order + "HHI", tag, kind, count) + field
    head = {"<": b"II*\x00", ">": b"MM\x00*"}[order] + struct.pack(order + "I", at)
    body = b"".join(segments)
    return b"".join(
        (
            head,
            body,
            bytes(at - 8 - len(body)),
            struct.pack(order + "H", len(tags)),
            entries,
            bytes(4),
            values,
        )
    )


def _decode_fax(file: bytes) -> npt.NDArray[np.generic]:
    """Decode one page of CCITT codes.

    libtiff reports a damaged row on standard error, fills it in and goes on; nothing else tells
    that it happened. So standard error is kept for as long as the page takes.
    """
    with _standard_error() as said, Image.open(io.BytesIO(file), formats=["TIFF"]) as image:
        try:
            image.load()
        except (OSError, ValueError, SyntaxError) as error:
            raise PageError(Reason.CORRUPT_IMAGE) from error
        bits = np.asarray(image)
        said.seek(0)
        if b"Fax" in said.read():
            raise PageError(Reason.CORRUPT_IMAGE)
    return bits


@contextmanager
def _standard_error() -> Iterator[io.BufferedRandom]:
    """Give the file that receives what is written to file descriptor 2 meanwhile."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as said:
        kept = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            yield said
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _decode_jpeg(directory: t.Directory, segments: list[bytes]) -> ByteArray:
    """Decode strips or tiles that are JPEG streams, with their tables kept apart (TIFF TN2)."""
    width, height = directory.integer(t.WIDTH, 0), directory.integer(t.HEIGHT, 0)
    tiled = t.TILE_OFFSETS in directory.tags
    across = directory.integer(t.TILE_WIDTH, 0) if tiled else width
    down = (
        directory.integer(t.TILE_HEIGHT, 0)
        if tiled
        else min(directory.integer(t.ROWS_PER_STRIP, height), height)
    )
    channels = directory.integer(t.CHANNELS, 1)
    planes = channels if directory.integer(t.PLANAR, 1) == 2 else 1
    per_segment = 1 if planes > 1 else channels
    tables = directory.tags.get(t.JPEG_TABLES)
    page = np.empty((height, width, planes * per_segment), dtype=np.uint8)
    places = [
        (plane, top, left)
        for plane in range(planes)
        for top in range(0, height, down)
        for left in range(0, width, across)
    ]
    for (plane, top, left), segment in zip(places, segments, strict=False):
        block = _jpeg_block(segment, tables.raw if tables else b"", directory, per_segment)
        rows, columns = min(down, height - top), min(across, width - left)
        if block.shape[0] < rows or block.shape[1] < columns:
            raise PageError(Reason.CORRUPT_IMAGE, rows=block.shape[0], columns=block.shape[1])
        channel = slice(plane, plane + 1) if planes > 1 else slice(None)
        target = page[top : top + rows, left : left + columns, channel]
        if block.shape[2] != target.shape[2]:
            raise PageError(Reason.UNSUPPORTED_PIXEL_FORMAT, channels=block.shape[2])
        target[...] = block[:rows, :columns]
    return page


def _jpeg_block(segment: bytes, tables: bytes, directory: t.Directory, channels: int) -> ByteArray:
    """Return ``(row, column, channel)`` of one strip or tile."""
    if segment[:2] != b"\xff\xd8":
        raise PageError(Reason.CORRUPT_IMAGE)
    ycbcr = directory.integer(t.PHOTOMETRIC, _YCBCR) == _YCBCR
    data = jpeg.state_colours(b"\xff\xd8" + tables[2:-2] + segment[2:], ycbcr=ycbcr)
    header = jpeg.read_header(data)
    check_size(
        header.width_px,
        header.height_px,
        max_pixels=4 * directory.integer(t.WIDTH, 0) * directory.integer(t.HEIGHT, 0) + 4096 * 4096,
        damaged=Reason.CORRUPT_IMAGE,
    )
    if header.components != channels:
        raise PageError(Reason.UNSUPPORTED_PIXEL_FORMAT, channels=header.components)
    block = jpeg.decode_pixels(data, components=header.components)
    return block if block.ndim == 3 else block[:, :, np.newaxis]


def _to_page(samples: npt.NDArray[np.generic], directory: t.Directory) -> ByteArray:
    """Return grey or RGB, black as 0, from samples as the file counts them."""
    photometric = directory.integer(t.PHOTOMETRIC, _MIN_IS_BLACK)
    planar = samples.ndim == 3 and directory.integer(t.PLANAR, 1) == 2
    if planar and directory.integer(t.COMPRESSION, 1) != _JPEG:
        samples = np.ascontiguousarray(np.moveaxis(samples, 0, 2))
    if photometric == _PALETTE:
        return _coloured(samples, directory)
    pixels = _full_range(samples, directory)
    if pixels.ndim == 3 and pixels.shape[2] > _CHANNELS[photometric] and photometric != _SEPARATED:
        colours = _CHANNELS[photometric]
        kinds = directory.numbers(t.EXTRA_SAMPLES)
        transparent = bool(kinds) and kinds[0] in {1.0, 2.0}
        pixels = np.ascontiguousarray(pixels[:, :, : colours + 1 if transparent else colours])
    if photometric == _MIN_IS_WHITE:
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
