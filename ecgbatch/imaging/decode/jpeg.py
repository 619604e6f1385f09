"""JPEG, strictly: a damaged file is an error and never half a page.

libjpeg warns about damage and fills the rest with grey; simplejpeg turns each warning into an
error. Damage that libjpeg passes over is looked for where the codes end (``jpeg_end``). Which DCT
and upsampling are used changes pixels by a few levels, so both are fixed here and belong to the
software version; the fast ones cost 6 % less.
"""

from __future__ import annotations

import math
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
from ecgbatch.imaging.decode.jpeg_end import probes
from ecgbatch.imaging.decode.jpeg_segments import end_of_image, segment
from ecgbatch.types import ByteArray, Page

_FAST = {"fastdct": True, "fastupsample": True}

_SOF_DECODABLE = {0xC0, 0xC1, 0xC2}  # baseline, extended and progressive, Huffman-coded
_SOF_ARITHMETIC = {0xC9, 0xCA}
_SOF_OTHER = {0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF}  # lossless, hierarchical


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
        marker, body, at = segment(data, at)
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
    end: int | None = None,
    room: Room = fresh,
) -> ByteArray:
    """Decode to grey or RGB.

    Args:
        data: A whole JPEG.
        components: 1, 3 or 4, from its header.
        inverted_cmyk: Whether 0 means full ink, as Adobe's encoders have it and all follow.
        end: One past its end-of-image marker, where that is known already.
        room: Gives memory for what libjpeg decodes.

    Returns:
        ``(row, column)`` for one component, ``(row, column, 3)`` otherwise.

    Raises:
        PageError: ``corrupt_image``.
    """
    colours = {1: "GRAY", 3: "RGB", 4: "CMYK"}[components]
    pixels = _checked(data, colours, end, room)
    if components == 1:
        return pixels[:, :, 0]
    if components == 3:
        return pixels
    return cmyk_to_rgb(pixels if inverted_cmyk else 255 - pixels)


def _checked(data: bytes, colours: str, end: int | None, room: Room) -> ByteArray:
    """Decode a file whose end can be probed with its probe, any other as it is."""
    tried = False
    for probe in probes(data, end=end):
        tried = True
        try:
            pixels = _strictly(probe.data, colours, room)
        except PageError:
            continue
        if probe.is_met(pixels):
            if not probe.is_possible(pixels):
                raise PageError(Reason.CORRUPT_IMAGE)
            return pixels[: probe.height_px]
    if tried:
        raise PageError(Reason.CORRUPT_IMAGE)
    return _strictly(data, colours, room)


def _strictly(data: bytes, colours: str, room: Room) -> ByteArray:
    header = read_header(data)
    into = room(header.width_px * header.height_px * header.components)
    try:
        pixels: ByteArray = simplejpeg.decode_jpeg(data, colours, buffer=into, **_FAST)
    except ValueError as error:
        raise PageError(Reason.CORRUPT_IMAGE) from error
    return pixels


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
        pixels = decode_pixels(data, components=header.components, end=end, room=self._room)
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
