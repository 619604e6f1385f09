"""A large object as a file that can be read in pieces and sought."""

from __future__ import annotations

import io
from collections.abc import Callable

BLOCK_BYTES = 8 * 2**20  # one request; at 1 Gb/s as long as the wait for its first byte

ReadSpan = Callable[[int, int], bytes]
"""Takes the first byte and one past the last, gives exactly those bytes."""


class RangedFile(io.RawIOBase):
    """Reads spans of one version of an object when they are asked for.

    Args:
        read_span: Where bytes come from.
        size_bytes: Length of the object.
    """

    def __init__(self, read_span: ReadSpan, size_bytes: int) -> None:
        self._read_span = read_span
        self._size_bytes = size_bytes
        self._at = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a place and return it."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size_bytes}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # Buffer, before 3.12
        """Fill the buffer as far as the object goes, and return the number of bytes."""
        stop = min(self._size_bytes, self._at + len(buffer))
        if stop <= self._at:
            return 0
        data = self._read_span(self._at, stop)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
