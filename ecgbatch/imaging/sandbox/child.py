"""The program that runs in the decoding process: open a file, read a page, again and again."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

from ecgbatch.errors import PageError, Reason
from ecgbatch.imaging.decode import Document, Flag, open_document
from ecgbatch.imaging.sandbox.confine import confine
from ecgbatch.imaging.sandbox.wire import (
    ClosedError,
    content_to_wire,
    error_to_wire,
    mapped,
    receive,
    send,
    shared,
)


def main() -> None:
    """Serve until the parent is gone."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    confine(memory_bytes=int(sys.argv[2]), lifeline=sys.stdin.fileno())
    opened: tuple[Document, tuple[Flag, ...]] | None = None
    send(channel, {"ready": True})
    while True:
        try:
            request, descriptor = receive(channel)
            if descriptor is not None:
                opened = None  # before the next file takes its memory
                opened = _open(channel, request, descriptor)
            else:
                assert opened is not None
                _read(channel, *opened, page_no=request["page_no"])
        except ClosedError:
            return


def _open(
    channel: socket.socket, request: dict[str, Any], descriptor: int
) -> tuple[Document, tuple[Flag, ...]] | None:
    size = request.pop("size_bytes")
    try:
        data = bytes(mapped(descriptor, size)) if size else b""
        document, flags = open_document(data, **request)
    except PageError as error:
        send(channel, error_to_wire(error))
        return None
    except MemoryError:
        send(channel, error_to_wire(PageError(Reason.MEMORY_LIMIT)))
        return None
    finally:
        os.close(descriptor)
    send(channel, {"page_count": document.page_count, "form": document.format})
    return document, flags


def _read(
    channel: socket.socket, document: Document, flags: tuple[Flag, ...], *, page_no: int
) -> None:
    try:
        content = document.read(page_no).flagged(*flags)
        message, pieces = content_to_wire(content)
        with shared(*pieces) as descriptor:
            send(channel, message, descriptor)
    except PageError as error:
        send(channel, error_to_wire(error))
    except MemoryError:
        send(channel, error_to_wire(PageError(Reason.MEMORY_LIMIT)))
