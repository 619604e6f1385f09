"""How a flat page lies: turned, skewed, cut and put down on a table; the truth moves along."""

from __future__ import annotations

import cv2
import numpy as np

from ecgbatch.synth.damage.fields import Colour, cloud, px_per_mm, require
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
    lean_down: float = 0.0,
    surround_rgb: Colour = (255, 255, 255),
) -> RenderedPage:
    """Lay a page down at an angle, larger or smaller, and leaning; nothing of it is cut off.

    Args:
        page: The page.
        angle_deg: Clockwise.
        scale: Of both axes.
        lean: Perspective: by which share the right edge is longer than the left one.
        lean_down: By which share the bottom edge is longer than the top one.
        surround_rgb: What lies around the page.

    Raises:
        ConfigError: A scale or lean with which nothing is left to see.
    """
    require("scale", scale, 0.05, 20)
    require("lean", lean, -0.5, 0.5)
    require("lean_down", lean_down, -0.5, 0.5)
    height, width = page.pixels.shape[:2]
    c, s = scale * np.cos(np.deg2rad(angle_deg)), scale * np.sin(np.deg2rad(angle_deg))
    centre = np.array([[1, 0, -(width - 1) / 2], [0, 1, -(height - 1) / 2], [0, 0, 1]])
    tilt = np.array([[1, 0, 0], [0, 1, 0], [-lean / width, -lean_down / height, 1]])
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    return _warped(page, turn @ tilt @ centre, surround_rgb)


def stretched(page: RenderedPage, *, across: float = 1.0, down: float = 1.0) -> RenderedPage:
    """Print or scan a page with axes that are not quite alike, as rollers slip.

    Args:
        page: The page.
        across: Factor on its width.
        down: Factor on its height.
    """
    require("across", across, 0.2, 5)
    require("down", down, 0.2, 5)
    return _warped(page, np.diag([across, down, 1.0]), (255, 255, 255))


def _warped(page: RenderedPage, homography: DoubleArray, surround_rgb: Colour) -> RenderedPage:
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


def cut(
    page: RenderedPage,
    *,
    left: float = 0.0,
    top: float = 0.0,
    right: float = 0.0,
    bottom: float = 0.0,
) -> RenderedPage:
    """Frame a photograph more narrowly: shares of its size that are cut from each side."""
    for name, share in (("left", left), ("top", top), ("right", right), ("bottom", bottom)):
        require(name, share, 0, 0.4)
    height, width = page.pixels.shape[:2]
    rows = slice(round(top * height), height - round(bottom * height))
    columns = slice(round(left * width), width - round(right * width))
    pixels = np.ascontiguousarray(page.pixels[rows, columns])
    shift = np.array([[1.0, 0, -columns.start], [0, 1, -rows.start], [0, 0, 1]])
    truth = page.truth.moved(shift, width_px=pixels.shape[1], height_px=pixels.shape[0])
    return RenderedPage(pixels, truth)


def laid_down(
    page: RenderedPage,
    *,
    margin_mm: float,
    table_rgb: Colour,
    rng: np.random.Generator,
    roughness: float = 0.08,
    shadow: float = 0.45,
) -> RenderedPage:
    """Put the sheet on a table, with its own soft shadow beside it.

    Args:
        page: The page.
        margin_mm: How much of the table is seen around it.
        table_rgb: Colour of the table.
        rng: Source of the table's grain.
        roughness: Standard deviation of the grain as a share of the colour.
        shadow: 0 to 1, how dark the shadow is.
    """
    require("margin_mm", margin_mm, 0, 400)
    mm = px_per_mm(page)
    margin = round(margin_mm * mm)
    height, width = page.pixels.shape[:2]
    size = (height + 2 * margin, width + 2 * margin)
    # The table is out of focus, so a quarter of the resolution will do. Its grain runs along it.
    rows, columns = (-(-side // 4) for side in size)
    grain = cloud((rows, -(-columns // 12)), cell_px=2.5 * mm / 4, octaves=3, rng=rng)
    grain = cv2.resize(grain, (columns, rows), interpolation=cv2.INTER_LINEAR)
    tone = np.clip(1 + np.float32(roughness) * grain, 0, 1.4)
    if margin and shadow:
        dark = np.zeros((rows, columns), np.float32)
        edge, offset = margin // 4, round(0.4 * mm)
        dark[edge + offset : rows - edge + offset, edge : columns - edge] = shadow
        tone *= 1 - cv2.GaussianBlur(dark, (0, 0), max(0.5, 0.4 * mm))
    colour = np.array(table_rgb, np.float32)
    table = np.clip(tone[..., None] * colour, 0, 255).astype(np.uint8)
    grown = cv2.resize(table, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)
    canvas = np.asarray(grown, np.uint8)
    canvas[margin : margin + height, margin : margin + width] = page.pixels
    shift = np.array([[1.0, 0, margin], [0, 1, margin], [0, 0, 1]])
    return RenderedPage(canvas, page.truth.moved(shift, width_px=size[1], height_px=size[0]))
