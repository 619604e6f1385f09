"""What scanners, copiers and fax machines make of a page."""

from __future__ import annotations

import cv2
import numpy as np

from ecgbatch.errors import ConfigError
from ecgbatch.synth.damage.fields import cloud, lit, px_per_mm, require, tinted
from ecgbatch.synth.paper import RenderedPage
from ecgbatch.types import ByteArray

_FAX_DOTS_PER_MM = 8.0
_FAX_LINES_PER_MM = {"fine": 7.7, "standard": 3.85}
"""ITU-T T.4: 1728 dots on 215 mm; lines per millimetre."""


def grey(page: RenderedPage) -> RenderedPage:
    """Scan without colour; the page keeps three equal channels."""
    pixels = cv2.cvtColor(cv2.cvtColor(page.pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return RenderedPage(np.asarray(pixels, np.uint8), page.truth)


def black_and_white(page: RenderedPage, *, threshold: float = 0.62) -> RenderedPage:
    """Scan to one bit: what is darker than a share of the paper becomes black.

    Raises:
        ConfigError: The threshold is not between 0 and 1.
    """
    require("threshold", threshold, 0.01, 0.99)
    return RenderedPage(_bits(page.pixels, threshold), page.truth)


def _bits(pixels: ByteArray, threshold: float) -> ByteArray:
    dark = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    paper = float(np.median(dark[::8, ::8]))
    bits = np.where(dark > threshold * paper, 255, 0).astype(np.uint8)
    return np.repeat(bits[..., None], 3, axis=2)


def compressed(page: RenderedPage, *, quality: int) -> RenderedPage:
    """Save as JPEG and open again."""
    require("quality", quality, 1, 100)
    flags = [cv2.IMWRITE_JPEG_QUALITY, quality]
    _, data = cv2.imencode(".jpg", cv2.cvtColor(page.pixels, cv2.COLOR_RGB2BGR), flags)
    pixels = cv2.cvtColor(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB)
    return RenderedPage(np.asarray(pixels, np.uint8), page.truth)


def contrasted(page: RenderedPage, *, black: float, white: float) -> RenderedPage:
    """Copy harder: what is darker than one shade turns black, what is lighter than another white.

    Args:
        page: The page.
        black: Shade, of 1, that comes out black.
        white: Shade that comes out white.
    """
    require("black", black, -0.5, 0.9)
    require("white", white, black + 0.05, 1.5)
    shades = (np.arange(256) / 255 - black) / (white - black)
    table = np.clip(255 * shades + 0.5, 0, 255).astype(np.uint8)
    return RenderedPage(np.asarray(cv2.LUT(page.pixels, table), np.uint8), page.truth)


def specked(
    page: RenderedPage, *, per_cm2: float, size_mm: float, rng: np.random.Generator
) -> RenderedPage:
    """Strew toner: specks of up to a size, most of them smaller, in clusters.

    Args:
        page: The page.
        per_cm2: How many lie on a square centimetre of the page.
        size_mm: Diameter of the largest.
        rng: Source of their places.
    """
    require("per_cm2", per_cm2, 0, 50)
    mm = px_per_mm(page)
    height, width = page.pixels.shape[:2]
    count = rng.poisson(per_cm2 * height * width / (10 * mm) ** 2)
    x, y = rng.uniform(0, width, count), rng.uniform(0, height, count)
    radius = 0.5 * size_mm * mm * rng.beta(1, 4, count)
    share = np.zeros((height, width), np.uint8)
    for centre_x, centre_y, size in zip(16 * x, 16 * y, 16 * radius, strict=True):
        place = (int(centre_x), int(centre_y))
        cv2.circle(share, place, max(6, int(size)), 255, -1, cv2.LINE_AA, 4)
    toner = np.asarray(share, np.float32) / np.float32(255)
    return RenderedPage(tinted(page.pixels, toner, (24, 24, 26)), page.truth)


def streaked(
    page: RenderedPage,
    *,
    count: int,
    darkness: float,
    width_mm: float,
    rng: np.random.Generator,
    along: str = "columns",
) -> RenderedPage:
    """Drag lines down the page, as dirt on a scanner's glass does, or bands, as a worn drum does.

    Args:
        page: The page.
        count: How many.
        darkness: The darkest one, as a share; negative ones are lighter than the page.
        width_mm: Standard deviation of the widest one across.
        rng: Source of their places.
        along: ``columns`` or ``rows``.
    """
    require("darkness", abs(darkness), 0, 1)
    if along not in {"columns", "rows"}:
        raise ConfigError(f"along: {along!r} is not columns or rows")
    mm = px_per_mm(page)
    shape = page.pixels.shape[:2]
    size = shape[1] if along == "columns" else shape[0]
    place = np.arange(size, dtype=np.float32)
    change = np.zeros(size, np.float32)
    for _ in range(count):
        sigma = max(0.4, width_mm * mm * float(rng.uniform(0.3, 1)))
        bell = np.exp(-0.5 * ((place - np.float32(rng.uniform(0, size))) / np.float32(sigma)) ** 2)
        change += np.float32(darkness * rng.uniform(0.3, 1)) * bell
    light = np.clip(1 - change, 0, 1.3)
    light = light[None, :] if along == "columns" else light[:, None]
    return RenderedPage(lit(page.pixels, np.broadcast_to(light, shape).copy()), page.truth)


def hazed(
    page: RenderedPage, *, darkness: float, lump_mm: float, rng: np.random.Generator
) -> RenderedPage:
    """Grey the background in lumps, as copies of copies do."""
    require("darkness", darkness, 0, 1)
    lumps = cloud(page.pixels.shape[:2], cell_px=lump_mm * px_per_mm(page), octaves=3, rng=rng)
    light = 1 - np.float32(darkness) * np.clip(0.5 + 0.35 * lumps, 0, 1)
    return RenderedPage(lit(page.pixels, light), page.truth)


def faxed(
    page: RenderedPage,
    *,
    mode: str,
    threshold: float,
    lost_lines: float,
    rng: np.random.Generator,
) -> RenderedPage:
    """Send a page by fax: the image has the machine's dots and lines, which are not square.

    Args:
        page: The page.
        mode: ``fine`` (8 dots and 7.7 lines per millimetre) or ``standard`` (3.85 lines).
        threshold: Share of the paper's brightness below which a dot is black.
        lost_lines: Share of lines that arrive broken; a machine repeats the one above.
        rng: Which lines those are.
    """
    require("threshold", threshold, 0.01, 0.99)
    require("lost_lines", lost_lines, 0, 0.5)
    if mode not in _FAX_LINES_PER_MM:
        raise ConfigError(f"mode: {mode!r} is not {' or '.join(_FAX_LINES_PER_MM)}")
    mm = px_per_mm(page)
    height, width = page.pixels.shape[:2]
    columns = round(width * _FAX_DOTS_PER_MM / mm)
    rows = round(height * _FAX_LINES_PER_MM[mode] / mm)
    # A machine's row of sensors sees the mean over a dot.
    way = cv2.INTER_AREA if columns <= width and rows <= height else cv2.INTER_CUBIC
    sent = _bits(np.asarray(cv2.resize(page.pixels, (columns, rows), interpolation=way)), threshold)
    lost = np.flatnonzero(rng.random(rows - 1) < lost_lines) + 1
    sent[lost] = sent[lost - 1]
    across, down = columns / width, rows / height
    # Both images share their edges, half a pixel beyond the centres of their outer pixels.
    scale = np.array([[across, 0, 0.5 * across - 0.5], [0, down, 0.5 * down - 0.5], [0, 0, 1]])
    return RenderedPage(sent, page.truth.moved(scale, width_px=columns, height_px=rows))
