"""From the samples that files hold to grey or RGB of eight bits, on white paper."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ecgbatch.types import ByteArray


def to_eight_bits(samples: npt.NDArray[np.uint16]) -> ByteArray:
    """Return 16-bit samples as 8-bit ones, rounded: 65535 is 255."""
    return np.asarray(cv2.convertScaleAbs(samples, alpha=1 / 257), dtype=np.uint8)


def on_white(pixels: ByteArray, alpha: ByteArray) -> ByteArray:
    """Return a transparent page as it looks on white paper.

    Args:
        pixels: ``(row, column)`` or ``(row, column, 3)``, not multiplied with ``alpha``.
        alpha: ``(row, column)``, 255 is opaque.
    """
    if alpha.min() == 255:
        return np.ascontiguousarray(pixels)
    if pixels.ndim == 3:
        alpha = alpha[:, :, np.newaxis]
    light = pixels.astype(np.uint16) * alpha + 255 * (255 - alpha.astype(np.uint16))
    return ((light + 127) // 255).astype(np.uint8)


def split_alpha(samples: ByteArray) -> ByteArray:
    """Return grey or RGB from ``(row, column)`` or ``(row, column, 1 to 4)`` samples.

    Two and four channels hold alpha in the last.
    """
    channels = 1 if samples.ndim == 2 else samples.shape[2]
    if channels == 1:
        return samples.reshape(samples.shape[:2])
    if channels == 3:
        return samples
    alpha = samples[:, :, -1]
    colour = samples[:, :, 0] if channels == 2 else samples[:, :, :3]
    if channels == 4 and alpha.min() == 255:  # most screenshots; OpenCV drops it fastest
        return np.asarray(cv2.cvtColor(samples, cv2.COLOR_RGBA2RGB), dtype=np.uint8)
    return on_white(colour, alpha)
