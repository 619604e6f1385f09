"""A page shown on a screen and photographed from it."""

from __future__ import annotations

import cv2
import numpy as np

from ecgbatch.synth.damage.fields import px_per_mm, require
from ecgbatch.synth.paper import RenderedPage
from ecgbatch.types import DoubleArray, FloatArray


def shown(page: RenderedPage, *, screen_px_per_mm: float) -> RenderedPage:
    """Show the page with a screen's own pixels, seen from as near as they are just told apart."""
    require("screen_px_per_mm", screen_px_per_mm, 1, 40)
    height, width = page.pixels.shape[:2]
    share = screen_px_per_mm / px_per_mm(page)
    if share >= 1:
        return page
    size = (max(1, round(width * share)), max(1, round(height * share)))
    small = cv2.resize(page.pixels, size, interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return RenderedPage(np.asarray(large, np.uint8), page.truth)


def striped(
    page: RenderedPage, *, pitch_px: float, strength: float, rng: np.random.Generator
) -> RenderedPage:
    """Sample a screen's stripes of red, green and blue with a camera's pixels: moiré.

    The stripes are as fine as the camera's pixels, so that what is left of them are their slow
    beats: coloured bands, bent where the screen is not quite square to the camera.

    Args:
        page: The page as the camera sees it.
        pitch_px: Distance of the screen's pixels in those of the camera, near 1.
        strength: 0 to 1, depth of the bands.
        rng: Source of the angle and of the bend.
    """
    require("pitch_px", pitch_px, 0.5, 4)
    require("strength", strength, 0, 1)
    height, width = page.pixels.shape[:2]
    x = np.arange(width, dtype=np.float64) - width / 2
    y = np.arange(height, dtype=np.float64) - height / 2
    angle, phase = float(rng.normal(0, 0.012)), rng.uniform(0, 1, 2)
    bend = rng.normal(0, 0.004, 4) / max(width, height)
    # The stripes' phase at each pixel, in turns; whole turns between pixels are not seen.
    across = (x / pitch_px + bend[0] * x**2 + phase[0])[None, :]
    across = _fraction(across + (angle * y / pitch_px + bend[1] * y**2)[:, None])
    down = (y / pitch_px + bend[2] * y**2 + phase[1])[:, None]
    down = _fraction(down + (bend[3] * x**2 - angle * x / pitch_px)[None, :])
    rows = 0.6 * np.cos(np.float32(2 * np.pi) * down)
    light = []
    for part in range(3):
        columns = np.cos(np.float32(2 * np.pi) * (across + np.float32(part / 3)))
        light.append(1 + np.float32(0.5 * strength) * (columns + rows))
    pixels = cv2.multiply(page.pixels, cv2.merge(light), dtype=cv2.CV_8U)
    return RenderedPage(np.asarray(pixels, np.uint8), page.truth)


def _fraction(turns: DoubleArray) -> FloatArray:
    return (turns - np.floor(turns)).astype(np.float32)
