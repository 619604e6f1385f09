"""Paper that is no longer there: torn edges, missing corners, punched holes, blacked-out lines.

What was printed on it leaves the truth: its samples become NaN, its names and texts go.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from ecgbatch.errors import ConfigError
from ecgbatch.synth.damage.fields import Colour, covered, px_per_mm, require
from ecgbatch.synth.paper import RenderedPage
from ecgbatch.synth.truth import Box, PageTruth, box_around
from ecgbatch.types import DoubleArray, FloatArray

BoolArray: TypeAlias = npt.NDArray[np.bool_]

_HOLE_MM = 6.0
_HOLE_EDGE_MM = 12.0
_HOLE_PITCH_MM = 80.0
"""ISO 838: holes of 6 mm, their centres 12 mm from the edge and 80 mm apart."""


def torn(
    page: RenderedPage,
    *,
    side: str,
    depth_mm: float,
    rng: np.random.Generator,
    rgb: Colour = (86, 74, 64),
) -> RenderedPage:
    """Tear a strip off one side, along a rough line with a rim of white fibres.

    Args:
        page: The page.
        side: ``left``, ``top``, ``right`` or ``bottom``.
        depth_mm: Mean width of the strip.
        rng: Source of the line.
        rgb: What lies under the page.
    """
    _check_side(side)
    require("depth_mm", depth_mm, 0, 200)
    mm = px_per_mm(page)
    height, width = page.pixels.shape[:2]
    size = height if side in {"left", "right"} else width
    line = depth_mm * mm * (1 + 0.2 * _rough(size, 60 * mm, rng)) + 0.5 * mm * _rough(size, mm, rng)
    place = np.arange(width if side in {"left", "right"} else height, dtype=np.float32)
    if side in {"right", "bottom"}:
        place = place[::-1]
    inside = place[None, :] - line.astype(np.float32)[:, None]
    if side in {"top", "bottom"}:
        inside = inside.T
    return without(page, np.asarray(inside, np.float32), rim_px=0.7 * mm, rgb=rgb)


def cornered(
    page: RenderedPage,
    *,
    corner: str,
    size_mm: float,
    rng: np.random.Generator,
    rgb: Colour = (86, 74, 64),
) -> RenderedPage:
    """Tear a corner off.

    Args:
        page: The page.
        corner: ``top_left``, ``top_right``, ``bottom_left`` or ``bottom_right``.
        size_mm: How far along both sides it reaches, about.
        rng: Source of the line.
        rgb: What lies under the page.
    """
    down, _, across = corner.partition("_")
    _check_side(down)
    _check_side(across)
    require("size_mm", size_mm, 0, 200)
    mm = px_per_mm(page)
    height, width = page.pixels.shape[:2]
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    x = x[::-1] if across == "right" else x
    y = y[::-1] if down == "bottom" else y
    ratio = float(rng.uniform(0.6, 1.6))
    rough = 1.5 * mm * _rough(width, 12 * mm, rng) + 0.3 * mm * _rough(width, mm, rng)
    reach = float(np.hypot(1, ratio))
    first = ((x - size_mm * mm) / reach + rough).astype(np.float32)
    inside = first[None, :] + (y * np.float32(ratio / reach))[:, None]
    return without(page, inside, rim_px=0.7 * mm, rgb=rgb)


def punched(
    page: RenderedPage,
    *,
    count: int,
    side: str,
    rng: np.random.Generator,
    rgb: Colour = (60, 56, 52),
) -> RenderedPage:
    """Punch holes for a binder along a side.

    Args:
        page: The page.
        count: How many; two and four are usual.
        side: ``left``, ``top``, ``right`` or ``bottom``.
        rng: Source of how straight the sheet lay.
        rgb: What lies under the page.
    """
    _check_side(side)
    require("count", count, 1, 12)
    mm = px_per_mm(page)
    height, width = page.pixels.shape[:2]
    upright = side in {"left", "right"}
    middle = (height if upright else width) / 2 + float(rng.normal(0, 2)) * mm
    along = middle + (np.arange(count) - (count - 1) / 2) * _HOLE_PITCH_MM * mm
    edge = _HOLE_EDGE_MM * mm + float(rng.normal(0, 1)) * mm
    across = {"left": edge, "top": edge, "right": width - edge, "bottom": height - edge}[side]
    inside = np.full((height, width), np.inf, np.float32)
    for place in along:
        x0, y0 = (across, place) if upright else (place, across)
        x, y = np.arange(width) - x0, np.arange(height) - y0
        row = slice(*np.searchsorted(y, [-_HOLE_MM * mm, _HOLE_MM * mm]))
        far = np.sqrt(x[None, :] ** 2 + y[row, None] ** 2) - _HOLE_MM / 2 * mm
        np.minimum(inside[row], far.astype(np.float32), out=inside[row])
    return without(page, inside, rim_px=0.0, rgb=rgb)


def redacted(
    page: RenderedPage, *, share: float, rng: np.random.Generator, rgb: Colour = (214, 210, 204)
) -> RenderedPage:
    """Paint over lines of the header, as those who publish a page do.

    Args:
        page: The page.
        share: Share of the header's lines that are painted over.
        rng: Which ones, and how untidily.
        rgb: Colour of the paint.
    """
    require("share", share, 0, 1)
    height, width = page.pixels.shape[:2]
    paint = np.zeros((height, width), np.uint8)
    for text in page.truth.texts:
        if text.role != "header" or rng.random() >= share:
            continue
        left, top, right, bottom = text.box_px
        thick = max(2, round(1.3 * (bottom - top)))
        x = np.linspace(left, right, 6)
        y = (top + bottom) / 2 + rng.normal(0, 0.12, 6) * (bottom - top)
        line = np.round(16 * np.stack([x, y], axis=1)).astype(np.int32)
        cv2.polylines(paint, [line], False, 255, thick, cv2.LINE_AA, 4)
    pixels = covered(page.pixels, np.asarray(paint / np.float32(255), np.float32), rgb)
    return RenderedPage(pixels, _lost(page.truth, paint > 127))


def without(
    page: RenderedPage, inside_px: FloatArray, *, rim_px: float, rgb: Colour
) -> RenderedPage:
    """Return the page where a distance to its edge is positive, and what lies below elsewhere."""
    pixels = page.pixels
    if rim_px:
        rim = np.clip(1.5 - inside_px / np.float32(rim_px), 0, 0.85)
        pixels = covered(pixels, rim, (244, 242, 238))
    pixels = covered(pixels, np.clip(0.5 - inside_px, 0, 1), rgb)
    # Ink under the white fibres of a rim is gone as well.
    return RenderedPage(pixels, _lost(page.truth, inside_px < rim_px))


def _lost(truth: PageTruth, gone: BoolArray) -> PageTruth:
    """Return the truth of a page some of whose pixels are no longer there."""

    def visible(box_px: Box | None) -> bool:
        if box_px is None:
            return False
        left, top, right, bottom = (int(edge) for edge in box_px)
        part = gone[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
        return bool(part.size and part.mean() < 0.5)

    regions = []
    for region in truth.regions:
        line = region.polyline_px.copy()
        line[_on(gone, line)] = np.nan
        ink = box_around(line, width_px=region.line_width_px + 2)
        regions.append(
            replace(
                region,
                polyline_px=line,
                box_px=_overlap(region.box_px, ink),
                name_box_px=region.name_box_px if visible(region.name_box_px) else None,
            )
        )
    return replace(
        truth,
        regions=tuple(regions),
        pulses=tuple(pulse for pulse in truth.pulses if visible(pulse.box_px)),
        texts=tuple(text for text in truth.texts if visible(text.box_px)),
        header_box_px=truth.header_box_px if visible(truth.header_box_px) else None,
    )


def _on(gone: BoolArray, points_px: DoubleArray) -> BoolArray:
    """Return which points lie on missing pixels; those outside the image or NaN do not."""
    height, width = gone.shape
    known = np.asarray(np.isfinite(points_px).all(axis=-1))
    column, row = np.rint(np.where(known[:, None], points_px, -1)).astype(np.intp).T
    known &= (column >= 0) & (column < width) & (row >= 0) & (row < height)
    known[known] = gone[row[known], column[known]]
    return known


def _overlap(box_px: Box, other_px: Box) -> Box:
    left, top = max(box_px[0], other_px[0]), max(box_px[1], other_px[1])
    right, bottom = min(box_px[2], other_px[2]), min(box_px[3], other_px[3])
    return (left, top, max(left, right), max(top, bottom))


def _check_side(side: str) -> None:
    if side not in {"left", "top", "right", "bottom"}:
        raise ConfigError(f"side: {side!r} is not left, top, right or bottom")


def _rough(size: int, lump_px: float, rng: np.random.Generator) -> DoubleArray:
    """Return a random line of deviation near 1 with lumps of a size and finer ones."""
    total = np.zeros(size)
    for octave in range(3):
        knots = max(4, int(size / lump_px * 2**octave) + 2)
        values = rng.normal(0, 0.6**octave, knots)
        total += np.interp(np.linspace(0, knots - 1, size), np.arange(knots), values)
    return total
