"""From red, green and blue to one grey channel in which the grid fades and ink stays dark."""

from __future__ import annotations

import cv2
import numpy as np

from ecgbatch.imaging.ranks import levels_at, thinned
from ecgbatch.types import ByteArray, DoubleArray

_NOISE_LEVELS = 3.0
"""Noise of one channel of a scan or JPEG; keeps the weights from growing for a little less grid."""
_GRID_WEIGHT = 4.0
"""A grid line's middle is darker than its fundamental says; thin lines by about four times."""
_LARGEST_WEIGHTS = 2.2
"""Sum of magnitudes; more would draw the colour noise of JPEG and of tinted light."""
_UNSEEN_LEVELS = 2.5
"""Grid that is left at this depth is below what paper and JPEG leave anyway."""
_SAMPLE_STEP = 7
_BAND_ROWS = 32


def ink_weights(
    pixels: ByteArray, *, grid_rgb: DoubleArray | None, grid_contrast: float
) -> DoubleArray:
    """Choose how to add the channels so that the grid fades.

    A pixel of ink on paper lies between the colours of both, and so does a pixel of grid. The
    weights keep the depth of ink and make the depth of grid, plus noise, as small as it can be
    (the linear discriminant for one class of noise). Where grid and ink have one colour, the
    weights are those of plain grey.

    Args:
        pixels: ``(row, column, 3)`` RGB uint8, reduced or not.
        grid_rgb: ``(3,)`` direction in which lines leave the colour of the paper, or None.
        grid_contrast: Depth of the fundamental of the lines in grey levels.

    Returns:
        ``(4,)`` weights of red, green and blue, and a constant. The paper keeps its brightness
        and ink its depth. One channel alone stands there with exact zeros for the others where it
        does almost as well: it is five times as cheap.
    """
    sample = thinned(pixels, _SAMPLE_STEP)
    light = np.asarray(cv2.cvtColor(sample, cv2.COLOR_RGB2GRAY))
    dark_level, usual_level = levels_at(light, (1.0, 50.0))
    lighter = sample[light >= usual_level]
    paper = np.array([levels_at(lighter[:, channel], (50.0,))[0] for channel in range(3)])
    dark = sample[light <= dark_level]
    depth = np.maximum(paper - dark.mean(axis=0), 1.0)
    grid = np.zeros(3) if grid_rgb is None else grid_rgb * grid_contrast * _GRID_WEIGHT
    noise_levels = _NOISE_LEVELS
    while True:
        weights = np.linalg.solve(np.outer(grid, grid) + noise_levels**2 * np.eye(3), depth)
        weights *= depth.mean() / (weights @ depth)
        if np.abs(weights).sum() <= _LARGEST_WEIGHTS:
            break
        noise_levels *= 1.5  # tends to the colour of the ink, whose weights add up to about 1
    left = abs(float(weights @ grid))
    alone = np.abs(grid) * depth.mean() / depth
    best = int(np.argmin(alone))
    if grid_rgb is not None and alone[best] < max(_UNSEEN_LEVELS * _GRID_WEIGHT, 1.5 * left):
        weights = np.zeros(3)
        weights[best] = 1.0
    return np.append(weights, paper.mean() - weights @ paper)


def to_grey(pixels: ByteArray, weights: DoubleArray) -> ByteArray:
    """Add the channels of a page; see ``ink_weights``."""
    if pixels.ndim == 2:
        return pixels
    alone = np.flatnonzero(weights[:3])
    if alone.size == 1:
        return np.asarray(cv2.extractChannel(pixels, int(alone[0])))
    # From three channels to three takes a tenth of the time of three to one, and bands of rows
    # stay in the cache, where a whole page of three channels would be fresh memory.
    matrix = np.tile(weights, (3, 1)).astype(np.float32)
    grey = np.empty(pixels.shape[:2], np.uint8)
    band = np.empty((min(_BAND_ROWS, len(grey)), *pixels.shape[1:]), np.uint8)
    for top in range(0, len(grey), _BAND_ROWS):
        rows = pixels[top : top + _BAND_ROWS]
        three = cv2.transform(rows, matrix, dst=band[: len(rows)])
        cv2.extractChannel(three, 0, dst=grey[top : top + _BAND_ROWS])
    return grey
