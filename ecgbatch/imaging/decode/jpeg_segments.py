"""The segments of a JPEG file, and where the file ends."""

from __future__ import annotations

import re
import struct

import numpy as np

from ecgbatch.errors import PageError, Reason

_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
# In entropy-coded data FF is followed by 00 (stuffing) or a restart marker; the rest is a marker.
_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")


def segment(data: bytes, at: int) -> tuple[int, bytes, int]:
    """Return marker, content and end of the segment at ``at``.

    Raises:
        PageError: ``corrupt_image``; there is none.
    """
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
        _, _, at = segment(data, found.end() - 2)
