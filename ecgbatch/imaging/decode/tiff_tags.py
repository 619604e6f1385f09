"""The directories of a TIFF file: which pages there are, and what each says of itself.

Read here and not by a library, so that a chain that loops, is cut, or is 65 000 pages long costs
nothing, and so that one damaged directory leaves the others readable (TIFF 6.0, section 2;
BigTIFF as libtiff defines it).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from ecgbatch.errors import PageError, Reason

_SIZES = {
    1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
    16: 8, 17: 8, 18: 8,
}  # fmt: skip
_LETTERS = {
    1: "B",
    3: "H",
    4: "I",
    6: "b",
    8: "h",
    9: "i",
    11: "f",
    12: "d",
    13: "I",
    16: "Q",
    17: "q",
    18: "Q",
}
_MAX_TAGS = 4096
_MAX_VALUES = 4_000_000  # strips of one row each on the tallest page, many times over

SUBFILE_TYPE = 254
WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
STRIP_OFFSETS, ORIENTATION, CHANNELS, ROWS_PER_STRIP, STRIP_BYTES = 273, 274, 277, 278, 279
X_RESOLUTION, Y_RESOLUTION, PLANAR, RESOLUTION_UNIT = 282, 283, 284, 296
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES = 322, 323, 324, 325
EXTRA_SAMPLES, SAMPLE_FORMAT, JPEG_TABLES = 338, 339, 347
COLOR_MAP = 320

# values of PHOTOMETRIC, and the one of COMPRESSION that says JPEG
MIN_IS_WHITE, MIN_IS_BLACK, RGB, PALETTE, SEPARATED, YCBCR = 0, 1, 2, 3, 5, 6
JPEG = 7


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag as stored: TIFF type, number of values, and their bytes."""

    kind: int
    count: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Layout:
    """Byte order and width of offsets.

    Attributes:
        order: ``<`` or ``>``.
        big: Whether offsets have eight bytes (BigTIFF).
    """

    order: str
    big: bool

    @property
    def word(self) -> str:
        """Struct letter of an offset."""
        return "Q" if self.big else "I"


class Directory:
    """The tags of one page."""

    def __init__(self, tags: dict[int, Tag], layout: Layout) -> None:
        self.tags = tags
        self.layout = layout

    def numbers(self, tag: int) -> list[float]:
        """Return a tag's values; empty where it is absent."""
        entry = self.tags.get(tag)
        if entry is None:
            return []
        order = self.layout.order
        if entry.kind in {5, 10}:
            letter = "I" if entry.kind == 5 else "i"
            flat = struct.unpack(f"{order}{2 * entry.count}{letter}", entry.raw)
            return [
                top / bottom if bottom else math.nan
                for top, bottom in zip(flat[::2], flat[1::2], strict=True)
            ]
        letter = _LETTERS.get(entry.kind, "")
        if not letter:
            return []
        return list(struct.unpack(f"{order}{entry.count}{letter}", entry.raw))

    def number(self, tag: int, default: float) -> float:
        """Return a tag's first value."""
        values = self.numbers(tag)
        return values[0] if values else default

    def integer(self, tag: int, default: int) -> int:
        """Return a tag's first value as a whole number."""
        value = self.number(tag, default)
        return int(value) if math.isfinite(value) else default


def find_pages(data: bytes, *, max_pages: int) -> tuple[Layout, list[int]]:
    """Return where the directory of each page begins; reduced images and masks are no pages.

    A chain that returns to itself ends there. Where it points outside the file, that offset is
    the last in the list: the page it stood for is damaged, and so is all that followed it.

    Raises:
        PageError: ``corrupt_image`` (no directory at all) or ``too_many_pages``.
    """
    order = {b"II": "<", b"MM": ">"}[data[:2]]
    big = data[2:4] in {b"+\x00", b"\x00+"}
    layout = Layout(order, big)
    try:
        (offset,) = struct.unpack_from(order + layout.word, data, 8 if big else 4)
    except struct.error as error:
        raise PageError(Reason.CORRUPT_IMAGE) from error
    pages: list[int] = []
    seen: set[int] = set()
    while offset and offset not in seen:
        seen.add(offset)
        if len(seen) > 3 * max_pages + 16:  # at most a reduced image and a mask beside each page
            raise PageError(Reason.TOO_MANY_PAGES, max_pages=max_pages)
        link = _next_offset(data, offset, layout)
        if link is None or _is_page(data, offset, layout):
            pages.append(offset)
        if len(pages) > max_pages:
            raise PageError(Reason.TOO_MANY_PAGES, max_pages=max_pages)
        if link is None:
            break
        offset = link
    if not pages:
        raise PageError(Reason.CORRUPT_IMAGE)
    return layout, pages


def _entry_format(layout: Layout) -> tuple[str, int, int]:
    """Return the struct format of a tag's head, the bytes of a tag, and those of the count."""
    return (
        (layout.order + ("HHQ" if layout.big else "HHI"), 20, 8)
        if layout.big
        else (layout.order + "HHI", 12, 2)
    )


def _tag_count(data: bytes, offset: int, layout: Layout) -> int | None:
    letter = "Q" if layout.big else "H"
    try:
        (count,) = struct.unpack_from(layout.order + letter, data, offset)
    except struct.error:
        return None
    return int(count) if 0 < count <= _MAX_TAGS else None


def _next_offset(data: bytes, offset: int, layout: Layout) -> int | None:
    count = _tag_count(data, offset, layout)
    if count is None:
        return None
    _, size, head = _entry_format(layout)
    try:
        (link,) = struct.unpack_from(layout.order + layout.word, data, offset + head + size * count)
    except struct.error:
        return None
    return int(link)


def _is_page(data: bytes, offset: int, layout: Layout) -> bool:
    """Whether this is a page of its own: bits 0 and 2 of NewSubfileType say that it is not."""
    count = _tag_count(data, offset, layout) or 0
    form, size, head = _entry_format(layout)
    for index in range(min(count, 4)):  # tags are sorted, and 254 is the lowest
        at = offset + head + size * index
        if at + size > len(data):
            return True
        tag, kind, number = struct.unpack_from(form, data, at)
        if tag == SUBFILE_TYPE and number == 1 and kind in {3, 4}:
            letter = "H" if kind == 3 else "I"
            (value,) = struct.unpack_from(layout.order + letter, data, at + struct.calcsize(form))
            return not value & 0b101
    return True


def read_directory(data: bytes, offset: int, layout: Layout) -> Directory:
    """Read the tags of one page.

    Raises:
        PageError: ``corrupt_image``.
    """
    count = _tag_count(data, offset, layout)
    form, size, head = _entry_format(layout)
    if count is None or offset + head + size * count > len(data):
        raise PageError(Reason.CORRUPT_IMAGE, at_byte=offset)
    inline = struct.calcsize(form)
    room = size - inline
    tags: dict[int, Tag] = {}
    for index in range(count):
        at = offset + head + size * index
        tag, kind, number = struct.unpack_from(form, data, at)
        length = _SIZES.get(kind, 0) * number
        if length == 0:
            continue
        where = at + inline
        if length > room:
            (where,) = struct.unpack_from(layout.order + layout.word, data, where)
        if number > _MAX_VALUES or where + length > len(data):
            continue  # a tag that cannot be read is absent; whether it was needed shows later
        tags.setdefault(tag, Tag(kind, number, data[where : where + length]))
    return Directory(tags, layout)
