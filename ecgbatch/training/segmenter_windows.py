"""Windows that the segmenter learns from: cut out of tiles, moved about, and altered a little."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter

from ecgbatch.models.segmenter import HEIGHT_PX, ridges
from ecgbatch.training.loop import Batch
from ecgbatch.training.tiles import ABSENT, PRESENT, STEPS_PER_PX, Tile
from ecgbatch.types import ByteArray, FloatArray

WIDTH_PX = 384

_OWN_OFF_PX = 15.0  # of the zero line as a layout tells it; most are within 1.5 mm
_OTHER_OFF_PX = 10.0
_BARE_SHARE = 0.1  # windows whose ink was not found, so that the page itself is read, too
_UNTOLD_SHARE = 0.1  # windows that are not told of other rows
_MIRRORED_SHARE = 0.3
_GAIN = (0.75, 1.3)
_NOISE_LEVELS = 6.0
_INKED = 127
_BESIDE_PX = (31, 9)  # rows and columns around a height in which ink contests it


def window(tile: Tile, rng: np.random.Generator, *, altered: bool = True) -> Batch:
    """Cut a window out of a tile, moved about as a layout may be wrong, and altered a little.

    Args:
        tile: To cut from.
        rng: Source of every choice.
        altered: Whether brightness, noise, sides and what is told may change.
    """
    rows, columns = tile.ink.shape
    slack = (rows - HEIGHT_PX) / 2
    off = float(rng.uniform(-min(_OWN_OFF_PX, slack), min(_OWN_OFF_PX, slack)))
    top = int(np.clip(round(tile.baselines_px[0] + off - HEIGHT_PX / 2), 0, rows - HEIGHT_PX))
    left = int(rng.integers(columns - WIDTH_PX + 1))
    here = (slice(top, top + HEIGHT_PX), slice(left, left + WIDTH_PX))
    steps = slice(left * STEPS_PER_PX, (left + WIDTH_PX) * STEPS_PER_PX)
    others = tile.baselines_px[1:].astype(np.float64) - top
    others += rng.uniform(-_OTHER_OFF_PX, _OTHER_OFF_PX, others.size)
    planes, ink = tile.planes[:, here[0], here[1]], tile.ink[here]
    height, state = tile.height_px[steps] - np.float32(top), tile.state[steps].copy()
    lines = np.array([HEIGHT_PX / 2, *others])
    state[(state == PRESENT) & ~((height >= 0) & (height <= HEIGHT_PX - 1))] = ABSENT
    foreign = _foreign(planes[1], ink)
    contested = _contested(foreign, height)
    if altered:
        if rng.random() < _UNTOLD_SHARE:
            lines = lines[:1]
        if rng.random() < _MIRRORED_SHARE:
            planes, ink, foreign = planes[..., ::-1], ink[:, ::-1], foreign[:, ::-1]
            height, state, contested = height[::-1], state[::-1], contested[::-1]
        if rng.random() < _MIRRORED_SHARE:
            planes, ink, foreign = planes[:, ::-1], ink[::-1], foreign[::-1]
            height, lines = HEIGHT_PX - 1 - height, HEIGHT_PX - 1 - lines
        planes = _altered(planes, rng)
    return {
        "planes": np.ascontiguousarray(planes),
        "ridges": ridges(lines.tolist()),
        "ink": np.ascontiguousarray(ink),
        "height": np.ascontiguousarray(np.nan_to_num(height), np.float32),
        "state": np.ascontiguousarray(state),
        "foreign": np.ascontiguousarray(foreign),
        "contested": np.ascontiguousarray(contested),
    }


def _foreign(page_ink: ByteArray, own: ByteArray) -> ByteArray:
    """Return 1 where a page has ink that is neither the row's own nor beside it."""
    near = maximum_filter(own, size=5, mode="constant")
    return np.asarray((page_ink > _INKED) & (near == 0)).view(np.uint8)


def _contested(foreign: ByteArray, height: FloatArray) -> ByteArray:
    """Return 1 for every step that has other ink beside its true height."""
    beside = maximum_filter(foreign, size=_BESIDE_PX, mode="constant")
    row = np.clip(np.rint(np.nan_to_num(height)), 0, foreign.shape[0] - 1).astype(np.intp)
    return np.asarray(beside[row, np.arange(height.size) // STEPS_PER_PX])


def _altered(planes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    levels = planes.astype(np.float32) * rng.uniform(*_GAIN, (2, 1, 1)).astype(np.float32)
    if rng.random() < 0.5:
        noise = rng.standard_normal(planes.shape[1:], np.float32)
        levels += np.float32(rng.uniform(0, _NOISE_LEVELS)) * noise
    if rng.random() < _BARE_SHARE:
        levels[1] = 0
    return np.clip(levels, 0, 255).astype(np.uint8)
