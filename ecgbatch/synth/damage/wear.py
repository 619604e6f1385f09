"""What time does to paper: yellowing, stains, water and mould."""

from __future__ import annotations

import cv2
import numpy as np

from ecgbatch.synth.damage.fields import (
    Colour,
    cloud,
    lit,
    px_per_mm,
    require,
    step,
    tinted,
)
from ecgbatch.synth.paper import RenderedPage


def aged(
    page: RenderedPage, *, amount: float, rng: np.random.Generator, rgb: Colour = (214, 184, 130)
) -> RenderedPage:
    """Yellow the paper, in lumps and more towards its edges.

    Args:
        page: The page.
        amount: 0 to 1; 1 gives the full colour.
        rng: Source of the lumps.
        rgb: Colour of old paper.
    """
    require("amount", amount, 0, 1)
    height, width = page.pixels.shape[:2]
    lumps = cloud((height, width), cell_px=30 * px_per_mm(page), octaves=3, rng=rng)
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :] ** 6
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] ** 6
    share = np.float32(amount) * np.clip(0.6 + 0.15 * lumps + 0.3 * (x + y), 0, 1)
    return RenderedPage(tinted(page.pixels, share, rgb), page.truth)


def stained(
    page: RenderedPage,
    *,
    count: int,
    radius_mm: float,
    rgb: Colour,
    strength: float,
    rng: np.random.Generator,
) -> RenderedPage:
    """Spill coffee: blots with a dark rim, and rings that a cup leaves.

    Args:
        page: The page.
        count: How many.
        radius_mm: Median radius.
        rgb: Colour of the rim on white paper.
        strength: 0 to 1, darkness of the rim.
        rng: Source of their places and forms.
    """
    require("count", count, 0, 60)
    require("strength", strength, 0, 1)
    mm = px_per_mm(page)
    height, width = page.pixels.shape[:2]
    pixels = page.pixels.copy()
    for _ in range(count):
        radius = radius_mm * mm * float(np.exp(rng.normal(0, 0.4)))
        ring = rng.random() < 0.35
        x0, y0 = rng.uniform(0, width), rng.uniform(0, height)
        reach = 1.6 * radius
        rows = slice(max(0, int(y0 - reach)), min(height, int(y0 + reach) + 1))
        columns = slice(max(0, int(x0 - reach)), min(width, int(x0 + reach) + 1))
        y = (np.arange(rows.start, rows.stop, dtype=np.float32) - np.float32(y0))[:, None]
        x = (np.arange(columns.start, columns.stop, dtype=np.float32) - np.float32(x0))[None, :]
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        # Small lumps roughen the rim, large ones bend it.
        bend = cloud(shape, cell_px=0.7 * radius, octaves=4, rng=rng)
        far = np.sqrt(x * x + y * y) / np.float32(radius) + np.float32(0.02 if ring else 0.1) * bend
        rim = np.exp(-0.5 * ((far - 1) / np.float32(0.03)) ** 2)
        rim *= np.clip(0.7 + 0.3 * bend, 0, 1)
        body = step(1 - far, 0.0, 0.08) * np.clip(0.3 + 0.08 * bend, 0, 1)
        share = np.float32(strength) * np.clip(rim + (0.15 if ring else 1.0) * body, 0, 1)
        pixels[rows, columns] = tinted(pixels[rows, columns], share, rgb)
    return RenderedPage(pixels, page.truth)


def soaked(
    page: RenderedPage,
    *,
    share: float,
    bleed_mm: float,
    rng: np.random.Generator,
    rgb: Colour = (196, 170, 128),
) -> RenderedPage:
    """Wet a part of the page: its ink runs, and dirt dries along the water's edge.

    Args:
        page: The page.
        share: About how much of the page was wet.
        bleed_mm: How far the ink runs, as a standard deviation.
        rng: Source of the water's form.
        rgb: Colour of the edge on white paper.
    """
    require("share", share, 0, 1)
    require("bleed_mm", bleed_mm, 0, 3)
    mm = px_per_mm(page)
    height, width = page.pixels.shape[:2]
    angle = float(rng.uniform(0, 2 * np.pi))
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :] * np.float32(np.cos(angle))
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] * np.float32(np.sin(angle))
    level = x + y + np.float32(0.22) * cloud((height, width), cell_px=45 * mm, octaves=5, rng=rng)
    front = float(np.quantile(level[::16, ::16], 1 - share))
    wet = step(level, front, 0.03)
    sigma = max(0.3, bleed_mm * mm)
    run = cv2.GaussianBlur(page.pixels, (0, 0), sigma)
    # Some of the ink stays where it was printed.
    mixed = cv2.addWeighted(page.pixels, 0.35, run, 0.65, 0)
    kept = (255 * (1 - wet)).astype(np.uint8)
    keep = cv2.merge([kept] * 3)
    pixels = cv2.multiply(page.pixels, keep, scale=1 / 255)
    pixels = cv2.add(pixels, cv2.multiply(mixed, 255 - keep, scale=1 / 255))
    edge = np.exp(-0.5 * ((level - np.float32(front)) / np.float32(0.012)) ** 2)
    older = np.exp(-0.5 * ((level - np.float32(front + 0.16)) / np.float32(0.02)) ** 2)
    tide = np.clip(0.16 * wet + 0.5 * edge + 0.22 * older, 0, 1)
    return RenderedPage(tinted(np.asarray(pixels, np.uint8), tide, rgb), page.truth)


def mouldy(
    page: RenderedPage,
    *,
    colonies: int,
    spread_mm: float,
    strength: float,
    rng: np.random.Generator,
    rgb: Colour = (58, 66, 52),
) -> RenderedPage:
    """Let mould grow: specks with soft edges, dense around a few places, in a dull halo.

    Args:
        page: The page.
        colonies: How many places.
        spread_mm: Standard deviation of a colony's specks around it.
        strength: 0 to 1, darkness of the specks.
        rng: Source of their places.
        rgb: Colour of the specks.
    """
    require("colonies", colonies, 0, 100)
    require("strength", strength, 0, 1)
    mm = px_per_mm(page)
    height, width = page.pixels.shape[:2]
    specks = np.zeros((height, width), np.uint8)
    halo = np.zeros((-(-height // 8), -(-width // 8)), np.float32)
    for _ in range(colonies):
        x0, y0 = rng.uniform(0, width), rng.uniform(0, height)
        spread = spread_mm * mm * float(rng.uniform(0.4, 1.4))
        count = int(rng.uniform(60, 220))
        x, y = rng.normal(x0, spread, count), rng.normal(y0, spread, count)
        size = mm * 0.12 * np.exp(rng.normal(0, 0.7, count))
        dark = rng.uniform(60, 255, count)
        for place in zip(16 * x, 16 * y, 16 * size, dark, strict=True):
            left, top, radius, shade = (int(value) for value in place)
            cv2.circle(specks, (left, top), max(8, radius), shade, -1, cv2.LINE_AA, 4)
        cv2.circle(halo, (int(x0 / 8), int(y0 / 8)), max(1, int(1.3 * spread / 8)), 1.0, -1)
    soft = cv2.GaussianBlur(specks, (0, 0), max(0.4, 0.08 * mm))
    halo = cv2.GaussianBlur(halo, (0, 0), max(1.0, 0.5 * spread_mm * mm / 8))
    halo = cv2.resize(halo, (width, height), interpolation=cv2.INTER_LINEAR)
    lumps = cloud((height, width), cell_px=4 * mm, octaves=4, rng=rng)
    dull = np.clip(halo * (0.28 + 0.16 * lumps), 0, 0.5) * np.float32(strength)
    share = np.float32(strength / 255) * np.asarray(soft, np.float32)
    pixels = tinted(page.pixels, np.asarray(dull, np.float32), (150, 150, 112))
    return RenderedPage(tinted(pixels, share, rgb), page.truth)


def faded(page: RenderedPage, *, amount: float, rng: np.random.Generator) -> RenderedPage:
    """Bleach the print, as light and heat bleach thermal paper, unevenly.

    Args:
        page: The page.
        amount: 0 to 1, how much of the print's darkness is lost on average.
        rng: Source of the unevenness.
    """
    require("amount", amount, 0, 0.95)
    mm = px_per_mm(page)
    lumps = cloud(page.pixels.shape[:2], cell_px=60 * mm, octaves=2, rng=rng)
    keep = np.clip(1 - np.float32(amount) * (1 + 0.25 * lumps), 0.05, 1)
    # Darkness is what light takes away: fade that, and white stays white.
    return RenderedPage(255 - lit(255 - page.pixels, np.asarray(keep, np.float32)), page.truth)
