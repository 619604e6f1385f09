"""A decoding process whose TIFF decoder goes wrong at chosen pages, in the way a name asks for."""

from __future__ import annotations

import os
import time

from ecgbatch.imaging.decode import tiff
from ecgbatch.imaging.sandbox import child

PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[4]); "
    "from tests.faulty_decoders import serve; serve({way!r}, {pages!r})"
)


def serve(way, pages):
    """Run the child with a decoder that fails at ``pages``."""
    whole = tiff.TiffDocument.read

    def read(document, page_no):
        if page_no in pages and document.page_count >= 4:  # healthy neighbours have fewer
            WAYS[way]()
        return whole(document, page_no)

    tiff.TiffDocument.read = read
    child.main()


def _loop():
    while True:
        pass


def _sleep():
    time.sleep(3600)


def _allocate():
    return [bytearray(2**30) for _ in range(20)]


def _connect():
    import socket

    socket.create_connection(("127.0.0.1", 9), timeout=1)


def _execute():
    os.execv("/bin/true", ["true"])


def _say():
    os.write(1, b"MUSTERMANN\n")
    os.write(2, b"MUSTERMANN\n")


def _be_killed():
    os.kill(os.getpid(), 9)


def _raise():
    raise RuntimeError("MUSTERMANN")


WAYS = {
    "abort": os.abort,
    "loop": _loop,
    "sleep": _sleep,
    "allocate": _allocate,
    "connect": _connect,
    "execute": _execute,
    "say": _say,
    "be killed": _be_killed,
    "raise": _raise,
}
