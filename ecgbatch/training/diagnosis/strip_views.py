"""Strips of sheets as members learn from them: cut with small errors, kept small, and changed."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np

from ecgbatch.imaging.lead_strips import FRAME_COLUMNS, STRIP_ROWS, cut_strips
from ecgbatch.training.diagnosis.sheets import SHEET_PX_PER_MM, Sheet
from ecgbatch.types import LEADS, ByteArray

_MUCH = 5 * FRAME_COLUMNS  # of all leads together
_SHORTENED = 0.7  # of pages that show more: half of the time tells nearly as much at half the cost
_EARLIER = 40  # columns: where in a beat a page begins is chance
_INKED = len(LEADS) * STRIP_ROWS * FRAME_COLUMNS


def packed_strips(sheet: Sheet, rng: np.random.Generator | None = None) -> bytes:
    """Cut the first ten seconds of a sheet's leads out, and compress them.

    Args:
        sheet: Of a record.
        rng: Source of errors that a locator makes: ends off by up to 0.7 mm, zero lines by a third
            of a millimetre or so, scales by a per cent. None makes none.
    """
    regions, speed, gain = sheet.regions, sheet.speed_mm_per_s, sheet.gain_mm_per_mv
    if rng is not None:
        off_px = rng.normal(0, 0.35 * SHEET_PX_PER_MM, (len(regions), 2))
        level_px = rng.normal(0, 0.3 * SHEET_PX_PER_MM) + rng.normal(
            0, 0.2 * SHEET_PX_PER_MM, len(regions)
        )
        regions = tuple(
            replace(
                each,
                left_px=each.left_px + ends[0],
                right_px=each.right_px + ends[1],
                baseline_px=each.baseline_px + level,
                t0_ms=each.t0_ms + 1000 * ends[0] / SHEET_PX_PER_MM / speed,
            )
            for each, ends, level in zip(regions, off_px, level_px, strict=True)
        )
        speed *= float(np.exp(rng.normal(0, 0.01)))
        gain *= float(np.exp(rng.normal(0, 0.02)))
    strips = cut_strips(
        sheet.pixels,
        regions,
        px_per_mm=SHEET_PX_PER_MM,
        speed_mm_per_s=speed,
        gain_mm_per_mv=gain,
    )
    if not len(strips.ink):
        return zlib.compress(bytes(_INKED + len(LEADS) * FRAME_COLUMNS), 1)
    return zlib.compress(strips.ink[0].tobytes() + strips.shown[0].tobytes(), 1)


def unpacked_strips(packed: bytes) -> tuple[ByteArray, ByteArray]:
    """Return ``(12, STRIP_ROWS, FRAME_COLUMNS)`` of ink and ``(12, FRAME_COLUMNS)`` of 0 and 1."""
    flat = np.frombuffer(zlib.decompress(packed), np.uint8)
    ink, shown = flat[:_INKED], flat[_INKED:]
    return ink.reshape(len(LEADS), STRIP_ROWS, -1), shown.reshape(len(LEADS), -1)


def changed_strips(
    ink: ByteArray, shown: ByteArray, rng: np.random.Generator
) -> tuple[ByteArray, ByteArray]:
    """Move strips in time and height, change how dark and broad ink is, hide leads and moments."""
    ink, shown = _begun_later(ink, shown, int(rng.integers(_EARLIER)))
    move = int(rng.integers(-1, 2))
    if move:
        ink = np.roll(ink, move, axis=1)
        ink[:, :move] = 0 if move > 0 else ink[:, :move]
        ink[:, move:] = 0 if move < 0 else ink[:, move:]
    if rng.random() < 0.3:
        beside = np.pad(ink, ((0, 0), (0, 0), (1, 1)), "edge").astype(np.uint16)
        ink = ((beside[..., :-2] + beside[..., 1:-1] + beside[..., 2:]) // 3).astype(np.uint8)
    if rng.random() < 0.5:
        levels = np.minimum(np.arange(256) * rng.uniform(0.6, 1.3), 255).astype(np.uint8)
        ink = levels[ink]
    if rng.random() < 0.4:
        hidden = rng.random(len(LEADS)) < rng.choice([0.08, 0.15, 0.4])
        if shown[~hidden].any():
            shown[hidden] = 0
    if shown.sum() > _MUCH and rng.random() < _SHORTENED:
        first = int(rng.integers(FRAME_COLUMNS // 2))
        part = shown[:, first : first + FRAME_COLUMNS // 2].copy()
        if part.any():
            shown[:] = 0
            shown[:, first : first + FRAME_COLUMNS // 2] = part
    for _ in range(int(rng.integers(0, 4))):  # stains, creases, text on a trace
        first = int(rng.integers(FRAME_COLUMNS))
        lead, stop = int(rng.integers(len(LEADS))), first + int(rng.integers(4, 64))
        if shown.sum() > shown[lead, first:stop].sum():
            shown[lead, first:stop] = 0
    return ink, shown


def _begun_later(ink: ByteArray, shown: ByteArray, columns: int) -> tuple[ByteArray, ByteArray]:
    """Leave the first columns of a page out, where anything is left then."""
    if not shown[:, columns:].any():
        columns = 0
    later = np.zeros_like(ink), np.zeros_like(shown)
    stop = FRAME_COLUMNS - columns
    later[0][..., :stop] = ink[..., columns:]
    later[1][..., :stop] = shown[..., columns:]
    return later
