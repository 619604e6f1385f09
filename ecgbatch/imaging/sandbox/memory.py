"""Memory that parent and child both see.

It has no name, so that nothing is left behind however either of them ends, and it is used again
for every page: fresh shared pages cost seven times as much as the copy into them (measured by
``benchmarks/decode.py``). The reader copies what it wants; the writer cannot change that any more.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import tempfile
from collections.abc import Sequence

import numpy as np

from ecgbatch.types import ByteArray

_GROWTH_BYTES = 2**20  # sizes are rounded up to this


class SharedMemory:
    """Anonymous memory behind a descriptor that a child inherits.

    Args:
        descriptor: Of memory that exists; None makes new memory.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self.descriptor = _anonymous() if descriptor is None else descriptor
        self._view: mmap.mmap | None = None

    @property
    def size_bytes(self) -> int:
        """How large it is now; it only grows."""
        return os.fstat(self.descriptor).st_size

    def close(self) -> None:
        """Give it back."""
        if self._view is not None:
            self._view.close()
            self._view = None
        os.close(self.descriptor)

    def room(self, count: int) -> ByteArray:
        """Return the first ``count`` bytes, to be written to.

        Raises:
            MemoryError: There is no memory for so many.
        """
        try:
            if count > self.size_bytes:
                os.ftruncate(self.descriptor, -(-count // _GROWTH_BYTES) * _GROWTH_BYTES)
            view = self._map(count, mmap.PROT_READ | mmap.PROT_WRITE)
        except OSError as error:
            raise MemoryError from error
        return np.frombuffer(view, dtype=np.uint8, count=count)

    def write(self, pieces: Sequence[ByteArray]) -> None:
        """Put arrays of bytes one behind the other, from the beginning.

        A first piece that stands there already, in the ``room``, is left as it is.
        """
        total = sum(piece.size for piece in pieces)
        if total == 0:
            return
        target = self.room(total)
        at = 0
        for piece in pieces:
            if at > 0 or piece.ctypes.data != target.ctypes.data:
                target[at : at + piece.size] = piece
            at += piece.size

    def copy(self, count: int) -> ByteArray:
        """Return a copy of the first ``count`` bytes.

        Raises:
            ValueError: There are fewer.
        """
        if count > self.size_bytes:
            raise ValueError(count)
        if count == 0:
            return np.empty(0, dtype=np.uint8)
        return np.frombuffer(self._map(count, mmap.PROT_READ), dtype=np.uint8, count=count).copy()

    def _map(self, count: int, protection: int) -> mmap.mmap:
        if self._view is None or len(self._view) < count:
            self._view = mmap.mmap(
                self.descriptor, self.size_bytes, flags=mmap.MAP_SHARED, prot=protection
            )
        return self._view


def _anonymous() -> int:
    if hasattr(os, "memfd_create"):  # Linux
        descriptor = os.memfd_create("page", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        # A writer that made it smaller would kill a reader that has it mapped.
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)
        return descriptor
    with tempfile.TemporaryFile() as file:  # already without a name
        return os.dup(file.fileno())
