"""What lies on a page when it is scanned or photographed: labels, fingers and tape."""

from __future__ import annotations

import cv2
import numpy as np

from ecgbatch.synth.damage.fields import Colour, px_per_mm, require, tinted
from ecgbatch.synth.damage.loss import without
from ecgbatch.synth.paper import RenderedPage
from ecgbatch.types import ByteArray, DoubleArray, FloatArray

_FAR_PX = 1e4
"""Where nothing lies near."""


def labelled(
    page: RenderedPage, *, count: int, width_mm: float, rng: np.random.Generator
) -> RenderedPage:
    """Stick labels on the page, with a bar code and lines of unreadable print.

    Args:
        page: The page.
        count: How many.
        width_mm: Of the widest.
        rng: Source of their places and sizes.
    """
    require("count", count, 0, 20)
    require("width_mm", width_mm, 5, 150)
    mm = px_per_mm(page)
    height, width = page.pixels.shape[:2]
    inside = np.full((height, width), _FAR_PX, np.float32)
    ink = np.zeros((height, width), np.uint8)
    for _ in range(count):
        wide = float(rng.uniform(0.6, 1.0)) * width_mm
        size = np.array([wide, wide * float(rng.uniform(0.25, 0.6))]) * mm
        # Labels are stuck where the header is, or in a corner; seldom on the traces.
        x = float(rng.uniform(0, max(1.0, width - size[0])))
        y = float(rng.beta(0.6, 2.5) * max(1.0, height - size[1]))
        angle = float(rng.normal(0, 2.5))
        _outside_box(inside, np.array([x, y]) + size / 2, size, angle)
        _paste(ink, _label_print(size, rng), (x, y), angle)
    white = int(rng.integers(236, 254))
    bare = without(page, inside, rim_px=0.0, rgb=(white, white, white - 2))
    share = np.asarray(ink, np.float32) / np.float32(255)
    return RenderedPage(tinted(bare.pixels, share, (16, 16, 18)), bare.truth)


def _outside_box(
    distance_px: FloatArray, centre_px: DoubleArray, size_px: DoubleArray, angle_deg: float
) -> None:
    """Lower a field of distances, in place, to that from a turned rectangle; negative inside."""
    reach = int(np.ceil(np.linalg.norm(size_px) / 2)) + 4
    rows, columns = _window(distance_px.shape, centre_px, reach)
    x, y = _places(rows, columns, centre_px)
    c, s = np.float32(np.cos(np.deg2rad(angle_deg))), np.float32(np.sin(np.deg2rad(angle_deg)))
    across = np.abs(c * x + s * y) - np.float32(size_px[0] / 2)
    down = np.abs(c * y - s * x) - np.float32(size_px[1] / 2)
    part = distance_px[rows, columns]
    np.minimum(part, np.maximum(across, down), out=part)


def _places(rows: slice, columns: slice, origin_px: DoubleArray) -> tuple[FloatArray, FloatArray]:
    """Return x and y of a window from an origin."""
    x = np.arange(columns.start, columns.stop, dtype=np.float32)[None, :]
    y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
    return x - np.float32(origin_px[0]), y - np.float32(origin_px[1])


def _window(shape: tuple[int, ...], centre_px: DoubleArray, reach: int) -> tuple[slice, slice]:
    rows, columns = shape
    x, y = (int(value) for value in centre_px)
    return (
        slice(max(0, y - reach), max(0, min(rows, y + reach))),
        slice(max(0, x - reach), max(0, min(columns, x + reach))),
    )


def _label_print(size_px: DoubleArray, rng: np.random.Generator) -> ByteArray:
    """Return ``(row, column)`` ink of a label: bars above, words below."""
    columns, rows = (max(8, int(side)) for side in size_px)
    ink = np.zeros((rows, columns), np.uint8)
    module = max(1, columns // 110)
    edges = columns // 10 + module * np.cumsum(rng.integers(1, 4, 60))
    for left, right in zip(edges[::2], edges[1::2], strict=True):
        if right < 0.9 * columns:
            ink[rows // 8 : rows // 2, left:right] = 235
    line = max(2, rows // 10)
    for top in range(rows * 5 // 8, rows - 2 * line, 2 * line):
        at = columns // 10
        while at < 0.8 * columns * rng.uniform(0.6, 1.0):
            length = int(rng.integers(line, 5 * line))
            grain = rng.integers(0, 2, (max(1, line // 2), max(1, length // 2)), dtype=np.uint8)
            word = cv2.resize(220 * grain, (length, line), interpolation=cv2.INTER_NEAREST)
            ink[top : top + line, at : at + length] = word[:, : columns - at]
            at += length + line
    return ink


def _paste(
    layer: ByteArray, ink: ByteArray, corner_px: tuple[float, float], angle_deg: float
) -> None:
    """Lay a turned piece of ink onto a layer, in place; its upper left corner was at a place."""
    height, width = ink.shape
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -angle_deg, 1.0)
    centre = np.array(corner_px) + np.array([width, height]) / 2
    rows, columns = _window(layer.shape, centre, (width + height) // 2 + 2)
    turn[:, 2] += np.array(corner_px) - (columns.start, rows.start)
    size = (columns.stop - columns.start, rows.stop - rows.start)
    if min(size) > 0:
        part = layer[rows, columns]
        np.maximum(part, cv2.warpAffine(ink, turn, size, flags=cv2.INTER_LINEAR), out=part)


def held(
    page: RenderedPage, *, fingers: int, reach_mm: float, rgb: Colour, rng: np.random.Generator
) -> RenderedPage:
    """Hold the page by its edges: finger tips reach into the picture.

    Args:
        page: The page.
        fingers: How many tips are seen.
        reach_mm: How far the longest reaches in.
        rgb: Colour of the skin.
        rng: Source of their places.
    """
    require("fingers", fingers, 0, 10)
    require("reach_mm", reach_mm, 1, 150)
    mm = px_per_mm(page)
    height, width = page.pixels.shape[:2]
    distance = np.full((height, width), _FAR_PX, np.float32)
    for _ in range(fingers):
        side, along = int(rng.integers(4)), float(rng.uniform(0.08, 0.92))
        reach, radius = float(rng.uniform(0.3, 1)) * reach_mm * mm, float(rng.uniform(7.5, 11)) * mm
        edges = [(0.0, along * height), (width, along * height), (along * width, 0.0),
                 (along * width, height)]  # fmt: skip
        edge = np.array(edges[side])
        inwards = np.array([(1, 0), (-1, 0), (0, 1), (0, -1)][side])
        tip = edge + (reach - radius) * inwards + reach * float(rng.normal(0, 0.3)) * inwards[::-1]
        _outside_finger(distance, edge - 3 * reach * inwards, tip, radius)
    shadow = np.float32(0.4) * np.clip(1 - distance / np.float32(3 * mm), 0, 1)
    darkened = RenderedPage(tinted(page.pixels, shadow, (90, 84, 80)), page.truth)
    bare = without(darkened, distance, rim_px=0.0, rgb=rgb)
    # A finger is darker towards its outline, as a round thing is.
    depth = np.clip(-distance / np.float32(9 * mm), 0, 1)
    share = np.where(distance < 0, np.float32(0.55) * (1 - depth) ** 2, np.float32(0))
    return RenderedPage(tinted(bare.pixels, share, (120, 92, 84)), bare.truth)


def _outside_finger(
    distance_px: FloatArray, root_px: DoubleArray, tip_px: DoubleArray, radius_px: float
) -> None:
    """Lower a field of distances, in place, to that from a rod with a round tip."""
    way = tip_px - root_px
    rows, columns = _window(distance_px.shape, tip_px, int(np.abs(way).max() + 3 * radius_px))
    x, y = _places(rows, columns, root_px)
    dx, dy = np.float32(way[0]), np.float32(way[1])
    along = np.clip((x * dx + y * dy) / np.float32(way @ way), 0, 1)
    far = np.hypot(x - along * dx, y - along * dy) - np.float32(radius_px)
    part = distance_px[rows, columns]
    np.minimum(part, far, out=part)


def taped(
    page: RenderedPage, *, strips: int, width_mm: float, rng: np.random.Generator
) -> RenderedPage:
    """Mend or fix the page with strips of yellowed clear tape; what lies below stays visible.

    Args:
        page: The page.
        strips: How many.
        width_mm: Of the tape.
        rng: Source of their places.
    """
    require("strips", strips, 0, 20)
    require("width_mm", width_mm, 2, 60)
    mm = px_per_mm(page)
    height, width = page.pixels.shape[:2]
    pixels = page.pixels
    for _ in range(strips):
        size = np.array([float(rng.uniform(20, 70)), width_mm]) * mm
        corner = rng.integers(0, 2, 2) * np.array([width, height])
        centre = corner + rng.normal(0, 0.06, 2) * np.array([width, height])
        angle = float(rng.choice([0, 90, 45, 135]) + rng.normal(0, 8))
        distance = np.full((height, width), _FAR_PX, np.float32)
        _outside_box(distance, centre, size, angle)
        share = np.clip(0.5 - distance, 0, 1) * np.float32(rng.uniform(0.15, 0.45))
        edge = np.clip(1 - np.abs(distance) / np.float32(0.2 * mm), 0, 1) * np.float32(0.25)
        pixels = tinted(pixels, np.maximum(share, edge), (232, 208, 150))
    return RenderedPage(pixels, page.truth)
