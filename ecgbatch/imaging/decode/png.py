"""PNG: every checksum is verified, transparency is laid on white."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import imagecodecs
import numpy as np

from ecgbatch.errors import PageError, Reason
from ecgbatch.flags import Flag
from ecgbatch.imaging.decode.content import (
    Content,
    check_not_blank,
    check_size,
    trusted_dpi,
)
from ecgbatch.imaging.decode.exif import read_exif, swaps_axes, upright
from ecgbatch.imaging.decode.samples import split_alpha, to_eight_bits
from ecgbatch.types import Page

_SIGNATURE_BYTES = 8
_MAX_CHUNKS = 1_000_000  # a PNG of our size limits in chunks of 256 bytes


@dataclass(frozen=True, slots=True)
class _Header:
    width_px: int
    height_px: int
    dpi_x: float
    dpi_y: float
    orientation: int
    end: int


def _read_header(data: bytes) -> _Header:
    width = height = 0
    dpi = (math.nan, math.nan)
    orientation = 1
    at = _SIGNATURE_BYTES
    for _ in range(_MAX_CHUNKS):
        if at + 12 > len(data):
            raise PageError(Reason.CORRUPT_IMAGE, at_byte=at)
        (length,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        body = at + 8
        if at == _SIGNATURE_BYTES:
            if kind != b"IHDR" or length != 13:
                raise PageError(Reason.CORRUPT_IMAGE, at_byte=at)
            width, height = struct.unpack_from(">II", data, body)
        elif kind == b"pHYs" and length == 9:
            x, y, unit = struct.unpack_from(">IIB", data, body)
            if unit == 1:  # per metre
                dpi = (x * 0.0254, y * 0.0254)
        elif kind == b"eXIf":
            orientation = read_exif(data[body : body + length]).orientation
        at = body + length + 4
        if kind == b"IEND":
            return _Header(width, height, *dpi, orientation=orientation, end=at)
        if kind == b"IDAT" and width == 0:
            break
    raise PageError(Reason.CORRUPT_IMAGE, at_byte=at)


class PngDocument:
    """A PNG file: one page."""

    format = "png"
    page_count = 1

    def __init__(self, data: bytes, *, max_pixels: int) -> None:
        self._data = data
        self._max_pixels = max_pixels

    def read(self, page_no: int) -> Content:
        """Decode the page; ``page_no`` is 1."""
        assert page_no == 1
        # The size is the first thing in the file: a bomb is refused before its chunks are walked.
        width, height = struct.unpack(">II", self._data[16:24].ljust(8, b"\x00"))
        check_size(width, height, max_pixels=self._max_pixels, damaged=Reason.CORRUPT_IMAGE)
        header = _read_header(self._data)
        try:
            samples = imagecodecs.png_decode(self._data)
        except (imagecodecs.PngError, ValueError) as error:
            raise PageError(Reason.CORRUPT_IMAGE) from error
        if samples.dtype == np.uint16:
            samples = to_eight_bits(samples)
        pixels = split_alpha(samples)
        check_not_blank(pixels)
        dpi = (header.dpi_x, header.dpi_y)
        dpi_x, dpi_y, flags = trusted_dpi(*(dpi[::-1] if swaps_axes(header.orientation) else dpi))
        content = Content(
            kind="raster",
            page=Page(upright(pixels, header.orientation), dpi_x=dpi_x, dpi_y=dpi_y),
            flags=flags,
        )
        return (
            content.flagged(Flag.TRAILING_BYTES)
            if self._data[header.end :].strip(b"\x00")
            else content
        )
