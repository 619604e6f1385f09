"""Examples that lie otherwise than they were drawn: moved, shaded, and two on one page."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from ecgbatch.training.examples import Example
from ecgbatch.training.locator_targets import Places
from ecgbatch.types import ByteArray, FloatArray


def joined(one: Example, other: Example, rng: np.random.Generator) -> Example:
    """Return two pages as one image, side by side or one above the other, as scanners see them.

    Args:
        one: The left or upper page.
        other: The other page.
        rng: Source of the side and of the gap between.
    """
    beside = bool(rng.random() < 0.5)
    gap = int(rng.integers(0, 24))
    (rows, columns), (more_rows, more_columns) = one.pixels.shape, other.pixels.shape
    if beside:
        shape, x, y = (max(rows, more_rows), columns + gap + more_columns), columns + gap, 0
    else:
        shape, x, y = (rows + gap + more_rows, max(columns, more_columns)), 0, rows + gap
    pixels = np.full(shape, np.median(one.pixels[:, -1 if beside else 0]), np.uint8)
    pixels[:rows, :columns] = one.pixels
    pixels[y : y + more_rows, x : x + more_columns] = other.pixels

    def both(name: str, along: str) -> FloatArray:
        first, second = (np.asarray(getattr(page, name), np.float32) for page in (one, other))
        shift = np.array([{"x": x, "y": y, "-": 0}[axis] for axis in along], np.float32)
        return np.concatenate([first, second + shift])

    return Example(
        pixels=pixels,
        layout=one.layout if one.layout != "none" else other.layout,
        regions=both("regions", "xyxyyy--"),
        leads=(*one.leads, *other.leads),
        names=both("names", "xyxy"),
        pulses=both("pulses", "xyxy"),
        separators=both("separators", "xyxy"),
        lines=both("lines", "xyxy-"),
        cuts=(*one.cuts, *other.cuts),
    )


def moved(
    example: Example, rng: np.random.Generator, *, shape_px: tuple[int, int]
) -> tuple[ByteArray, Places]:
    """Return a page a little larger or smaller, turned, shifted and shaded, with its places.

    Args:
        example: The page.
        rng: Source of all that.
        shape_px: Rows and columns of the page that is returned.
    """
    rows, columns = example.pixels.shape
    zoom = float(np.exp(rng.uniform(-0.07, 0.07)))
    if rng.random() < 0.2:  # a picture of a part of the page
        zoom = float(np.exp(rng.uniform(-0.25, 0.3)))
    stretch = zoom * np.exp(rng.uniform(-0.02, 0.02, 2))
    angle = np.deg2rad(rng.normal(0, 0.35))
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s], [s, c]]) * stretch
    room = (np.array(shape_px[::-1]) - stretch * [columns, rows]) / 2
    shift = np.array(shape_px[::-1]) / 2 + rng.uniform(-1, 1, 2) * (np.abs(room) + 8)
    shift -= turn @ [columns / 2, rows / 2]
    pixels = _shaded(_drawn(example.pixels, turn, shift, shape_px), rng)

    def points(values: FloatArray, first: int) -> FloatArray:
        return np.asarray(values[:, first : first + 2] @ turn.T + shift, np.float32)

    regions = np.concatenate(
        [
            points(example.regions, 0),
            points(example.regions, 2),
            points(example.regions[:, [0, 4]], 0)[:, 1:],
            points(example.regions[:, [0, 5]], 0)[:, 1:],
        ],
        axis=1,
    )
    separators = np.concatenate(
        [points(example.separators, 0), points(example.separators, 2)], axis=1
    )
    boxes = {
        name: np.concatenate([points(values, 0), points(values, 2), values[:, 4:]], axis=1)
        for name, values in (
            ("names", example.names),
            ("pulses", example.pulses),
            ("lines", example.lines),
        )
    }
    return pixels, Places(
        regions=_inside(regions, shape_px[1]),
        separators=separators.astype(np.float32),
        **{name: _seen(values, shape_px) for name, values in boxes.items()},
    )


def _seen(boxes: FloatArray, shape_px: tuple[int, int]) -> FloatArray:
    middle = (boxes[:, :2] + boxes[:, 2:4]) / 2
    kept = ((middle > 0) & (middle < np.array(shape_px[::-1]))).all(axis=1)
    return np.asarray(boxes[kept], np.float32)


def _inside(regions: FloatArray, width: int) -> FloatArray:
    """Let regions that reach beyond the page begin and end at its sides."""
    kept = regions[(regions[:, 2] > 12) & (regions[:, 0] < width - 12)].copy()
    slope = (kept[:, 3] - kept[:, 1]) / np.maximum(kept[:, 2] - kept[:, 0], 1)
    for x, y, edge in ((0, 1, 0.0), (2, 3, width - 1.0)):
        at = np.maximum(kept[:, x], edge) if x == 0 else np.minimum(kept[:, x], edge)
        kept[:, y] += slope * (at - kept[:, x])
        kept[:, x] = at
    return np.asarray(kept, np.float32)


def _drawn(
    pixels: ByteArray, turn: np.ndarray, shift: np.ndarray, shape_px: tuple[int, int]
) -> FloatArray:
    """Draw a page after an affine map."""
    rows, columns = pixels.shape
    back = np.linalg.inv(turn)
    # From the new page's coordinates in -1..1 to the old ones'.
    new_half = np.array([shape_px[1] - 1, shape_px[0] - 1]) / 2
    old_half = np.array([columns - 1, rows - 1]) / 2
    matrix = (back * new_half) / old_half[:, None]
    offset = (back @ (new_half - shift) - old_half) / old_half
    theta = torch.from_numpy(np.column_stack([matrix, offset])).float()[None]
    grid = functional.affine_grid(theta, [1, 1, *shape_px], align_corners=True)
    grey = torch.from_numpy(pixels)[None, None].float()
    drawn = functional.grid_sample(grey, grid, padding_mode="border", align_corners=True)
    return np.asarray(drawn[0, 0].numpy())


def _shaded(pixels: FloatArray, rng: np.random.Generator) -> ByteArray:
    """Change contrast and brightness, blur and add noise."""
    grey = pixels / 255
    grey = grey ** float(np.exp(rng.uniform(-0.35, 0.35)))
    grey = grey * float(rng.uniform(0.6, 1.0)) + float(rng.uniform(-0.05, 0.1))
    if rng.random() < 0.25:
        share = float(rng.uniform(0.2, 0.8))
        soft = functional.avg_pool2d(
            torch.from_numpy(grey)[None, None], 3, stride=1, padding=1, count_include_pad=False
        )
        grey = (1 - share) * grey + share * soft[0, 0].numpy()
    if rng.random() < 0.5:
        noise = rng.standard_normal(grey.shape, dtype=np.float32)
        grey = grey + float(rng.uniform(0, 0.03)) * noise
    return np.clip(255 * grey, 0, 255).astype(np.uint8)
