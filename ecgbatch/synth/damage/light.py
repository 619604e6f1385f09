"""Light and lens: focus, grain, shade, shadows, glare and colour."""

from __future__ import annotations

import cv2
import numpy as np

from ecgbatch.synth.damage.fields import (
    Colour,
    covered,
    enlarged,
    lit,
    px_per_mm,
    require,
    step,
    tinted,
)
from ecgbatch.synth.paper import RenderedPage
from ecgbatch.types import FloatArray


def blurred(page: RenderedPage, *, sigma_px: float) -> RenderedPage:
    """Scan out of focus."""
    if sigma_px <= 0:
        return page
    return RenderedPage(np.asarray(cv2.GaussianBlur(page.pixels, (0, 0), sigma_px)), page.truth)


def sharpened(page: RenderedPage, *, amount: float, radius_px: float) -> RenderedPage:
    """Sharpen as scanners and phones do by themselves: light halos around what is dark.

    Args:
        page: The page.
        amount: How much of the difference to a blurred page is added.
        radius_px: Standard deviation of that blur.
    """
    require("amount", amount, 0, 5)
    require("radius_px", radius_px, 0.3, 20)
    soft = cv2.GaussianBlur(page.pixels, (0, 0), radius_px)
    sharp = cv2.addWeighted(page.pixels, 1 + amount, soft, -amount, 0)
    return RenderedPage(np.asarray(sharp, np.uint8), page.truth)


def whitened(page: RenderedPage, *, amount: float, reach_mm: float) -> RenderedPage:
    """Divide the light out of a photograph, as document-scanner apps do.

    Args:
        page: The page.
        amount: 0 to 1; 1 makes the paper white everywhere.
        reach_mm: Over which distance the paper's shade is taken.
    """
    require("amount", amount, 0, 1)
    require("reach_mm", reach_mm, 1, 100)
    height, width = page.pixels.shape[:2]
    small = cv2.resize(page.pixels, (-(-width // 8), -(-height // 8)), interpolation=cv2.INTER_AREA)
    size = 2 * max(1, round(reach_mm * px_per_mm(page) / 16)) + 1
    # The paper is the lightest there is near by; ink and grid are thinner than that.
    paper = cv2.blur(cv2.dilate(small, np.ones((size, size), np.uint8)), (size, size))
    gain = 1 + amount * (250 / np.maximum(paper.astype(np.float32), 25) - 1)
    levels = cv2.convertScaleAbs(gain, alpha=255 / 10)
    grown = cv2.resize(levels, (width, height), interpolation=cv2.INTER_LINEAR)
    pixels = cv2.multiply(page.pixels, grown, scale=10 / 255)
    return RenderedPage(np.asarray(pixels, np.uint8), page.truth)


def speckled(page: RenderedPage, *, sigma: float, rng: np.random.Generator) -> RenderedPage:
    """Add the coloured blotches that a phone's smoothing leaves of its sensor's grain.

    Args:
        page: The page.
        sigma: Standard deviation of each colour, of 255.
        rng: Source of the blotches.
    """
    require("sigma", sigma, 0, 40)
    height, width = page.pixels.shape[:2]
    # Colour is kept at half the resolution by every camera's JPEG.
    coarse = rng.normal(128, 2 * sigma, (-(-height // 2), -(-width // 2), 3))
    blotches = cv2.blur(np.clip(coarse, 0, 255).astype(np.uint8), (2, 2))
    grown = cv2.resize(blotches, (width, height), interpolation=cv2.INTER_LINEAR)
    pixels = cv2.addWeighted(page.pixels, 1, grown, 1, -128)
    return RenderedPage(np.asarray(pixels, np.uint8), page.truth)


def noisy(
    page: RenderedPage, *, sigma: float, rng: np.random.Generator, paper_sigma: float = 0.0
) -> RenderedPage:
    """Add the grain of a sensor, and the cloudiness of paper.

    Args:
        page: The page.
        sigma: Standard deviation of each value, of 255.
        rng: Source of the grain.
        paper_sigma: Standard deviation of the paper's shade over some millimetres.
    """
    shape = page.pixels.shape[:2]
    change = np.float32(sigma) * rng.standard_normal((*shape, 1), dtype=np.float32)
    if paper_sigma > 0:
        coarse = rng.normal(0, paper_sigma, (shape[0] // 24 + 2, shape[1] // 24 + 2))
        cloud = cv2.resize(
            coarse.astype(np.float32), (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC
        )
        change += cloud[..., None]
    # Whole steps up and steps down as bytes, which saturate by themselves.
    steps = np.floor(change[..., 0])
    up, down = (np.maximum(sign * steps, 0).astype(np.uint8) for sign in (1, -1))
    lighter = cv2.add(page.pixels, cv2.merge([up] * 3))
    grainy = cv2.subtract(lighter, cv2.merge([down] * 3))
    return RenderedPage(np.asarray(grainy, np.uint8), page.truth)


def shaded(page: RenderedPage, *, strength: float, angle_deg: float = 0.0) -> RenderedPage:
    """Light the page from one side: the far side is darker by a share."""
    x, y = _places(page)
    c, s = np.float32(np.cos(np.deg2rad(angle_deg))), np.float32(np.sin(np.deg2rad(angle_deg)))
    light = 1 - np.float32(strength / 2) * (c * x + s * y + 1)
    return RenderedPage(lit(page.pixels, enlarged(light, page.pixels.shape[:2])), page.truth)


def shaken(page: RenderedPage, *, length_px: float, angle_deg: float) -> RenderedPage:
    """Move the camera while the shutter is open, evenly to both sides."""
    require("length_px", length_px, 0, 60)
    size = 2 * int(np.ceil(length_px / 2)) + 1
    half = size // 2
    kernel = np.zeros((size, size), np.float32)
    turn = np.deg2rad(angle_deg)
    reach = length_px / 2 * np.array([np.cos(turn), np.sin(turn)])
    start, end = (tuple(int(v) for v in np.round(256 * (half + sign * reach))) for sign in (-1, 1))
    cv2.line(kernel, start, end, 1.0, 1, cv2.LINE_AA, 8)
    kernel += kernel[::-1, ::-1]
    moved = cv2.filter2D(page.pixels, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
    return RenderedPage(np.asarray(moved, np.uint8), page.truth)


def vignetted(page: RenderedPage, *, strength: float) -> RenderedPage:
    """Darken the corners, as lenses do: by a share at the corner itself."""
    require("strength", strength, 0, 1)
    x, y = _places(page)
    light = 1 - np.float32(strength / 2) * (x * x + y * y)
    return RenderedPage(lit(page.pixels, enlarged(light, page.pixels.shape[:2])), page.truth)


def shadowed(
    page: RenderedPage,
    *,
    darkness: float,
    softness: float,
    rng: np.random.Generator,
    rgb: Colour = (84, 92, 112),
) -> RenderedPage:
    """Let the photographer's hand or phone stand in the light.

    Args:
        page: The page.
        darkness: 0 to 1, how much light is taken where it is darkest.
        softness: Width of the shadow's edge as a share of the page.
        rng: Source of its shape and place.
        rgb: Colour of white paper in the deepest shadow; bluish away from a warm lamp.
    """
    require("darkness", darkness, 0, 1)
    require("softness", softness, 0.005, 2)
    x, y = _places(page)
    angle = float(rng.uniform(0, 2 * np.pi))
    across = np.float32(np.cos(angle)) * x + np.float32(np.sin(angle)) * y
    along = np.float32(np.cos(angle)) * y - np.float32(np.sin(angle)) * x
    # An arm or a phone: a side that waves a little, near an edge of the page.
    wave = np.float32(rng.uniform(0.05, 0.2)) * np.sin(
        np.float32(rng.uniform(1, 3)) * along + np.float32(rng.uniform(0, 6))
    )
    share = np.float32(darkness) * step(across + wave, float(rng.uniform(0.1, 0.7)), 2 * softness)
    share = enlarged(share, page.pixels.shape[:2])
    return RenderedPage(tinted(page.pixels, share, rgb), page.truth)


def glared(
    page: RenderedPage, *, strength: float, size: float, rng: np.random.Generator
) -> RenderedPage:
    """Reflect a lamp: a spot that fades towards white and hides what is printed.

    Args:
        page: The page.
        strength: 0 to 1 at its middle; ink is lost near 1.
        size: Its standard deviation as a share of the page.
        rng: Source of its place and shape.
    """
    require("strength", strength, 0, 1)
    require("size", size, 0.01, 1)
    x, y = _places(page)
    angle = float(rng.uniform(0, np.pi))
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    x0, y0 = (np.float32(value) for value in rng.uniform(-0.7, 0.7, 2))
    longer = np.float32(rng.uniform(1, 2.5))
    u, v = c * (x - x0) + s * (y - y0), c * (y - y0) - s * (x - x0)
    far = ((u / longer) ** 2 + v**2) / np.float32((2 * size) ** 2)
    spot = np.float32(strength) * np.exp(-0.5 * far**1.3)
    share = enlarged(spot, page.pixels.shape[:2])
    return RenderedPage(covered(page.pixels, share, (252, 252, 252)), page.truth)


def balanced(
    page: RenderedPage,
    *,
    brightness: float = 1.0,
    warmth: float = 0.0,
    tint: float = 0.0,
    gamma: float = 1.0,
    black: float = 0.0,
) -> RenderedPage:
    """See the page by another light, or through another camera's idea of white.

    Args:
        page: The page.
        brightness: What white turns into, as a share.
        warmth: How much more red than blue the light has, as a share: 0.3 under a bulb, below 0
            in the shade of a blue sky.
        tint: How much more green than that, as a share: above 0 under old tubes.
        gamma: Exponent of every shade; above 1 darkens the middle.
        black: Shade, of 1, to which stray light lifts black.
    """
    require("brightness", brightness, 0.05, 3)
    require("warmth", warmth, -1, 1)
    require("tint", tint, -0.5, 0.5)
    require("gamma", gamma, 0.2, 5)
    require("black", black, 0, 0.9)
    shades = black + (1 - black) * (np.arange(256) / 255) ** gamma
    gains = np.array([1 + warmth / 2, 1 + tint, 1 - warmth / 2])
    curve = np.clip(255 * brightness * shades[:, None] * gains + 0.5, 0, 255).astype(np.uint8)
    return RenderedPage(np.asarray(cv2.LUT(page.pixels, curve[None]), np.uint8), page.truth)


def _places(page: RenderedPage) -> tuple[FloatArray, FloatArray]:
    """Return x and y from -1 to 1 over the page, at a quarter of its resolution."""
    height, width = page.pixels.shape[:2]
    x = np.linspace(-1, 1, -(-width // 4), dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, -(-height // 4), dtype=np.float32)[:, None]
    return np.broadcast_to(x, (y.size, x.size)), np.broadcast_to(y, (y.size, x.size))
