"""A page shown on a screen and photographed from it."""

from __future__ import annotations

import cv2
import numpy as np

from ecgbatch.synth.damage.fields import px_per_mm, require
from ecgbatch.synth.paper import RenderedPage
from ecgbatch.types import ByteArray, DoubleArray


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
    across = _phase(x / pitch_px + bend[0] * x**2 + phase[0])[None, :]
    across = across + _phase(angle * y / pitch_px + bend[1] * y**2)[:, None]
    down = _phase(y / pitch_px + bend[2] * y**2 + phase[1])[:, None]
    down = down + _phase(bend[3] * x**2 - angle * x / pitch_px)[None, :]
    wave = np.cos(2 * np.pi * np.arange(256) / 256)
    rows = cv2.LUT(down, _light(0.3 * strength * wave))
    light = [
        cv2.add(cv2.LUT(across, _light(0.5 * strength * np.roll(wave, -shift))), rows)
        for shift in (0, 85, 171)  # red, green and blue stand a third of a stripe apart
    ]
    pixels = cv2.multiply(page.pixels, cv2.merge(light), scale=1 / 128)
    return RenderedPage(np.asarray(pixels, np.uint8), page.truth)


def _phase(turns: DoubleArray) -> ByteArray:
    """Return turns as bytes, 256 to a turn, whose sums run over as turns do."""
    return np.floor(256 * (turns - np.floor(turns))).astype(np.uint8)


def _light(change: DoubleArray) -> ByteArray:
    """Return half of the light as a table of bytes; 128 is the light of a plain screen."""
    return np.rint(64 * (1 + 2 * change)).astype(np.uint8)
