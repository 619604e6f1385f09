"""Whether the codes of a JPEG end where its image ends.

JPEG has no checksum. Behind a damage Huffman codes soon fall into step again, but the image then
often ends a block too early, or with a brightness that no image can have, and libjpeg looks at
neither. So rows of known blocks are put behind the last code and the image is declared that much
higher: they come out right only if every bit before them was used, and they show the running sum
of brightness from which they start. A restart interval as long as the image is declared too,
because libjpeg-turbo complains of impossible codes only where there is one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ecgbatch.imaging.decode.jpeg_segments import end_of_image, segment
from ecgbatch.types import ByteArray

_SEQUENTIAL = {0xC0, 0xC1}
_OTHER_FRAMES = {*range(0xC2, 0xD0)} - {0xC4, 0xC8, 0xCC}
_MAX_SIDE_PX = 65_500  # libjpeg's JPEG_MAX_DIMENSION
_MAX_INTERVAL = 65_535
_BLOCKS_AT_LEAST = 9
_COST_AT_MOST = 1 / 16  # rows of the probe for each row of the image
_STEP_WANTED_LEVELS = 48
_STEP_LEVELS = (16, 255)
# An encoder pads the last byte; some write a byte more than they must.
_MAX_PADDING_BITS = 15
# Means of blocks of 8 x 8 pixels differ by less where brightness and tint belong together although
# the tint is that of a larger block.
_FLAT_LEVELS = 16
_FLAT_PIXEL_LEVELS = 40  # of single pixels, which a scanner's noise moves
_BEYOND_LEVELS = 12  # of rounding and of the quick DCT; the file's own quantisation comes on top
_ROUNDING_LEVELS = 4
_BRIGHTNESS = np.array([0.299, 0.587, 0.114])  # of red, green and blue, as JFIF has it

_Codes = dict[int, str]


@dataclass(frozen=True, slots=True)
class _Component:
    name: int
    blocks: int  # in each MCU
    quantiser: int  # of the mean
    dc: _Codes
    ac: _Codes


@dataclass(frozen=True, slots=True)
class _Layout:
    """What is needed of the headers; an MCU is the smallest unit of the codes."""

    frame_at: int
    scan_at: int
    width_px: int
    height_px: int
    mcu_px: tuple[int, int]  # columns, rows
    components: tuple[_Component, ...]
    is_luma_first: bool

    @property
    def columns(self) -> int:
        return -(-self.width_px // self.mcu_px[0])

    @property
    def rows(self) -> int:
        return -(-self.height_px // self.mcu_px[1])


@dataclass(frozen=True, slots=True)
class Probe:
    """A JPEG with known blocks behind its own.

    Attributes:
        data: The file with them.
        height_px: Rows of the image itself.
        starts_px: First row of the known blocks.
        mcu_px: Columns and rows of one.
        signs: By block, whether its brightness is a step below, above or at the last of the image.
        step: Size of the step in levels.
        beyond: How far from the range of colours the last block may be, in levels; None where the
            first component is no brightness.
    """

    data: bytes
    height_px: int
    starts_px: int
    mcu_px: tuple[int, int]
    signs: tuple[int, ...]
    step: float
    beyond: float | None

    def is_met(self, pixels: ByteArray) -> bool:
        """Return whether the known blocks stand where they should."""
        seen, signs = self._seen(pixels), np.array(self.signs)
        return all(
            bool((seen[signs == sign] == seen[signs == sign][0]).all()) for sign in (-1, 0, 1)
        )

    def is_possible(self, pixels: ByteArray) -> bool:
        """Return whether the colour of the last block is one that pixels can have."""
        if self.beyond is None:
            return True
        seen = self._seen(pixels)
        base, below, above = (seen[self.signs.index(sign)] for sign in (0, -1, 1))
        if (base == below).all() and (base == above).all():
            return False  # further away than the step
        # Brightness alone is cut to 0..255 before colours are made of it: no step may reach there.
        brightness = base.mean() if base.size == 1 else base @ _BRIGHTNESS
        beyond = np.zeros_like(base)
        if brightness >= self.step + _ROUNDING_LEVELS:
            beyond = np.maximum(beyond, np.where(base == 255, below + self.step - 255, 0))
        if brightness <= 255 - self.step - _ROUNDING_LEVELS:
            beyond = np.maximum(beyond, np.where(base == 0, self.step - above, 0))
        return bool(beyond.max() <= self.beyond) or not self._ends_flat(pixels)

    def _seen(self, pixels: ByteArray) -> np.ndarray:
        """Return ``(block, channel)``: each is of one colour."""
        columns, rows = self.mcu_px
        seen = pixels[self.starts_px :: rows, ::columns]
        return seen.reshape(-1, pixels.shape[2])[: len(self.signs)].astype(float)

    def _ends_flat(self, pixels: ByteArray) -> bool:
        columns, rows = self.mcu_px
        left = (pixels.shape[1] - 1) // columns * columns
        last = pixels[self.starts_px - rows : self.starts_px, left:]
        if last.shape[1] < columns:  # the last block itself is not seen
            return int(np.ptp(last, axis=(0, 1)).max()) <= _FLAT_PIXEL_LEVELS
        means = np.array(
            [
                last[y : y + 8, x : x + 8].mean(axis=(0, 1))
                for y in range(0, rows, 8)
                for x in range(0, last.shape[1], 8)
            ]
        )
        return bool(np.ptp(means, axis=0).max() <= _FLAT_LEVELS)


def probes(data: bytes, *, end: int | None = None) -> Iterator[Probe]:
    """Yield the file with known blocks at its end, by likelihood of where its codes end.

    None for progressive files and those with restart markers or several scans, for small ones,
    where the blocks would cost much, and where the file has no code for a step in brightness.

    Args:
        data: A whole JPEG.
        end: One past its end-of-image marker, where that is known already.

    Raises:
        PageError: ``corrupt_image``; the file has no end.
    """
    layout = _layout(data)
    if layout is None:
        return
    columns, (_, mcu_rows) = layout.columns, layout.mcu_px
    rows = -(-_BLOCKS_AT_LEAST // columns)
    height_px = (layout.rows + rows) * mcu_rows
    step = _step(layout.components[0])
    if rows > _COST_AT_MOST * layout.rows or height_px > _MAX_SIDE_PX or step is None:
        return
    count = rows * columns
    signs = (0, -1, 0, 1, 0, *[0] * (count - _BLOCKS_AT_LEAST), -1, 0, 1, 0)
    known = _codes_of(signs, step, layout.components)
    interval = (layout.rows + rows) * columns
    head = data[: layout.frame_at]
    if interval <= _MAX_INTERVAL:
        head += struct.pack(">HHH", 0xFFDD, 4, interval)
    head += data[layout.frame_at : layout.frame_at + 5] + struct.pack(">H", height_px)
    end = (end or end_of_image(data, scan_at=layout.scan_at)) - 2
    while data[end - 1] == 0xFF:  # fill bytes
        end -= 1
    head += data[layout.frame_at + 7 : max(layout.scan_at, end - 8)]
    quantisers = [component.quantiser for component in layout.components]
    levels = step * quantisers[0] / 8
    tail = data[max(layout.scan_at, end - 8) : end].replace(b"\xff\x00", b"\xff")
    bits = "".join(f"{byte:08b}" for byte in tail)
    for padding in _paddings(bits, layout.components[-1].ac[0]):
        yield Probe(
            head + _stuffed(bits[: len(bits) - padding] + known) + b"\xff\xd9",
            height_px=layout.height_px,
            starts_px=layout.rows * mcu_rows,
            mcu_px=layout.mcu_px,
            signs=signs,
            step=levels,
            beyond=_BEYOND_LEVELS + sum(quantisers) / 8 if layout.is_luma_first else None,
        )


def _layout(data: bytes) -> _Layout | None:
    at = 2
    codes: dict[int, _Codes] = {}
    quantisers: dict[int, int] = {}
    frame, frame_at, is_rgb = b"", 0, False
    while True:
        marker, body, end = segment(data, at)
        if marker == 0xC4:
            codes |= _tables(body)
        elif marker == 0xDB:
            quantisers |= _quantisers(body)
        elif marker in _SEQUENTIAL:
            frame, frame_at = body, end - len(body) - 4
        elif marker == 0xEE and body[:5] == b"Adobe":
            is_rgb = body[11:12] == b"\x00"
        elif marker == 0xDA:
            break
        elif marker in _OTHER_FRAMES or marker in {0xD9, 0xDD}:
            return None
        at = end
    count = frame[5] if len(frame) > 5 else 0
    if not count or len(frame) < 6 + 3 * count or len(body) < 1 + 2 * count or body[0] != count:
        return None
    shapes = [(frame[7 + 3 * i] >> 4, frame[7 + 3 * i] & 15) for i in range(count)]
    if count == 1:
        shapes = [(1, 1)]  # a scan of one component goes block by block
    components = []
    for i, (across, down) in enumerate(shapes):
        tables = body[2 + 2 * i]
        dc, ac = codes.get(tables >> 4, {}), codes.get(16 + (tables & 15), {})
        quantiser = quantisers.get(frame[8 + 3 * i], 0)
        if not (across and down and quantiser and 0 in dc and 0 in ac):
            return None
        components.append(_Component(frame[6 + 3 * i], across * down, quantiser, dc, ac))
    is_rgb = is_rgb or bytes(component.name for component in components) == b"RGB"
    height_px, width_px = struct.unpack_from(">HH", frame, 1)
    return _Layout(
        frame_at=frame_at,
        scan_at=end,
        width_px=width_px,
        height_px=height_px,
        mcu_px=(8 * max(shape[0] for shape in shapes), 8 * max(shape[1] for shape in shapes)),
        components=tuple(components),
        is_luma_first=count == 1 or (count == 3 and not is_rgb),
    )


def _tables(body: bytes) -> dict[int, _Codes]:
    """Return the codes by symbol for each Huffman table; 16 and more are those of AC."""
    tables: dict[int, _Codes] = {}
    at = 0
    while at + 17 <= len(body):
        counts = body[at + 1 : at + 17]
        symbols = iter(body[at + 17 : at + 17 + sum(counts)])
        codes: _Codes = {}
        code = 0
        for length, count in enumerate(counts, start=1):
            for _, symbol in zip(range(count), symbols, strict=False):  # takes no symbol too many
                codes[symbol] = f"{code:0{length}b}"
                code += 1
            code <<= 1
        tables[body[at]] = codes
        at += 17 + sum(counts)
    return tables


def _quantisers(body: bytes) -> dict[int, int]:
    """Return the first quantiser of each table, that of a block's mean."""
    found: dict[int, int] = {}
    at = 0
    while at + 65 <= len(body):
        size = 2 if body[at] >> 4 else 1
        found[body[at] & 15] = int.from_bytes(body[at + 1 : at + 1 + size], "big")
        at += 1 + 64 * size
    return found


def _step(first: _Component) -> int | None:
    """Return a step of the first component, in its quantiser, for which the file has a code."""
    wanted = max(1, round(_STEP_WANTED_LEVELS * 8 / first.quantiser))
    lowest, highest = _STEP_LEVELS
    # Of category k are the steps from 2 ** (k - 1) to 2 ** k - 1.
    steps = [min(max(wanted, 1 << size - 1), (1 << size) - 1) for size in first.dc if 0 < size < 12]
    fitting = [step for step in steps if lowest <= step * first.quantiser / 8 <= highest]
    return min(fitting, key=lambda step: abs(step - wanted), default=None)


def _codes_of(signs: tuple[int, ...], step: int, components: tuple[_Component, ...]) -> str:
    """Return the bits of blocks of one colour each."""
    first = components[0]
    size = step.bit_length()
    size_code = first.dc[size]
    below = (1 << size) - 1 - step
    moves = {-1: f"{size_code}{below:0{size}b}", 0: first.dc[0], 1: f"{size_code}{step:0{size}b}"}
    still = "".join((part.dc[0] + part.ac[0]) * part.blocks for part in components)
    rest = first.ac[0] + still[len(first.dc[0] + first.ac[0]) :]
    return "".join(
        moves[sign - before] + rest for before, sign in zip((0, *signs), signs, strict=False)
    )


def _paddings(bits: str, end_of_block: str) -> list[int]:
    """Return how many last bits may be padding, the likeliest first."""
    ones = len(bits) - len(bits.rstrip("1"))
    zeros = len(bits) - len(bits.rstrip("0"))
    # Nearly every image ends with an end of block, which may itself end with ones.
    likely = ones - (len(end_of_block) - len(end_of_block.rstrip("1")))
    return [
        *sorted(range(min(ones, _MAX_PADDING_BITS) + 1), key=lambda bits: abs(bits - likely)),
        *range(1, min(zeros, _MAX_PADDING_BITS) + 1),
    ]


def _stuffed(bits: str) -> bytes:
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")
