"""What printers make of a page: toner screens, dithered bits, the other side shining through."""

from __future__ import annotations

import cv2
import numpy as np

from ecgbatch.synth.damage.fields import px_per_mm, require
from ecgbatch.synth.paper import RenderedPage
from ecgbatch.types import ByteArray

_BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]])
"""Thresholds of ordered dithering (Bayer 1973)."""


def halftoned(
    page: RenderedPage, *, lines_per_mm: float, softness: float, rng: np.random.Generator
) -> RenderedPage:
    """Print on a laser printer without colour: greys become a screen of dots at 45 degrees.

    Faint grid lines break into dashes or vanish; black stays black.

    Args:
        page: The page.
        lines_per_mm: Of the screen; 2.4 to 5.6 (60 to 141 per inch) are usual.
        softness: 0 to 1, how much greys keep of themselves, because toner spreads.
        rng: Where the screen happens to begin.
    """
    require("lines_per_mm", lines_per_mm, 1, 20)
    require("softness", softness, 0, 1)
    shade = cv2.cvtColor(page.pixels, cv2.COLOR_RGB2GRAY)
    height, width = shade.shape
    # Dots are finer than pixels: the printer has twice as many of them each way.
    fine = cv2.resize(shade, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR)
    turn = 2 * np.pi * lines_per_mm / (2 * px_per_mm(page)) / np.sqrt(2)
    x = np.cos(turn * np.arange(2 * width) + rng.uniform(0, 6)).astype(np.float32)
    y = np.cos(turn * np.arange(2 * height) + rng.uniform(0, 6)).astype(np.float32)
    screen = (np.outer(np.float32(120) * y, x) + np.float32(127)).astype(np.uint8)
    toner = cv2.compare(fine, screen, cv2.CMP_GE)
    dots = cv2.resize(toner, (width, height), interpolation=cv2.INTER_AREA)
    mixed = cv2.addWeighted(dots, 1 - softness, shade, softness, 0)
    return RenderedPage(np.asarray(cv2.cvtColor(mixed, cv2.COLOR_GRAY2RGB), np.uint8), page.truth)


def dithered(
    page: RenderedPage, *, dots_per_mm: float, contrast: float, rng: np.random.Generator
) -> RenderedPage:
    """Scan to one bit in photograph mode: greys become a regular pattern of black dots.

    Args:
        page: The page.
        dots_per_mm: Of the pattern, or of the page where that is less.
        contrast: How steeply shades are spread around that of the paper; 1 keeps them.
        rng: Source of the sensor's grain, which the pattern shows.
    """
    require("dots_per_mm", dots_per_mm, 2, 40)
    require("contrast", contrast, 0.2, 5)
    shade = cv2.cvtColor(page.pixels, cv2.COLOR_RGB2GRAY)
    height, width = shade.shape
    scale = min(1.0, dots_per_mm / px_per_mm(page))
    size = (max(4, round(width * scale)), max(4, round(height * scale)))
    small = cv2.resize(shade, size, interpolation=cv2.INTER_AREA)
    paper = float(np.median(small[::4, ::4]))
    # The paper itself is left a little grey, so that the pattern shows all over it.
    table = np.clip(225 + contrast * (np.arange(256) - paper), 0, 255).astype(np.uint8)
    grain = rng.integers(0, 12, small.shape, dtype=np.uint8)
    level = cv2.add(cv2.LUT(small, table), grain)
    rows, columns = small.shape
    tiles = (-(-rows // 4), -(-columns // 4))
    bits = np.where(level > np.tile(_thresholds(), tiles)[:rows, :columns], 255, 0)
    large = cv2.resize(bits.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    return RenderedPage(np.asarray(cv2.cvtColor(large, cv2.COLOR_GRAY2RGB), np.uint8), page.truth)


def _thresholds() -> ByteArray:
    return ((_BAYER + 0.5) * 16).astype(np.uint8)


def shone_through(page: RenderedPage, *, strength: float) -> RenderedPage:
    """Let the print of the other side show faintly: the page itself, mirrored.

    Args:
        page: The page.
        strength: 0 to 1, how much of it shows.
    """
    require("strength", strength, 0, 1)
    back = cv2.GaussianBlur(page.pixels[:, ::-1], (0, 0), 0.12 * px_per_mm(page))
    veil = cv2.convertScaleAbs(back, alpha=strength, beta=255 * (1 - strength))
    pixels = cv2.multiply(page.pixels, veil, scale=1 / 255)
    return RenderedPage(np.asarray(pixels, np.uint8), page.truth)
