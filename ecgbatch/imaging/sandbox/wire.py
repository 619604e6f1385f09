"""How requests, answers and pages cross between parent and child.

A message is two lengths, JSON, and for a request that brings a file its bytes. Pixels and samples
come back through shared memory. Whoever reads an answer trusts none of it: every word is looked up
in a closed list, every size is checked against the memory.
"""

from __future__ import annotations

import json
import math
import re
import socket
import struct
import time
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgbatch.errors import PageError, Reason
from ecgbatch.flags import Flag
from ecgbatch.imaging.decode import Content, Scale
from ecgbatch.imaging.sandbox.memory import SharedMemory
from ecgbatch.types import EXTRA_LEADS, LEADS, ByteArray, FloatArray, Lead, Page

_HEAD = struct.Struct(">IQ")
_MAX_MESSAGE_BYTES = 2**20  # a page of 500 segments has 100 kB

_KINDS = {"raster", "vector", "digital"}
_ROLES = {"strip", "rhythm"}
_NAME_SOURCES = {"read", "guessed", "digital"}
_SCALE_SOURCES = {"", "printed", "pulse", "file", "assumed"}
_LEAD_NAMES = {*LEADS, *EXTRA_LEADS}
_LAYOUT = re.compile(r"(?:\d{1,2}x\d{1,2}(?:\+\d{1,2}R)?)?")


class ClosedError(Exception):
    """The other side is gone, or speaks nonsense."""


def send(channel: socket.socket, message: dict[str, Any], file: bytes = b"") -> None:
    """Send one message, and a file behind it.

    Raises:
        ClosedError: Nobody is there to read it.
        TimeoutError: Nobody reads it in the time that was set for the channel.
    """
    body = json.dumps(message).encode()
    try:
        channel.sendall(_HEAD.pack(len(body), len(file)) + body)
        channel.sendall(file)
    except (BrokenPipeError, ConnectionResetError) as error:
        raise ClosedError from error


def receive(
    channel: socket.socket, *, seconds: float | None = None, max_file_bytes: int = 0
) -> tuple[dict[str, Any], bytes]:
    """Wait for one message and return it with the file behind it.

    Args:
        channel: Where it comes from.
        seconds: Longest wait for the whole of it; None waits for ever.
        max_file_bytes: Largest file.

    Raises:
        ClosedError: The other side is gone, or speaks nonsense.
        TimeoutError: It did not come in time.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    body_bytes, file_bytes = _HEAD.unpack(_exactly(channel, _HEAD.size, deadline))
    if body_bytes > _MAX_MESSAGE_BYTES or file_bytes > max_file_bytes:
        raise ClosedError
    try:
        message = json.loads(_exactly(channel, body_bytes, deadline))
    except ValueError as error:
        raise ClosedError from error
    if not isinstance(message, dict):
        raise ClosedError
    return message, _exactly(channel, file_bytes, deadline)


def _exactly(channel: socket.socket, count: int, deadline: float | None) -> bytes:
    data = bytearray(count)
    rest = memoryview(data)
    while rest:
        if deadline is None:
            channel.settimeout(None)
        else:
            channel.settimeout(max(deadline - time.monotonic(), 1e-3))
        try:
            received = channel.recv_into(rest)
        except ConnectionResetError as error:
            raise ClosedError from error
        if not received:
            raise ClosedError
        rest = rest[received:]
    return bytes(data)


# -------------------------------------------------------------------------------------- pages


def content_to_wire(content: Content) -> tuple[dict[str, Any], list[npt.NDArray[Any]]]:
    """Return a page's description and, in this order, its pixels and its leads' samples."""
    pieces: list[npt.NDArray[Any]] = []
    shape: list[int] = []
    dpi = [math.nan, math.nan]
    if content.page is not None:
        pixels = np.ascontiguousarray(content.page.pixels)
        shape, dpi = list(pixels.shape), [content.page.dpi_x, content.page.dpi_y]
        pieces.append(pixels)
    leads = []
    for lead in content.leads:
        signal = np.ascontiguousarray(lead.signal_uv, dtype=np.float32)
        pieces.append(signal)
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


def content_from_wire(message: dict[str, Any], memory: SharedMemory) -> Content:
    """Rebuild a page from what a child said and left in memory, which is copied.

    Raises:
        ClosedError: It does not hold together.
    """
    try:
        return _content(message, memory)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise ClosedError from error


def _content(message: dict[str, Any], memory: SharedMemory) -> Content:
    shape = tuple(_count(length) for length in message["shape"])
    if shape and (len(shape) not in {2, 3} or (len(shape) == 3 and shape[2] != 3)):
        raise ClosedError
    counts = [_count(lead["samples"]) for lead in message["leads"]]
    pixel_bytes = math.prod(shape) if shape else 0
    data = memory.copy(pixel_bytes + 4 * sum(counts))
    page = None
    if shape:
        pixels: ByteArray = data[:pixel_bytes].reshape(shape)
        dpi_x, dpi_y = message["dpi"]
        page = Page(pixels, float(dpi_x), float(dpi_y))
    leads = []
    at = pixel_bytes
    for lead, count in zip(message["leads"], counts, strict=True):
        signal: FloatArray = data[at : at + 4 * count].copy().view(np.float32)
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
