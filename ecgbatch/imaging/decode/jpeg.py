"""JPEG, strictly: a damaged file is an error and never half a page.

libjpeg warns about damage and fills the rest with grey; simplejpeg turns each warning into an
error. Which DCT and upsampling are used changes pixels by a few levels, so both are fixed here
and belong to the software version; the fast ones cost 6 % less.
"""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass, replace

import numpy as np
import simplejpeg

from ecgbatch.errors import PageError, Reason
from ecgbatch.flags import Flag
from ecgbatch.imaging.decode.content import (
    Content,
    Room,
    check_not_blank,
    check_size,
    fresh,
    trusted_dpi,
)
from ecgbatch.imaging.decode.exif import Exif, read_exif, swaps_axes, upright
from ecgbatch.types import ByteArray, Page

_FAST = {"fastdct": True, "fastupsample": True}

_SOF_DECODABLE = {0xC0, 0xC1, 0xC2}  # baseline, extended and progressive, Huffman-coded
_SOF_ARITHMETIC = {0xC9, 0xCA}
_SOF_OTHER = {0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF}  # lossless, hierarchical
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
# In entropy-coded data FF is followed by 00 (stuffing) or a restart marker; the rest is a marker.
_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")


@dataclass(frozen=True, slots=True)
class Header:
    """What a JPEG says of itself before its pixels.

    Attributes:
        width_px: Columns as stored.
        height_px: Rows as stored.
        components: 1 grey, 3 colour, 4 CMYK.
        exif: Orientation and resolution; JFIF density where EXIF has none.
        scan_at: Offset of the first scan.
    """

    width_px: int
    height_px: int
    components: int
    exif: Exif
    scan_at: int


def read_header(data: bytes) -> Header:
    """Walk the segments up to the first scan.

    Raises:
        PageError: ``corrupt_image``, or ``unsupported_pixel_format`` for 12-bit, lossless and
            hierarchical files.
    """
    at = 2
    exif = Exif()
    density = (math.nan, math.nan)
    frame: tuple[int, int, int] | None = None
    while True:
        marker, body, at = _segment(data, at)
        if marker == 0xE0 and body[:5] == b"JFIF\x00" and len(body) >= 12:
            density = _density(body)
        elif marker == 0xE1 and body[:6] == b"Exif\x00\x00":
            exif = read_exif(body[6:])
        elif marker in _SOF_DECODABLE | _SOF_ARITHMETIC | _SOF_OTHER:
            frame = _frame(marker, body)
        elif marker == 0xDA:
            break
        elif marker == 0xD9:
            raise PageError(Reason.CORRUPT_IMAGE)
    if frame is None:
        raise PageError(Reason.CORRUPT_IMAGE)
    if math.isnan(exif.dpi_x) or math.isnan(exif.dpi_y):
        exif = replace(exif, dpi_x=density[0], dpi_y=density[1])
    return Header(*frame, exif=exif, scan_at=at)


def _segment(data: bytes, at: int) -> tuple[int, bytes, int]:
    """Return marker, content and end of the segment at ``at``."""
    while data[at : at + 2] == b"\xff\xff":  # fill bytes are allowed before a marker
        at += 1
    if at + 2 > len(data) or data[at] != 0xFF:
        raise PageError(Reason.CORRUPT_IMAGE, at_byte=at)
    marker = data[at + 1]
    if marker in _WITHOUT_LENGTH or marker == 0xD9:
        return marker, b"", at + 2
    if at + 4 > len(data):
        raise PageError(Reason.CORRUPT_IMAGE, at_byte=at)
    (length,) = struct.unpack_from(">H", data, at + 2)
    end = at + 2 + length
    if length < 2 or end > len(data):
        raise PageError(Reason.CORRUPT_IMAGE, at_byte=at)
    return marker, data[at + 4 : end], end


def _density(body: bytes) -> tuple[float, float]:
    unit, x, y = struct.unpack_from(">BHH", body, 7)
    per_inch = {1: 1.0, 2: 2.54}.get(unit)
    if per_inch is None:  # an aspect ratio, no resolution
        return math.nan, math.nan
    return x * per_inch, y * per_inch


def _frame(marker: int, body: bytes) -> tuple[int, int, int]:
    if marker in _SOF_OTHER:
        raise PageError(Reason.UNSUPPORTED_PIXEL_FORMAT, frame_marker=marker)
    if len(body) < 6:
        raise PageError(Reason.CORRUPT_IMAGE)
    bits, height, width, components = struct.unpack_from(">BHHB", body)
    if bits != 8:
        raise PageError(Reason.UNSUPPORTED_PIXEL_FORMAT, bits=bits)
    if components not in {1, 3, 4}:
        raise PageError(Reason.UNSUPPORTED_PIXEL_FORMAT, components=components)
    return width, height, components


def decode_pixels(
    data: bytes,
    *,
    components: int,
    inverted_cmyk: bool = True,
    into: ByteArray | None = None,
) -> ByteArray:
    """Decode to grey or RGB.

    Args:
        data: A whole JPEG.
        components: 1, 3 or 4, from its header.
        inverted_cmyk: Whether 0 means full ink, as Adobe's encoders have it and all follow.
        into: ``(bytes,)`` memory for what libjpeg gives; fresh memory by default.

    Returns:
        ``(row, column)`` for one component, ``(row, column, 3)`` otherwise.

    Raises:
        PageError: ``corrupt_image``.
    """
    colours = {1: "GRAY", 3: "RGB", 4: "CMYK"}[components]
    try:
        pixels: ByteArray = simplejpeg.decode_jpeg(data, colours, buffer=into, **_FAST)
    except ValueError as error:
        raise PageError(Reason.CORRUPT_IMAGE) from error
    if components == 1:
        return pixels[:, :, 0]
    if components == 3:
        return pixels
    return cmyk_to_rgb(pixels if inverted_cmyk else 255 - pixels)


def state_colours(data: bytes, *, ycbcr: bool) -> bytes:
    """Return a JPEG that says how its three components are meant.

    Without an Adobe marker libjpeg takes them for YCbCr; a file around the JPEG may know better.
    """
    marker = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([ycbcr])
    return data[:2] + marker + data[2:]


def cmyk_to_rgb(inverted: ByteArray) -> ByteArray:
    """Return RGB from inverted CMYK ``(row, column, 4)``: 255 is no ink."""
    colour = inverted[:, :, :3].astype(np.uint16) * inverted[:, :, 3:]
    return ((colour + 127) // 255).astype(np.uint8)


def end_of_image(data: bytes, *, scan_at: int) -> int:
    """Return the offset one past the end-of-image marker.

    Raises:
        PageError: ``corrupt_image``; there is none.
    """
    # Nearly always the only such pair is the end; only a table between scans may hold another.
    # Half of all bytes of a scan look like the first of the pair to a search for strings.
    scan = np.frombuffer(data, np.uint8, offset=scan_at)
    pairs = np.flatnonzero((scan[:-1] == 0xFF) & (scan[1:] == 0xD9))
    if pairs.size and pairs[0] == scan.size - 2:
        return len(data)
    at = scan_at
    while True:
        found = _MARKER.search(data, at)
        if found is None:
            raise PageError(Reason.CORRUPT_IMAGE, at_byte=len(data))
        if data[found.end() - 1] == 0xD9:
            return found.end()
        _, _, at = _segment(data, found.end() - 2)


class JpegDocument:
    """A JPEG file: one page."""

    format = "jpeg"
    page_count = 1

    def __init__(self, data: bytes, *, max_pixels: int, room: Room = fresh) -> None:
        self._data = data
        self._max_pixels = max_pixels
        self._room = room

    def read(self, page_no: int) -> Content:
        """Decode the page; ``page_no`` is 1."""
        assert page_no == 1
        data = self._data
        header = read_header(data)
        check_size(
            header.width_px,
            header.height_px,
            max_pixels=self._max_pixels,
            damaged=Reason.CORRUPT_IMAGE,
        )
        end = end_of_image(data, scan_at=header.scan_at)
        room = self._room(header.width_px * header.height_px * header.components)
        pixels = decode_pixels(data, components=header.components, into=room)
        check_not_blank(pixels)
        exif = header.exif
        dpi = (exif.dpi_x, exif.dpi_y)
        dpi_x, dpi_y, flags = trusted_dpi(*(dpi[::-1] if swaps_axes(exif.orientation) else dpi))
        content = Content(
            kind="raster",
            page=Page(upright(pixels, exif.orientation), dpi_x=dpi_x, dpi_y=dpi_y),
            flags=flags,
        )
        # Zeros after the end are padding of block devices and tapes, not another content.
        if data[end:].strip(b"\x00"):
            content = content.flagged(Flag.TRAILING_BYTES)
        return content
