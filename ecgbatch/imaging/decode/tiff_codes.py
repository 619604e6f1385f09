"""The codes of a TIFF page: fax, JPEG, and what libtiff decodes by itself.

libtiff is too forgiving in two cases: JPEG goes to the strict JPEG decoder strip by strip, and for
fax codes its complaints are listened to.
"""

from __future__ import annotations

import io
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
from ecgbatch.imaging.decode.content import check_size
from ecgbatch.types import ByteArray

_FAX = {2, 3, 4}
_LIBTIFF = {1, 5, 8, 32773, 32946}  # raw, LZW, Deflate, PackBits, old Deflate
# Tags that a page needs to be decoded; the others (descriptions, names, resolutions) stay behind.
_NEEDED = {
    256, 257, 258, 259, 262, 266, 277, 278, 284, 292, 293, 317, 320, 322, 323, 332, 338, 339,
    529, 530, 531, 532,
}  # fmt: skip


def decode(directory: t.Directory, segments: list[bytes]) -> npt.NDArray[np.generic]:
    """Decode one page.

    Args:
        directory: Of the page.
        segments: Its strips or tiles, compressed, in the order of the file's list.

    Returns:
        Samples as the file counts them; ``(plane, row, column)`` where libtiff finds planes apart.

    Raises:
        PageError: ``corrupt_image``, or ``unsupported_pixel_format`` for codes that nobody reads.
    """
    compression = directory.integer(t.COMPRESSION, 1)
    if compression == t.JPEG:
        return _decode_jpeg(directory, segments)
    if compression in _FAX:
        # The codes say black and white; what a 1 means is settled with every other format below.
        as_stored = t.Tag(3, 1, struct.pack(directory.layout.order + "H", t.MIN_IS_BLACK))
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
    ycbcr = directory.integer(t.PHOTOMETRIC, t.YCBCR) == t.YCBCR
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
