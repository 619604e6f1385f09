"""Training pages: any record on any layout in any style, damaged, and laid upright with its truth.

The first half draws what an archive may hold, as an image with its truth; ``rectified`` makes of it
what the pipeline would hand to a network, with the small errors that measuring a grid has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ecgbatch.errors import ConfigError
from ecgbatch.imaging.colour import ink_weights, to_grey
from ecgbatch.imaging.grid import find_grid
from ecgbatch.imaging.rectify import rectify
from ecgbatch.imaging.reduced import reduce_page
from ecgbatch.synth.damage import Profile, damaged, drawn_profile, named_profile
from ecgbatch.synth.layouts import Layout
from ecgbatch.synth.paper import RenderedPage, render
from ecgbatch.synth.style import Style
from ecgbatch.synth.truth import PageTruth, move_points
from ecgbatch.training.looks import drawn_look
from ecgbatch.training.records import Records, Signals, simulated
from ecgbatch.types import LEADS, ByteArray, DoubleArray, FloatArray, Warp

_REAL_SHARE = 0.7
_FS_HZ = 500.0
_NODE_MM = 10.0
_SETTLED = 4  # rounds of inverting the mesh; bends of paper are gentle, so each gains a digit
_TRIES = 200
_HEAVY_DPI = 220.0
"""Photographs above it cost seconds each, and phones do not resolve more of a whole page."""
_CROWDED_PITCH = (0.3, 0.85)  # of a usual lead's height: from beats within beats to grazing peaks
_LEAST_PITCH_MM = 8.0
_CROWDED_GAINS = (10.0, 10.0, 10.0, 20.0)  # mm/mV


@dataclass(frozen=True, slots=True, eq=False)
class DrawnPage:
    """A page as an archive holds it, and how its paper lies.

    Attributes:
        pixels: ``(row, column, 3)`` RGB uint8.
        truth: Of this image.
        profile: What happened to the page.
        nodes_px: ``(down, across, 2)`` where nodes of the printed paper, 10 mm apart from its
            upper left corner on, lie on this image.
    """

    pixels: ByteArray
    truth: PageTruth
    profile: str
    nodes_px: DoubleArray


@dataclass(frozen=True, slots=True, eq=False)
class UprightDrawnPage:
    """A page as a network sees it.

    Attributes:
        pixels: ``(row, column)`` uint8 grey, the grid faded.
        truth: Of this image. The homography leads from the page as printed to it.
        px_per_mm: Scale of this image, apart from the jitter.
    """

    pixels: ByteArray
    truth: PageTruth
    px_per_mm: float


def draw_page(
    rng: np.random.Generator,
    *,
    records: Records | None,
    layouts: Sequence[str] | None = None,
    profile: str | None = None,
    dpi: float | None = None,
    fonts: Sequence[str] = (),
    crowded: bool = False,
    added: Callable[[RenderedPage, np.random.Generator], RenderedPage] | None = None,
) -> DrawnPage:
    """Draw a page.

    Args:
        rng: Source of every choice.
        records: Real records to print; None prints simulated ones alone. A layout that needs more
            leads or seconds than real records have prints a simulated one, too.
        layouts: Names of ``synth.layouts``; None draws from those seen in training and invents
            others. Pages of ``looks.UNSEEN_LAYOUTS`` are drawn only where they are named here.
        profile: Of damage; None draws one, or none.
        dpi: Of the print; None draws 100 to 400.
        fonts: Files of further fonts; see ``synth.faces.font_files``.
        crowded: Put rows so close that beats run into the rows beside them.
        added: What else is printed on the page before anything happens to it.
    """
    for _ in range(_TRIES):
        look = drawn_look(rng, layouts=layouts, fonts=fonts)
        damage = drawn_profile(rng) if profile is None else named_profile(profile)
        resolution = look.dpi if dpi is None else dpi
        if dpi is None and any(word in damage.name for word in ("phone", "extensive", "crumpled")):
            resolution = min(resolution, _HEAVY_DPI)
        signals, fs_hz = _signals(rng, look.layout, look.style, records)
        style = _crowded(rng, look.style, signals) if crowded else look.style
        seed = int(rng.integers(2**31))
        try:
            page = render(
                signals,
                fs_hz=fs_hz,
                layout=look.layout,
                style=style,
                dpi=resolution,
                seed=seed,
            )
        except ConfigError:  # an invented layout that the drawn paper does not hold
            continue
        return tracked(page if added is None else added(page, rng), profile=damage, seed=seed)
    raise ConfigError(f"layouts: none of {layouts} fits on any paper")


def _signals(
    rng: np.random.Generator, layout: Layout, look: Style, records: Records | None
) -> tuple[Signals, float]:
    # a rhythm row also fills the gaps between columns
    seconds = layout.duration_s + look.column_gap_mm * layout.columns / look.speed_mm_per_s
    real = records is not None and set(layout.leads) <= set(LEADS) and rng.random() < _REAL_SHARE
    if real and records is not None and seconds <= records.seconds + 0.5:
        return records.drawn(rng), records.fs_hz
    return simulated(rng, seconds=min(max(seconds + 0.5, 2.0), 120.0), fs_hz=_FS_HZ), _FS_HZ


def _crowded(rng: np.random.Generator, style: Style, signals: Signals) -> Style:
    """Choose rows that are closer than the leads are tall."""
    gain = float(rng.choice(_CROWDED_GAINS))
    height_mm = float(np.median([np.ptp(lead) for lead in signals.values()])) / 1000 * gain
    pitch_mm = max(float(rng.uniform(*_CROWDED_PITCH)) * height_mm, _LEAST_PITCH_MM)
    return replace(style, gain_mm_per_mv=gain, chest_gain_mm_per_mv=None, row_pitch_mm=pitch_mm)


def tracked(page: RenderedPage, *, profile: Profile, seed: int) -> DrawnPage:
    """Damage a page, with a lattice of points that its truth carries along as marks."""
    truth = page.truth
    down, across = (
        int(np.ceil(side / truth.px_per_mm_x / _NODE_MM)) + 1
        for side in (truth.height_px, truth.width_px)
    )
    y, x = np.mgrid[:down, :across] * _NODE_MM * truth.px_per_mm_x
    nodes = np.stack([x, y], axis=-1).reshape(-1, 1, 2)
    marks = len(truth.separators_px)
    carried = np.concatenate([truth.separators_px, np.repeat(nodes, 2, axis=1)])
    moved = damaged(
        RenderedPage(page.pixels, replace(truth, separators_px=carried)), profile=profile, seed=seed
    )
    places = moved.truth.separators_px[marks:, 0].reshape(down, across, 2)
    kept = replace(moved.truth, separators_px=moved.truth.separators_px[:marks])
    return DrawnPage(moved.pixels, kept, profile.name, places)


def rectified(
    page: DrawnPage, rng: np.random.Generator, *, px_per_mm: float, jitter: float = 1.0
) -> UprightDrawnPage:
    """Lay a drawn page upright at one scale, in the grey that the pipeline would choose.

    Its paper is followed where it bends, as the pipeline follows the grid; then come the errors of
    a measured grid: each axis up to 1.5 % off, turned by up to 0.7 degrees, and shifted by any part
    of 5 mm. The grey is that of the grid which the pipeline finds on these pixels.

    Args:
        page: As drawn.
        rng: Source of the errors.
        px_per_mm: Scale of the page that is made.
        jitter: Factor on the errors; 0 is exact.
    """
    truth = page.truth
    printed_px = px_per_mm / truth.px_per_mm_x  # of this page's pixels in one of the print
    stretch = printed_px * (1 + jitter * rng.uniform(-0.015, 0.015, 2))
    angle = np.deg2rad(jitter * rng.uniform(-0.7, 0.7))
    c, s = np.cos(angle), np.sin(angle)
    seen = _seen_mm(page) * truth.px_per_mm_x
    shift = jitter * rng.uniform(0, 5, 2) * px_per_mm
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.diag([stretch[0], stretch[1], 1.0])
    corners = move_points(turn, seen)
    low, high = corners.min(axis=0), corners.max(axis=0)
    turn[:2, 2] += shift - low
    columns, rows = (int(side) for side in np.ceil(high - low + shift) + 1)

    def flat(points_px: DoubleArray) -> DoubleArray:
        return move_points(turn, _to_print(page, points_px))

    pixels = rectify(_grey(page.pixels), _warp(page, turn, (rows, columns), px_per_mm))
    upright = truth.moved_by(
        flat,
        homography=turn @ np.linalg.inv(truth.homography),
        width_px=columns,
        height_px=rows,
    )
    return UprightDrawnPage(pixels, upright, px_per_mm)


def _grey(pixels: ByteArray) -> ByteArray:
    reduced = reduce_page(pixels)
    found = find_grid(reduced, dpi_x=float("nan"), dpi_y=float("nan"))
    weights = ink_weights(
        reduced.pixels,
        grid_rgb=None if found is None else found.colour_rgb,
        grid_contrast=0.0 if found is None else found.contrast,
    )
    return to_grey(pixels, weights)


def _seen_mm(page: DrawnPage) -> DoubleArray:
    """Return the corners of what the image shows, in millimetres of the print, ``(4, 2)``.

    The table around a photographed sheet is cut down to 15 mm: pages are to be looked at.
    """
    truth = page.truth
    width, height = truth.width_px - 1.0, truth.height_px - 1.0
    corners = np.array([[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]])
    back = np.asarray(np.linalg.inv(truth.homography), np.float64)
    at = move_points(back, corners) / truth.px_per_mm_x
    size = (np.array(page.nodes_px.shape[1::-1]) - 1) * _NODE_MM
    low = np.maximum(at.min(axis=0), -15.0)
    high = np.minimum(at.max(axis=0), size + 15.0)
    return np.array([low, [high[0], low[1]], high, [low[0], high[1]]])


def _bends_px(page: DrawnPage) -> DoubleArray:
    """Return how far each node lies from where the homography puts it, ``(down, across, 2)``."""
    truth = page.truth
    down, across = page.nodes_px.shape[:2]
    y, x = np.mgrid[:down, :across] * _NODE_MM * truth.px_per_mm_x
    return page.nodes_px - move_points(truth.homography, np.stack([x, y], axis=-1))


def _to_print(page: DrawnPage, points_px: DoubleArray) -> DoubleArray:
    """Take ``(..., 2)`` points of the image to the page as printed; NaN stays NaN."""
    truth, bends = page.truth, _bends_px(page)
    back = np.asarray(np.linalg.inv(truth.homography))
    printed = move_points(back, points_px)
    if np.abs(bends).max() < 0.01:
        return printed
    for _ in range(_SETTLED):
        printed = move_points(back, points_px - _between(bends, printed / truth.px_per_mm_x))
    return printed


def _between(bends: DoubleArray, points_mm: DoubleArray) -> DoubleArray:
    """Interpolate between nodes; beyond them the last value holds."""
    down, across = bends.shape[:2]
    at = np.clip(np.nan_to_num(points_mm / _NODE_MM), 0, [across - 1, down - 1])
    whole = np.minimum(at.astype(int), [across - 2, down - 2])
    part = at - whole
    total = np.zeros(points_mm.shape)
    for dy in (0, 1):
        for dx in (0, 1):
            weight = np.abs(1 - dx - part[..., 0]) * np.abs(1 - dy - part[..., 1])
            total += weight[..., None] * bends[whole[..., 1] + dy, whole[..., 0] + dx]
    return total


def _warp(page: DrawnPage, turn: DoubleArray, shape_px: tuple[int, int], px_per_mm: float) -> Warp:
    """Return where each place of the upright page lies on the image."""
    truth, bends = page.truth, _bends_px(page)
    back = np.asarray(np.linalg.inv(turn))
    homography = truth.homography @ back
    mesh: FloatArray | None = None
    step = 0.0
    if np.abs(bends).max() >= 0.01:
        step = _NODE_MM * px_per_mm
        down, across = (int(np.ceil((side - 1) / step)) + 1 for side in shape_px)
        y, x = np.mgrid[:down, :across] * step
        at_mm = move_points(back, np.stack([x, y], axis=-1)) / truth.px_per_mm_x
        mesh = _between(bends, at_mm).astype(np.float32)
    return Warp(
        homography=np.asarray(homography / homography[2, 2]),
        shape_px=shape_px,
        mesh_px=mesh,
        mesh_step_px=step,
        rotation_deg=0.0,
    )
