"""How requests, answers and pages cross between parent and child.

A message is four bytes of length and JSON; at most one file descriptor travels with it. Whoever
reads an answer trusts none of it: every word is looked up in a closed list, every size is checked
against the memory that came along.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import mmap
import os
import re
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ecgbatch.errors import PageError, Reason
from ecgbatch.imaging.decode import Content, Flag, Scale
from ecgbatch.types import EXTRA_LEADS, LEADS, ByteArray, FloatArray, Lead, Page

_HEAD = struct.Struct(">I")
_MAX_MESSAGE_BYTES = 2**20  # a page of 500 segments has 100 kB

_KINDS = {"raster", "vector", "digital"}
_ROLES = {"strip", "rhythm"}
_NAME_SOURCES = {"read", "guessed", "digital"}
_SCALE_SOURCES = {"", "printed", "pulse", "file", "assumed"}
_LEAD_NAMES = {*LEADS, *EXTRA_LEADS}
_LAYOUT = re.compile(r"(?:\d{1,2}x\d{1,2}(?:\+\d{1,2}R)?)?")


class ClosedError(Exception):
    """The other side is gone."""


def send(channel: socket.socket, message: dict[str, Any], *descriptors: int) -> None:
    """Send one message.

    Raises:
        ClosedError: Nobody is there to read it.
    """
    body = json.dumps(message).encode()
    data = _HEAD.pack(len(body)) + body
    try:
        sent = socket.send_fds(channel, [data], list(descriptors))
        channel.sendall(data[sent:])
    except (BrokenPipeError, ConnectionResetError) as error:
        raise ClosedError from error


def receive(
    channel: socket.socket, *, seconds: float | None = None
) -> tuple[dict[str, Any], int | None]:
    """Wait for one message and return it with the descriptor that came along.

    Raises:
        ClosedError: The other side is gone, or speaks nonsense.
        TimeoutError: Nothing came within ``seconds``.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    descriptors: list[int] = []
    try:
        _set_timeout(channel, deadline)
        data, descriptors, _, _ = socket.recv_fds(channel, _MAX_MESSAGE_BYTES, 1)
        data = _complete(channel, data, deadline)
        message = json.loads(data)
        if not isinstance(message, dict):
            raise ClosedError
    except TimeoutError:
        _close(descriptors)
        raise
    except (ConnectionResetError, ValueError, ClosedError) as error:
        _close(descriptors)
        raise ClosedError from error
    return message, descriptors[0] if descriptors else None


def _complete(channel: socket.socket, data: bytes, deadline: float | None) -> bytes:
    size = _HEAD.size
    while len(data) < size or len(data) < _HEAD.size + _HEAD.unpack_from(data)[0]:
        _set_timeout(channel, deadline)
        more = channel.recv(_MAX_MESSAGE_BYTES)
        if not more or len(data) + len(more) > _MAX_MESSAGE_BYTES + size:
            raise ClosedError
        data += more
    return data[size:]


def _set_timeout(channel: socket.socket, deadline: float | None) -> None:
    if deadline is None:
        channel.settimeout(None)
        return
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    channel.settimeout(left)


def _close(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


# ------------------------------------------------------------------------------- shared memory


@contextlib.contextmanager
def shared(*pieces: bytes | memoryview) -> Iterator[int]:
    """Give the descriptor of anonymous memory that holds ``pieces``; sealed where Linux can."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("page", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    else:
        with tempfile.TemporaryFile() as file:  # already without a name
            descriptor = os.dup(file.fileno())
    try:
        for piece in pieces:
            _write_all(descriptor, memoryview(piece).cast("B"))
        if sys.platform == "linux":
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
        yield descriptor
    finally:
        os.close(descriptor)


_SEALS = (
    fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
    if sys.platform == "linux"
    else 0
)


def _write_all(descriptor: int, piece: memoryview) -> None:
    while piece:
        piece = piece[os.write(descriptor, piece) :]


def mapped(descriptor: int, size: int) -> memoryview:
    """Return ``size`` bytes of shared memory for reading; they live as long as the view.

    The descriptor may be closed afterwards.

    Raises:
        ClosedError: The memory is smaller than was said, or not sealed against its sender.
    """
    if size <= 0 or os.fstat(descriptor).st_size < size:
        raise ClosedError
    populate = 0
    if sys.platform == "linux":
        if fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) & _SEALS != _SEALS:
            raise ClosedError
        populate = mmap.MAP_POPULATE  # one walk instead of a fault per 4 KiB
    return memoryview(
        mmap.mmap(descriptor, size, flags=mmap.MAP_SHARED | populate, prot=mmap.PROT_READ)
    )


# -------------------------------------------------------------------------------------- pages


def content_to_wire(content: Content) -> tuple[dict[str, Any], list[memoryview]]:
    """Return a page's description and, in this order, its pixels and its leads' samples."""
    pieces = []
    shape: list[int] = []
    dpi = [math.nan, math.nan]
    if content.page is not None:
        pixels = np.ascontiguousarray(content.page.pixels)
        shape, dpi = list(pixels.shape), [content.page.dpi_x, content.page.dpi_y]
        pieces.append(pixels.data)
    leads = []
    for lead in content.leads:
        signal = np.ascontiguousarray(lead.signal_uv, dtype=np.float32)
        pieces.append(signal.data)
        leads.append(
            {
                "lead": lead.lead,
                "role": lead.role,
                "name_source": lead.name_source,
                "numbers": [
                    lead.t0_ms, lead.fs_hz, lead.native_fs_hz, lead.overlap, lead.quality,
                ],
                "samples": signal.size,
            }
        )  # fmt: skip
    scale = content.scale
    message = {
        "kind": content.kind,
        "shape": shape,
        "dpi": dpi,
        "leads": leads,
        "layout": content.layout,
        "speed": [scale.speed_mm_per_s, scale.speed_source],
        "gain": [scale.gain_mm_per_mv, scale.gain_source],
        "flags": list(content.flags),
    }
    return message, pieces


def content_from_wire(message: dict[str, Any], descriptor: int | None) -> Content:
    """Rebuild a page from what a child said.

    Raises:
        ClosedError: It does not hold together.
    """
    try:
        return _content(message, descriptor)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise ClosedError from error


def _content(message: dict[str, Any], descriptor: int | None) -> Content:
    shape = tuple(_count(length) for length in message["shape"])
    if shape and (len(shape) not in {2, 3} or (len(shape) == 3 and shape[2] != 3)):
        raise ClosedError
    counts = [_count(lead["samples"]) for lead in message["leads"]]
    pixel_bytes = math.prod(shape) if shape else 0
    total = pixel_bytes + 4 * sum(counts)
    memory = mapped(descriptor, total) if descriptor is not None and total else memoryview(b"")
    if len(memory) != total:
        raise ClosedError
    page = None
    if shape:
        pixels: ByteArray = np.frombuffer(memory, dtype=np.uint8, count=pixel_bytes).reshape(shape)
        page = Page(pixels, *(float(number) for number in message["dpi"]))
    leads = []
    at = pixel_bytes
    for lead, count in zip(message["leads"], counts, strict=True):
        signal: FloatArray = np.frombuffer(memory[at : at + 4 * count], dtype=np.float32)
        leads.append(_lead(lead, signal))
        at += 4 * count
    speed, gain = message["speed"], message["gain"]
    return Content(
        kind=_word(message["kind"], _KINDS),
        page=page,
        leads=tuple(leads),
        layout=_layout(message["layout"]),
        scale=Scale(
            float(speed[0]),
            _word(speed[1], _SCALE_SOURCES),
            float(gain[0]),
            _word(gain[1], _SCALE_SOURCES),
        ),
        flags=tuple(Flag(flag) for flag in message["flags"]),
    )


def _lead(message: dict[str, Any], signal_uv: FloatArray) -> Lead:
    t0_ms, fs_hz, native_fs_hz, overlap, quality = (float(n) for n in message["numbers"])
    return Lead(
        lead=_word(message["lead"], _LEAD_NAMES),
        role=_word(message["role"], _ROLES),
        name_source=_word(message["name_source"], _NAME_SOURCES),
        t0_ms=t0_ms,
        fs_hz=fs_hz,
        native_fs_hz=native_fs_hz,
        signal_uv=signal_uv,
        overlap=overlap,
        quality=quality,
    )


def _count(value: Any) -> int:
    if not isinstance(value, int) or not 0 < value < 2**31:
        raise ClosedError
    return value


def _word(value: Any, known: set[str]) -> str:
    if value not in known:
        raise ClosedError
    return str(value)


def _layout(value: str) -> str:
    if _LAYOUT.fullmatch(value) is None:
        raise ClosedError
    return value


def error_to_wire(error: PageError) -> dict[str, Any]:
    """Return a page error as reason and numbers."""
    return {"reason": error.reason.value, "facts": error.facts}


def error_from_wire(message: dict[str, Any]) -> PageError:
    """Rebuild a page error; its facts can only be numbers, under names of ours.

    Raises:
        ClosedError: It does not hold together.
    """
    try:
        facts = {
            str(name): float(value)
            for name, value in message["facts"].items()
            if re.fullmatch(r"[a-z_]{1,40}", name)
        }
        return PageError(Reason(message["reason"]), **facts)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ClosedError from error
