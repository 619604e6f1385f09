"""What is known of a rendered page: places in pixels, times, scales, and the text on it.

Points are ``(x, y)`` with the centre of the top left pixel at ``(0, 0)``. Boxes are ``(left, top,
right, bottom)``, half open: a pixel ``(row, column)`` is inside if ``left <= column < right`` and
``top <= row < bottom``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from ecgbatch.types import DoubleArray

Box: TypeAlias = tuple[float, float, float, float]
Mapping2d: TypeAlias = Callable[[DoubleArray], DoubleArray]


@dataclass(frozen=True, slots=True, eq=False)
class RegionTruth:
    """One printed lead.

    Attributes:
        lead: Its name in the record.
        printed_name: The name on the paper; ``-aVR`` where it is printed upside down.
        role: ``strip`` or ``rhythm``.
        row: Row of the page, from 0.
        column: Column of the matrix, from 0; rhythm rows are column 0.
        t0_ms: Its start on the page's time axis, 0 at the left end of the leftmost column.
        first_sample: First printed sample of the record.
        stop_sample: One past the last.
        gain_mm_per_mv: Its scale, negative where it is printed upside down.
        baseline_px: ``(2, 2)`` left and right end of its zero line.
        polyline_px: ``(stop_sample - first_sample, 2)`` one point per sample; NaN where missing.
        line_width_px: Width of its stroke.
        box_px: Around all its ink.
        name_box_px: Around the ink of its printed name, None where it has none.
    """

    lead: str
    printed_name: str
    role: str
    row: int
    column: int
    t0_ms: float
    first_sample: int
    stop_sample: int
    gain_mm_per_mv: float
    baseline_px: DoubleArray
    polyline_px: DoubleArray
    line_width_px: float
    box_px: Box
    name_box_px: Box | None


@dataclass(frozen=True, slots=True, eq=False)
class PulseTruth:
    """One calibration pulse.

    Attributes:
        row: Row of the page it stands in.
        polyline_px: ``(vertex, 2)`` its corners, from the left foot to the right.
        amplitude_mv: What its plateau stands for.
        gains_mm_per_mv: Height of each plateau per millivolt; two with a split gain.
        box_px: Around its ink.
    """

    row: int
    polyline_px: DoubleArray
    amplitude_mv: float
    gains_mm_per_mv: tuple[float, ...]
    box_px: Box


@dataclass(frozen=True, slots=True)
class TextTruth:
    """One printed text.

    Attributes:
        text: What it says; invented, always.
        role: ``lead``, ``header``, ``scale`` (speed, gain, filter) or ``footer``.
        box_px: Around its ink.
        foot_px: Its left end on the line on which the letters stand.
        capital_px: Height of a capital on the page as printed.
    """

    text: str
    role: str
    box_px: Box
    foot_px: tuple[float, float]
    capital_px: float


@dataclass(frozen=True, slots=True, eq=False)
class PageTruth:
    """Everything known of one page image.

    Attributes:
        layout: Name of the layout.
        style: Name of the style.
        seed: What the page's random choices were drawn from.
        width_px: Columns of the image.
        height_px: Rows of the image.
        dpi: Of the page as printed; damage may have changed the image's own scale.
        px_per_mm_x: Pitch of the printed millimetres along the time axis on the page as printed.
        px_per_mm_y: The same along the voltage axis.
        speed_mm_per_s: Paper speed.
        gain_mm_per_mv: Gain of the limb leads.
        chest_gain_mm_per_mv: Gain of the chest leads, equal without a split.
        fs_hz: Rate of the samples that were printed.
        grid_box_px: Around the grid, or around the field where it would be.
        grid_origin_px: A crossing of 5-mm lines on the page as printed.
        homography: ``(3, 3)`` from the page as printed to this image, as if the paper lay flat.
        regions: Every printed lead.
        pulses: Every calibration pulse.
        separators_px: ``(separator, 2, 2)`` ends of the marks between columns.
        texts: Every printed text.
        header_box_px: Around the header's text, None without a header.
    """

    layout: str
    style: str
    seed: int
    width_px: int
    height_px: int
    dpi: float
    px_per_mm_x: float
    px_per_mm_y: float
    speed_mm_per_s: float
    gain_mm_per_mv: float
    chest_gain_mm_per_mv: float
    fs_hz: float
    grid_box_px: Box
    grid_origin_px: tuple[float, float]
    homography: DoubleArray
    regions: tuple[RegionTruth, ...]
    pulses: tuple[PulseTruth, ...]
    separators_px: DoubleArray
    texts: tuple[TextTruth, ...]
    header_box_px: Box | None

    def moved(self, homography: DoubleArray, *, width_px: int, height_px: int) -> PageTruth:
        """Return the truth of this page after its pixels moved.

        Args:
            homography: ``(3, 3)``, takes a point of this image to the new one.
            width_px: Columns of the new image.
            height_px: Rows of the new image.
        """
        return self.moved_by(
            partial(move_points, homography),
            homography=homography,
            width_px=width_px,
            height_px=height_px,
        )

    def moved_by(
        self, move: Mapping2d, *, homography: DoubleArray, width_px: int, height_px: int
    ) -> PageTruth:
        """Return the truth of this page after its pixels moved, however they did.

        Args:
            move: Takes points ``(..., 2)`` of this image to the new one; NaN stays NaN.
            homography: ``(3, 3)``, the same without the bends of the paper.
            width_px: Columns of the new image.
            height_px: Rows of the new image.
        """
        # A stroke is as wide as the map stretches an area near the middle of the page.
        stretch = local_scale(move, self.width_px / 2, self.height_px / 2)

        def box(box_px: Box) -> Box:
            return clipped(moved_box(move, box_px), width_px=width_px, height_px=height_px)

        regions = []
        for region in self.regions:
            line = move(region.polyline_px)
            width = region.line_width_px * stretch
            # Resampling spreads ink by up to a pixel.
            ink = box_around(line, width_px=width + 2)
            regions.append(
                replace(
                    region,
                    baseline_px=move(region.baseline_px),
                    polyline_px=line,
                    line_width_px=width,
                    box_px=clipped(ink, width_px=width_px, height_px=height_px),
                    name_box_px=None if region.name_box_px is None else box(region.name_box_px),
                )
            )
        return replace(
            self,
            width_px=width_px,
            height_px=height_px,
            grid_box_px=box(self.grid_box_px),
            homography=homography @ self.homography,
            regions=tuple(regions),
            pulses=tuple(
                replace(pulse, polyline_px=move(pulse.polyline_px), box_px=box(pulse.box_px))
                for pulse in self.pulses
            ),
            separators_px=move(self.separators_px),
            texts=tuple(
                replace(text, box_px=box(text.box_px), foot_px=_moved_point(move, text.foot_px))
                for text in self.texts
            ),
            header_box_px=None if self.header_box_px is None else box(self.header_box_px),
        )

    def to_json(self, *, polylines: bool = True) -> str:
        """Return everything as JSON; points to 1/1000 px, missing ones as null.

        The homography has 12 digits, because its last row acts on pixels times pixels.

        Args:
            polylines: Whether the points of the traces are in it; they are most of its length.
        """
        values = plain(self)
        values["homography"] = [
            [float(f"{value:.12g}") for value in row] for row in self.homography.tolist()
        ]
        if not polylines:
            for region in values["regions"]:
                del region["polyline_px"]
        return json.dumps(values, allow_nan=False)


def box_around(points_px: DoubleArray, *, width_px: float) -> Box:
    """Return the box of the ink of a stroke along points.

    Args:
        points_px: ``(point, 2)``; NaN points are left out.
        width_px: Width of the stroke.

    Returns:
        Whole pixels; empty at the origin where there is no finite point.
    """
    finite = points_px[np.isfinite(points_px).all(axis=1)]
    if not len(finite):
        return (0.0, 0.0, 0.0, 0.0)
    low = np.floor(finite.min(axis=0) - width_px / 2 + 0.5)
    high = np.floor(finite.max(axis=0) + width_px / 2 + 0.5) + 1
    return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def clipped(box_px: Box, *, width_px: int, height_px: int) -> Box:
    """Return the part of a box that lies on the page."""
    left, top, right, bottom = box_px
    return (
        float(min(max(left, 0), width_px)),
        float(min(max(top, 0), height_px)),
        float(min(max(right, 0), width_px)),
        float(min(max(bottom, 0), height_px)),
    )


def move_points(homography: DoubleArray, points_px: DoubleArray) -> DoubleArray:
    """Return points of shape ``(..., 2)`` after a homography; NaN stays NaN."""
    x, y = points_px[..., 0], points_px[..., 1]
    h = homography
    w = h[2, 0] * x + h[2, 1] * y + h[2, 2]
    return np.stack(
        [
            (h[0, 0] * x + h[0, 1] * y + h[0, 2]) / w,
            (h[1, 0] * x + h[1, 1] * y + h[1, 2]) / w,
        ],
        axis=-1,
    )


def moved_box(move: Mapping2d, box_px: Box) -> Box:
    """Return the upright box around a box whose points were moved."""
    left, top, right, bottom = box_px
    # A box reaches half a pixel beyond the centres of the pixels at its border. On bent paper its
    # sides bend as well.
    along = np.linspace(0, 1, 9)
    x, y = left + along * (right - left), top + along * (bottom - top)
    edges = np.concatenate(
        [
            np.stack([x, np.full(9, top)], axis=1),
            np.stack([x, np.full(9, bottom)], axis=1),
            np.stack([np.full(9, left), y], axis=1),
            np.stack([np.full(9, right), y], axis=1),
        ]
    )
    corners = move(edges - 0.5) + 0.5
    low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
    return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def local_scale(move: Mapping2d, x: float, y: float) -> float:
    """Return how much a map stretches lengths at a point, as the root of its stretch of area."""
    points = np.array([[x, y], [x + 1, y], [x, y + 1]])
    centre, right, below = move(points)
    (a, b), (c, d) = right - centre, below - centre
    return float(np.sqrt(abs(a * d - b * c)))


def _moved_point(move: Mapping2d, point_px: tuple[float, float]) -> tuple[float, float]:
    [[x, y]] = move(np.array([point_px]))
    return (float(x), float(y))


def unbroken(points: DoubleArray) -> list[DoubleArray]:
    """Return the pieces of ``(point, 2)`` between missing points."""
    finite = np.isfinite(points).all(axis=1)
    edges = np.flatnonzero(np.diff(finite.astype(np.int8), prepend=0, append=0))
    return [points[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)]


def plain(value: Any) -> Any:
    """Return what JSON can hold: places to 1/1000, what is not finite as null."""
    if isinstance(value, np.ndarray):
        rounded = np.round(value, 3)  # tens of thousands of places a page: not one by one
        if np.isfinite(rounded).all():
            return rounded.tolist()
        known = rounded.astype(object)
        known[~np.isfinite(rounded)] = None
        return known.tolist()
    if is_dataclass(value):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 3) if np.isfinite(value) else None
    return value
