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
        self._block_at = 0
        self._block = b""

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
        """Fill the buffer from one block, fetched where needed, and return the number of bytes."""
        if self._at >= self._size_bytes:
            return 0
        if not self._block_at <= self._at < self._block_at + len(self._block):
            stop = min(self._size_bytes, self._at + max(BLOCK_BYTES, len(buffer)))
            self._block = self._read_span(self._at, stop)
            self._block_at = self._at
        start = self._at - self._block_at
        piece = memoryview(self._block)[start : start + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
