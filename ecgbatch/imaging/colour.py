"""From red, green and blue to one grey channel in which the grid fades and ink stays dark."""

from __future__ import annotations

import cv2
import numpy as np

from ecgbatch.types import ByteArray, DoubleArray

_NOISE_LEVELS = 3.0
"""Noise of one channel of a scan or JPEG; keeps the weights from growing for a little less grid."""
_GRID_WEIGHT = 4.0
"""A grid line's middle is darker than its fundamental says; thin lines by about four times."""
_LARGEST_WEIGHTS = 2.2
"""Sum of magnitudes; more would draw the colour noise of JPEG and of tinted light."""
_UNSEEN_LEVELS = 2.5
"""Grid that is left at this depth is below what paper and JPEG leave anyway."""
_SAMPLE_STEP = 11


def ink_weights(
    pixels: ByteArray, *, grid_rgb: DoubleArray | None, grid_contrast: float
) -> DoubleArray:
    """Choose how to add the channels so that the grid fades.

    A pixel of ink on paper lies between the colours of both, and so does a pixel of grid. The
    weights keep the depth of ink and make the depth of grid, plus noise, as small as it can be
    (the linear discriminant for one class of noise). Where grid and ink have one colour, the
    weights are those of plain grey.

    Args:
        pixels: ``(row, column, 3)`` RGB uint8.
        grid_rgb: ``(3,)`` direction in which lines leave the colour of the paper, or None.
        grid_contrast: Depth of the fundamental of the lines in grey levels.

    Returns:
        ``(4,)`` weights of red, green and blue, and a constant. The paper keeps its brightness
        and ink its depth. One channel alone stands there with exact zeros for the others where it
        does almost as well: it is five times as cheap.
    """
    sample = pixels[::_SAMPLE_STEP, ::_SAMPLE_STEP].reshape(-1, 3).astype(np.float64)
    light = sample.mean(axis=1)
    paper = np.median(sample[light >= np.median(light)], axis=0)
    dark = sample[light <= np.percentile(light, 1.0)]
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
    return np.asarray(cv2.transform(pixels, weights[None].astype(np.float32)))
