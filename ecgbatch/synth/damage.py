"""What happens to a page between cart and archive, with its truth moved by the same geometry.

Each step is a function from a page to a page; compose them in any order. Only the steps of this
module's first half move pixels, and those move the truth along.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ecgbatch.errors import ConfigError
from ecgbatch.synth.paper import RenderedPage
from ecgbatch.types import DoubleArray


def turned(page: RenderedPage, *, quarter_turns: int) -> RenderedPage:
    """Turn a page clockwise by quarters, as one fed it into the scanner."""
    turns = quarter_turns % 4
    height, width = page.pixels.shape[:2]
    matrix = {
        0: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        1: [[0, -1, height - 1], [1, 0, 0], [0, 0, 1]],
        2: [[-1, 0, width - 1], [0, -1, height - 1], [0, 0, 1]],
        3: [[0, 1, 0], [-1, 0, width - 1], [0, 0, 1]],
    }[turns]
    size = (width, height) if turns % 2 == 0 else (height, width)
    truth = page.truth.moved(
        np.array(matrix, dtype=np.float64), width_px=size[0], height_px=size[1]
    )
    return RenderedPage(np.ascontiguousarray(np.rot90(page.pixels, -turns)), truth)


def skewed(
    page: RenderedPage,
    *,
    angle_deg: float = 0.0,
    scale: float = 1.0,
    lean: float = 0.0,
    surround_rgb: tuple[int, int, int] = (255, 255, 255),
) -> RenderedPage:
    """Lay a page down at an angle, larger or smaller, and leaning; nothing of it is cut off.

    Args:
        page: The page.
        angle_deg: Clockwise.
        scale: Of both axes.
        lean: Perspective: by which share the right edge is longer than the left one.
        surround_rgb: What lies around the page.

    Raises:
        ConfigError: A scale or lean with which nothing is left to see.
    """
    if not 0.05 <= scale <= 20:
        raise ConfigError(f"scale: {scale} is not between 0.05 and 20")
    if not -0.5 <= lean <= 0.5:
        raise ConfigError(f"lean: {lean} is not between -0.5 and 0.5")
    height, width = page.pixels.shape[:2]
    c, s = scale * np.cos(np.deg2rad(angle_deg)), scale * np.sin(np.deg2rad(angle_deg))
    centre = np.array([[1, 0, -(width - 1) / 2], [0, 1, -(height - 1) / 2], [0, 0, 1]])
    tilt = np.array([[1, 0, 0], [0, 1, 0], [-lean / width, 0, 1]])
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    return _warped(page, turn @ tilt @ centre, surround_rgb)


def _warped(
    page: RenderedPage, homography: DoubleArray, surround_rgb: tuple[int, int, int]
) -> RenderedPage:
    """Return the page after a homography, shifted so that all of it is inside."""
    height, width = page.pixels.shape[:2]
    edges = np.array(
        [[[-0.5, -0.5], [width - 0.5, -0.5], [width - 0.5, height - 0.5], [-0.5, height - 0.5]]]
    )
    corners = cv2.perspectiveTransform(edges, homography)[0]
    low, high = corners.min(axis=0), corners.max(axis=0)
    columns, rows = (int(size) for size in np.ceil(high - low - 1e-6))
    shift = np.array([[1, 0, -low[0] - 0.5], [0, 1, -low[1] - 0.5], [0, 0, 1]])
    matrix = shift @ homography
    # Shrinking without a filter would drop whole grid lines.
    shrink = columns * rows < 0.6 * width * height
    pixels = cv2.warpPerspective(
        cv2.GaussianBlur(page.pixels, (0, 0), 0.4 * width / columns) if shrink else page.pixels,
        matrix,
        (columns, rows),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=surround_rgb,
    )
    truth = page.truth.moved(matrix, width_px=columns, height_px=rows)
    return RenderedPage(np.asarray(pixels, np.uint8), truth)


def grey(page: RenderedPage) -> RenderedPage:
    """Scan without colour; the page keeps three equal channels."""
    pixels = cv2.cvtColor(cv2.cvtColor(page.pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return RenderedPage(np.asarray(pixels, np.uint8), page.truth)


def black_and_white(page: RenderedPage, *, threshold: float = 0.62) -> RenderedPage:
    """Scan to one bit: what is darker than a share of the paper becomes black.

    Raises:
        ConfigError: The threshold is not between 0 and 1.
    """
    if not 0 < threshold < 1:
        raise ConfigError(f"threshold: {threshold} is not between 0 and 1")
    dark = cv2.cvtColor(page.pixels, cv2.COLOR_RGB2GRAY)
    paper = float(np.median(dark[::8, ::8]))
    bits = np.where(dark > threshold * paper, 255, 0).astype(np.uint8)
    return RenderedPage(np.repeat(bits[..., None], 3, axis=2), page.truth)


def blurred(page: RenderedPage, *, sigma_px: float) -> RenderedPage:
    """Scan out of focus."""
    if sigma_px <= 0:
        return page
    return RenderedPage(np.asarray(cv2.GaussianBlur(page.pixels, (0, 0), sigma_px)), page.truth)


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
    grainy = page.pixels + change
    return RenderedPage(np.clip(grainy, 0, 255, out=grainy).astype(np.uint8), page.truth)


def shaded(page: RenderedPage, *, strength: float, angle_deg: float = 0.0) -> RenderedPage:
    """Light the page from one side: the far side is darker by a share."""
    height, width = page.pixels.shape[:2]
    c, s = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    across = (
        c * np.linspace(-0.5, 0.5, width)[None, :] + s * np.linspace(-0.5, 0.5, height)[:, None]
    )
    light = (1 - strength * (across + 0.5))[..., None].astype(np.float32)
    return RenderedPage(np.clip(page.pixels * light, 0, 255).astype(np.uint8), page.truth)


def compressed(page: RenderedPage, *, quality: int) -> RenderedPage:
    """Save as JPEG and open again."""
    if not 1 <= quality <= 100:
        raise ConfigError(f"quality: {quality} is not between 1 and 100")
    flags = [cv2.IMWRITE_JPEG_QUALITY, quality]
    _, data = cv2.imencode(".jpg", cv2.cvtColor(page.pixels, cv2.COLOR_RGB2BGR), flags)
    pixels = cv2.cvtColor(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB)
    return RenderedPage(np.asarray(pixels, np.uint8), page.truth)


@dataclass(frozen=True, slots=True)
class Profile:
    """A named way of being damaged.

    Attributes:
        name: Its name.
        apply: A page and a source of randomness to the damaged page.
    """

    name: str
    apply: Callable[[RenderedPage, np.random.Generator], RenderedPage]


def _colour_scan(page: RenderedPage, rng: np.random.Generator) -> RenderedPage:
    page = skewed(page, angle_deg=float(rng.normal(0, 0.6)), surround_rgb=(246, 246, 244))
    page = blurred(page, sigma_px=float(rng.uniform(0.3, 0.7)))
    page = noisy(page, sigma=float(rng.uniform(1, 3)), paper_sigma=1.5, rng=rng)
    return compressed(page, quality=int(rng.integers(70, 95)))


def _grey_scan(page: RenderedPage, rng: np.random.Generator) -> RenderedPage:
    return grey(_colour_scan(page, rng))


def _bitonal_scan(page: RenderedPage, rng: np.random.Generator) -> RenderedPage:
    page = skewed(page, angle_deg=float(rng.normal(0, 0.6)))
    page = noisy(blurred(page, sigma_px=0.5), sigma=4.0, paper_sigma=2.0, rng=rng)
    return black_and_white(page, threshold=float(rng.uniform(0.5, 0.75)))


def _phone(page: RenderedPage, rng: np.random.Generator) -> RenderedPage:
    page = skewed(
        page,
        angle_deg=float(rng.normal(0, 2.5)),
        lean=float(rng.uniform(-0.12, 0.12)),
        surround_rgb=(88, 76, 66),
    )
    page = shaded(page, strength=float(rng.uniform(0.1, 0.4)), angle_deg=float(rng.uniform(0, 360)))
    page = blurred(page, sigma_px=float(rng.uniform(0.6, 1.3)))
    page = noisy(page, sigma=float(rng.uniform(2, 6)), rng=rng)
    return compressed(page, quality=int(rng.integers(60, 90)))


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("clean", lambda page, _: page),
        Profile("colour_scan", _colour_scan),
        Profile("grey_scan", _grey_scan),
        Profile("bitonal_scan", _bitonal_scan),
        Profile("phone", _phone),
    )
}
"""Every profile by its name."""


def damaged(page: RenderedPage, *, profile: str, seed: int) -> RenderedPage:
    """Put a page through a named profile.

    Raises:
        ConfigError: There is no such profile.
    """
    if profile not in PROFILES:
        raise ConfigError(f"profile: there is no {profile!r}; there are {', '.join(PROFILES)}")
    return PROFILES[profile].apply(page, np.random.default_rng(seed))
