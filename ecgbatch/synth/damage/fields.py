"""What several kinds of damage share: scales, random fields, and paint spread over pixels."""

from __future__ import annotations

from functools import partial
from typing import TypeAlias

import cv2
import numpy as np

from ecgbatch.errors import ConfigError
from ecgbatch.synth.paper import RenderedPage
from ecgbatch.synth.truth import local_scale, move_points
from ecgbatch.types import ByteArray, FloatArray

Colour: TypeAlias = tuple[int, int, int]

_REDUCED = 4
"""Fields are made at a quarter of the page's resolution: stains are larger than pixels."""


def require(name: str, value: float, low: float, high: float) -> None:
    """Refuse a parameter out of range.

    Raises:
        ConfigError: It is; the message names it.
    """
    if not low <= value <= high:
        raise ConfigError(f"{name}: {value} is not between {low} and {high}")


def px_per_mm(page: RenderedPage) -> float:
    """Return the pixels of this image per printed millimetre near its middle."""
    truth = page.truth
    inverse = np.asarray(np.linalg.inv(truth.homography), np.float64)
    printed = float(np.sqrt(truth.px_per_mm_x * truth.px_per_mm_y))
    return printed / local_scale(
        partial(move_points, inverse), truth.width_px / 2, truth.height_px / 2
    )


def cloud(
    shape: tuple[int, int], *, cell_px: float, rng: np.random.Generator, octaves: int = 1
) -> FloatArray:
    """Return smooth random values of mean 0 and deviation near 1.

    Args:
        shape: Rows and columns.
        cell_px: Size of the largest lumps.
        rng: Source of the values.
        octaves: How many times finer lumps of half the size and half the weight are added.
    """
    rows, columns = (-(-size // _REDUCED) for size in shape)
    total = np.zeros((rows, columns), np.float32)
    for octave in range(octaves):
        cell = max(1.0, cell_px / _REDUCED / 2**octave)
        knots = (int(rows / cell) + 3, int(columns / cell) + 3)
        coarse = rng.standard_normal(knots, dtype=np.float32)
        # Cut to the page's own shape, so that lumps are as wide as they are high.
        size = (round(knots[1] * cell), round(knots[0] * cell))
        grown = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
        total += grown[:rows, :columns] * np.float32(0.5**octave)
    weight = np.float32(1 / np.sqrt(sum(0.25**octave for octave in range(octaves)) * 0.6))
    return enlarged(total * weight, shape)


def enlarged(field: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """Return a coarse field in the size of the page."""
    grown = cv2.resize(field, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(grown, np.float32)


def tinted(pixels: ByteArray, share: FloatArray, rgb: Colour) -> ByteArray:
    """Return pixels under a translucent layer, as ink or a stain on paper.

    Args:
        pixels: ``(row, column, 3)``.
        share: ``(row, column)`` 0 to 1, how much of the layer lies there.
        rgb: What white paper looks like under the full layer.
    """
    levels = _levels(share, 1.0)
    table = 255 - np.arange(256)[:, None] * (1 - np.array(rgb) / 255)
    layer = cv2.LUT(levels, np.rint(table).astype(np.uint8)[None])
    return np.asarray(cv2.multiply(pixels, layer, scale=1 / 255), np.uint8)


def covered(pixels: ByteArray, share: FloatArray, rgb: Colour) -> ByteArray:
    """Return pixels under an opaque layer.

    Args:
        pixels: ``(row, column, 3)``.
        share: ``(row, column)`` 0 to 1, how much of a pixel it hides.
        rgb: Its colour.
    """
    levels = _levels(share, 1.0)
    layer = cv2.LUT(
        levels, np.rint(np.arange(256)[:, None] * np.array(rgb) / 255).astype(np.uint8)[None]
    )
    under = cv2.multiply(pixels, 255 - levels, scale=1 / 255)
    return np.asarray(cv2.add(under, layer), np.uint8)


def lit(pixels: ByteArray, light: FloatArray) -> ByteArray:
    """Return pixels times ``(row, column)`` light of at most 1.4."""
    return np.asarray(cv2.multiply(pixels, _levels(light, 1.4), scale=1.4 / 255), np.uint8)


def _levels(field: FloatArray, most: float) -> ByteArray:
    """Return 256 levels from 0 to a most in three channels: bytes multiply four times faster."""
    levels = cv2.convertScaleAbs(np.maximum(field, 0), alpha=255 / most)
    return np.asarray(cv2.merge([levels] * 3), np.uint8)


def step(values: FloatArray, edge: float, softness: float) -> FloatArray:
    """Return 0 below an edge, 1 above it, and a straight ramp between."""
    return np.asarray(np.clip((values - edge) / softness + 0.5, 0, 1), np.float32)
