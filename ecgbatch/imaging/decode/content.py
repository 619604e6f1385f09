"""What decoding gives: documents, the content of one page, and the flags a reader should see."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

import numpy as np

from ecgbatch.errors import PageError, Reason
from ecgbatch.flags import Flag
from ecgbatch.types import ByteArray, Lead, Page


@dataclass(frozen=True, slots=True)
class Scale:
    """Paper speed and gain as the file tells them.

    Attributes:
        speed_mm_per_s: Paper speed; NaN where the file is silent.
        speed_source: ``printed``, ``pulse``, ``file`` or ``assumed``; empty where silent.
        gain_mm_per_mv: Deflection of one millivolt; NaN where the file is silent.
        gain_source: As ``speed_source``.
    """

    speed_mm_per_s: float = math.nan
    speed_source: str = ""
    gain_mm_per_mv: float = math.nan
    gain_source: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """One page of a file: either its pixels, or its leads.

    Attributes:
        kind: ``raster`` (pixels), ``vector`` (drawn lines were read) or ``digital`` (samples).
        page: The pixels, upright as the file's own orientation tag says; None without pixels.
        leads: Leads in microvolts; empty on raster pages.
        layout: Rows x columns and rhythm rows of ``leads``; empty on raster pages.
        scale: Speed and gain where the file says them in text or numbers.
        flags: Values of ``Flag``, without repetition.
    """

    kind: str
    page: Page | None = None
    leads: tuple[Lead, ...] = ()
    layout: str = ""
    scale: Scale = Scale()
    flags: tuple[Flag, ...] = ()

    def flagged(self, *flags: Flag) -> Content:
        """Return the same content with ``flags`` added."""
        return replace(self, flags=tuple(dict.fromkeys((*self.flags, *flags))))


Room: TypeAlias = Callable[[int], ByteArray]
"""Gives memory for as many bytes, where a decoder may put a page."""


def fresh(count: int) -> ByteArray:
    """Return memory of its own for a page."""
    return np.empty(count, np.uint8)


class Document(Protocol):
    """An opened file. Pages are decoded one at a time, in any order, each on its own."""

    format: str
    page_count: int

    def read(self, page_no: int) -> Content:
        """Decode page ``page_no``, counted from 1.

        Raises:
            PageError: This page cannot be read; others may.
        """
        ...


def check_size(width_px: int, height_px: int, *, max_pixels: int, damaged: Reason) -> None:
    """Refuse a page by its declared size, before memory is taken for it.

    Raises:
        PageError: ``too_large``, or ``damaged`` where there is nothing to decode.
    """
    if width_px <= 0 or height_px <= 0:
        raise PageError(damaged, width_px=width_px, height_px=height_px)
    if width_px * height_px > max_pixels:
        raise PageError(
            Reason.TOO_LARGE, width_px=width_px, height_px=height_px, max_pixels=max_pixels
        )


# Resolutions that software writes where nobody measured one: a point per pixel, and the nominal
# screens of desktop systems. No scanner works at either.
_NOMINAL_DPI = (72.0, 96.0)
# Fax at its coarsest has 98 lines per inch; film scanners and plate cameras end near 4800.
_DPI_RANGE = (60.0, 4800.0)


def trusted_dpi(dpi_x: float, dpi_y: float) -> tuple[float, float, tuple[Flag, ...]]:
    """Return the resolution where it can be one, NaN with a flag otherwise.

    Args:
        dpi_x: Dots per inch along a row as the file says; NaN where it does not.
        dpi_y: The same down a column.

    Returns:
        Both numbers, or NaN twice; and the flags that tell why.
    """
    if math.isnan(dpi_x) and math.isnan(dpi_y):
        return math.nan, math.nan, ()
    low, high = _DPI_RANGE
    possible = low <= dpi_x <= high and low <= dpi_y <= high and 1 / 3 < dpi_x / dpi_y < 3
    nominal = any(abs(dpi_x - n) < 0.5 and abs(dpi_y - n) < 0.5 for n in _NOMINAL_DPI)
    if possible and not nominal:
        return dpi_x, dpi_y, ()
    return math.nan, math.nan, (Flag.DPI_UNTRUSTED,)


_BLANK_LEVELS = 8  # JPEG leaves a level or two around a flat page


def check_not_blank(pixels: ByteArray) -> None:
    """Refuse a page of one colour.

    Args:
        pixels: ``(row, column)`` or ``(row, column, 3)``.

    Raises:
        PageError: ``blank_page``; the page has fewer than eight levels of any colour.
    """
    # One sample in 256 settles it for every page that has something on it.
    if _flat(pixels[::16, ::16]) and _flat(pixels):
        raise PageError(Reason.BLANK_PAGE, level=float(pixels.flat[0]))


def _flat(pixels: ByteArray) -> bool:
    channels = np.ascontiguousarray(pixels.reshape(-1, *pixels.shape[2:]).T)
    spread = channels.max(axis=-1).astype(np.int16) - channels.min(axis=-1)
    return bool(np.all(spread < _BLANK_LEVELS))
