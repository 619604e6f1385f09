"""The program that runs in the decoding process: open a file, read a page, again and again."""

from __future__ import annotations

import socket
import sys
from typing import Any

import numpy as np

from ecgbatch.errors import PageError, Reason
from ecgbatch.flags import Flag
from ecgbatch.imaging.cores import keep_memory
from ecgbatch.imaging.decode import Document, open_document
from ecgbatch.imaging.sandbox.confine import confine
from ecgbatch.imaging.sandbox.memory import SharedMemory
from ecgbatch.imaging.sandbox.wire import (
    ClosedError,
    content_to_wire,
    error_to_wire,
    receive,
    send,
)


def main() -> None:
    """Serve until the parent is gone."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    memory = SharedMemory(int(sys.argv[2]))
    memory_bytes = int(sys.argv[3])
    confine(memory_bytes=memory_bytes, lifeline=sys.stdin.fileno())
    keep_memory()
    opened: _Opened | None = None
    send(channel, {"ready": True})
    while True:
        try:
            request, data = receive(channel, max_file_bytes=memory_bytes)
            try:
                if "page_no" in request:
                    assert opened is not None
                    answer = opened.read(request["page_no"])
                else:
                    opened = None  # before the next file takes its memory
                    opened = _Opened(data, request, memory)
                    answer = opened.facts()
            except PageError as error:
                answer = error_to_wire(error)
            except MemoryError:
                answer = error_to_wire(PageError(Reason.MEMORY_LIMIT))
            send(channel, answer)
        except ClosedError:
            return


class _Opened:
    """The file that is open now."""

    def __init__(self, data: bytes, options: dict[str, Any], memory: SharedMemory) -> None:
        document, flags = open_document(data, **options, room=memory.room)
        self._document: Document = document
        self._flags: tuple[Flag, ...] = flags
        self._memory = memory

    def facts(self) -> dict[str, Any]:
        """Say what kind of file it is and how many pages it has."""
        return {"page_count": self._document.page_count, "form": self._document.format}

    def read(self, page_no: int) -> dict[str, Any]:
        """Read a page, leave its numbers in memory, and describe them."""
        message, pieces = content_to_wire(self._document.read(page_no).flagged(*self._flags))
        self._memory.write([piece.reshape(-1).view(np.uint8) for piece in pieces])
        return message
