"""Paper that does not lie flat: curl, folds and crumples, seen by a camera above the page.

A relief says where each point of the flat page is seen. Points of the truth are moved by that very
function; pixels are fetched through its inverse, which is solved on a lattice of cells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import map_coordinates

from ecgbatch.synth.damage.fields import cloud, covered, lit, px_per_mm, require
from ecgbatch.synth.paper import RenderedPage
from ecgbatch.synth.truth import PageTruth
from ecgbatch.types import ByteArray, DoubleArray, FloatArray

_CELL_PX = 8
_STEPS = 20
_NEAR_PX = 0.002
"""Each step of the inverse shrinks its error by the slope of the displacement, below 0.1 here."""

_CAMERA = 1.6
"""Distance of the camera in diagonals of the page, as a phone that sees all of it is held."""


@dataclass(frozen=True, slots=True, eq=False)
class _Relief:
    """The form of a sheet.

    Attributes:
        seen_at: Points ``(..., 2)`` of the flat page to where the camera sees them.
        slope: Points to ``(..., 2)`` the rise of the paper per pixel.
    """

    seen_at: Callable[[DoubleArray], DoubleArray]
    slope: Callable[[DoubleArray], DoubleArray]


def curled(
    page: RenderedPage,
    *,
    height: float,
    waves: float,
    axis_deg: float,
    phase: float,
    light: float = 1.0,
    light_deg: float = 0.0,
) -> RenderedPage:
    """Roll the sheet, as paper from a roll or a binder stays rolled.

    Args:
        page: The page.
        height: Rise of the paper as a share of its diagonal.
        waves: Waves on a diagonal; half a wave is one hump.
        axis_deg: Direction across the roll; 0 bends the rows of the ECG.
        phase: Where the wave begins, in turns.
        light: How much slopes show as shade.
        light_deg: Where the light comes from.
    """
    require("height", height, 0, 0.15)
    require("waves", waves, 0.1, 4)
    span = _diagonal(page)
    u = np.linspace(-0.75, 0.75, 3001) * span
    rise = height * span / 2 * np.cos(2 * np.pi * (waves * u / span + phase))
    relief = _cylinder(u, rise, axis_deg=axis_deg, page=page)
    return _bent(page, relief, light=light, light_deg=light_deg)


def folded(
    page: RenderedPage,
    *,
    folds: int,
    height_mm: float,
    axis_deg: float,
    wear: float,
    rng: np.random.Generator,
    light: float = 1.0,
) -> RenderedPage:
    """Fold a sheet to and fro and open it again: panels that tilt, and worn lines between them.

    Args:
        page: The page.
        folds: How many.
        height_mm: How far every second fold stands off the table.
        axis_deg: Direction across the folds; 0 gives upright ones, 90 level ones.
        wear: 0 to 1, how much of the print is rubbed off along the folds.
        rng: Source of where the folds are and of their wear.
        light: How much the panels' slopes show as shade.
    """
    require("folds", folds, 1, 12)
    require("height_mm", height_mm, 0, 20)
    require("wear", wear, 0, 1)
    mm, span = px_per_mm(page), _diagonal(page)
    height, width = page.pixels.shape[:2]
    axis = _unit(axis_deg)
    extent = abs(axis[0]) * width + abs(axis[1]) * height
    panel = extent / (folds + 1)
    at = (np.arange(folds) + 1) * panel - extent / 2 + rng.normal(0, 0.02, folds) * extent
    knots = np.concatenate([[at[0] - span], [at[0] - panel], at, [at[-1] + panel, at[-1] + span]])
    tops = height_mm * mm * (np.arange(knots.size) % 2) * rng.uniform(0.6, 1.0, knots.size)
    tops[[0, -1]] = tops[[1, -2]]
    u = np.linspace(-0.75, 0.75, 3001) * span
    # Paper bends over about a millimetre; it does not break.
    soft = np.interp(u, knots, tops)
    width_bins = max(1, round(1.2 * mm / (u[1] - u[0])))
    kernel = np.hanning(width_bins + 2)[1:-1]
    rise = np.convolve(np.pad(soft, width_bins, mode="edge"), kernel / kernel.sum(), mode="same")
    relief = _cylinder(u, rise[width_bins:-width_bins], axis_deg=axis_deg, page=page)
    worn = RenderedPage(_worn(page.pixels, at, axis=axis, wear=wear, mm=mm, rng=rng), page.truth)
    return _bent(worn, relief, light=light, light_deg=axis_deg)


def crumpled(
    page: RenderedPage,
    *,
    creases: int,
    steepness: float,
    rng: np.random.Generator,
    light: float = 1.0,
    light_deg: float = 30.0,
) -> RenderedPage:
    """Crush a sheet and smooth it again: facets that tilt a little, each its own way.

    Args:
        page: The page.
        creases: How many lines part the facets.
        steepness: Largest change of slope at a crease.
        rng: Source of where the creases are.
        light: How much slopes show as shade.
        light_deg: Where the light comes from.
    """
    require("creases", creases, 1, 200)
    require("steepness", steepness, 0, 0.3)
    height, width = page.pixels.shape[:2]
    soft = 0.8 * px_per_mm(page)
    angle = rng.uniform(0, 2 * np.pi, creases)
    normal = np.stack([np.cos(angle), np.sin(angle)])
    through = rng.uniform(-0.5, 0.5, (creases, 2)) * [width, height]
    offset = (through * normal.T).sum(axis=1)
    turn = steepness * rng.uniform(-1, 1, creases)
    # Creases end: each is deep around its middle only.
    reach = rng.uniform(0.04, 0.16, creases) * _diagonal(page)
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    camera = _CAMERA * _diagonal(page)

    # The form is given at the corners of cells and straight between them.
    x = np.arange(-_CELL_PX, width + 2 * _CELL_PX, _CELL_PX)
    y = np.arange(-_CELL_PX, height + 2 * _CELL_PX, _CELL_PX)
    own = np.stack(np.meshgrid(x, y), axis=-1) - centre
    rise = np.zeros(own.shape[:2])
    for ridge in range(creases):
        far = own @ normal[:, ridge] - offset[ridge]
        square = ((own - through[ridge]) ** 2).sum(axis=-1)
        deep = turn[ridge] * np.exp(-0.5 * square / reach[ridge] ** 2)
        rise -= deep * np.sqrt(far**2 + soft**2)
    steep_y, steep_x = np.gradient(rise, _CELL_PX)

    def at(field: DoubleArray, points: DoubleArray) -> DoubleArray:
        # Missing points stay missing through the product with their own place.
        cells = np.nan_to_num(np.moveaxis(points / _CELL_PX + 1, -1, 0)[::-1])
        return np.asarray(map_coordinates(field, cells, order=1, mode="nearest"), np.float64)

    def seen_at(points: DoubleArray) -> DoubleArray:
        nearer = camera / (camera - at(rise, points))
        return np.asarray(centre + (points - centre) * nearer[..., None])

    def slope(points: DoubleArray) -> DoubleArray:
        return np.stack([at(steep_x, points), at(steep_y, points)], axis=-1)

    return _bent(page, _Relief(seen_at, slope), light=light, light_deg=light_deg)


def _cylinder(u: DoubleArray, rise: DoubleArray, *, axis_deg: float, page: RenderedPage) -> _Relief:
    """Return the form of a sheet bent one way only, without stretching it."""
    height, width = page.pixels.shape[:2]
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    camera = _CAMERA * _diagonal(page)
    # The page's own middle height is where the camera is in focus.
    rise = rise - rise.mean()
    steep = np.gradient(rise, u)
    # Length along the paper is kept, so that its shadow on the table is shorter.
    shares = np.sqrt(np.clip(1 - steep**2, 0.1, 1))
    ground = np.concatenate([[0], np.cumsum(0.5 * (shares[1:] + shares[:-1]) * np.diff(u))])
    ground -= np.interp(0, u, ground)
    axis = _unit(axis_deg)
    aside = np.array([-axis[1], axis[0]])

    def seen_at(points: DoubleArray) -> DoubleArray:
        own = points - centre
        along = own @ axis
        nearer = camera / (camera - np.interp(along, u, rise))
        return np.asarray(
            centre
            + (np.interp(along, u, ground) * nearer)[..., None] * axis
            + (own @ aside * nearer)[..., None] * aside
        )

    def slope(points: DoubleArray) -> DoubleArray:
        return np.asarray(np.interp((points - centre) @ axis, u, steep)[..., None] * axis)

    return _Relief(seen_at, slope)


def _bent(page: RenderedPage, relief: _Relief, *, light: float, light_deg: float) -> RenderedPage:
    """Return the page as the camera sees it; what leaves the frame is lost, as on a photograph."""
    require("light", light, 0, 5)
    height, width = page.pixels.shape[:2]
    # Centres of cells, one cell beyond each edge: enlarging keeps them where they are.
    x = (np.arange(-1, width // _CELL_PX + 2) + 0.5) * _CELL_PX - 0.5
    y = (np.arange(-1, height // _CELL_PX + 2) + 0.5) * _CELL_PX - 0.5
    target = np.stack(np.meshgrid(x, y), axis=-1)
    source = target
    for _ in range(_STEPS):
        error = target - relief.seen_at(source)
        source = source + error
        if np.abs(error).max() < _NEAR_PX:
            break
    size = (x.size * _CELL_PX, y.size * _CELL_PX)

    def full(cells: DoubleArray) -> FloatArray:
        field = cv2.resize(cells.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
        return np.asarray(field[_CELL_PX : _CELL_PX + height, _CELL_PX : _CELL_PX + width])

    pixels = cv2.remap(
        page.pixels,
        full(source[..., 0]),
        full(source[..., 1]),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    shade = np.clip(1 - light * (relief.slope(source) @ _unit(light_deg)), 0.35, 2)
    # Cameras and scanners set white by the brightest paper.
    shade = np.minimum(shade / np.quantile(shade, 0.95), 1.05)
    return RenderedPage(lit(np.asarray(pixels, np.uint8), full(shade)), _moved(page.truth, relief))


def _moved(truth: PageTruth, relief: _Relief) -> PageTruth:
    return truth.moved_by(
        relief.seen_at,
        homography=_nearest_affine(relief, truth),
        width_px=truth.width_px,
        height_px=truth.height_px,
    )


def _nearest_affine(relief: _Relief, truth: PageTruth) -> DoubleArray:
    """Return the affine map that is nearest to a relief over the page, by least squares."""
    x = np.linspace(0, truth.width_px - 1, 12)
    y = np.linspace(0, truth.height_px - 1, 12)
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    known = np.column_stack([points, np.ones(len(points))])
    solution, *_ = np.linalg.lstsq(known, relief.seen_at(points), rcond=None)
    return np.vstack([solution.T, [0.0, 0.0, 1.0]])


def _worn(
    pixels: ByteArray,
    at: DoubleArray,
    *,
    axis: DoubleArray,
    wear: float,
    mm: float,
    rng: np.random.Generator,
) -> ByteArray:
    """Return pixels with the print rubbed off in flakes along lines across an axis."""
    height, width = pixels.shape[:2]
    if not wear:
        return pixels
    lines = np.zeros((height, width), np.float32)
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    aside = np.array([-axis[1], axis[0]]) * (height + width)
    for place in at:
        ends = (centre + place * axis - aside, centre + place * axis + aside)
        first, last = (tuple(int(v) for v in np.round(16 * end)) for end in ends)
        cv2.line(lines, first, last, 1.0, max(1, round(0.5 * mm)), cv2.LINE_AA, 4)
    lines = cv2.GaussianBlur(lines, (0, 0), max(0.5, 0.12 * mm))
    flakes = cloud((height, width), cell_px=1.5 * mm, octaves=3, rng=rng)
    share = lines * np.clip(0.35 + 0.45 * flakes, 0, 1) * np.float32(wear)
    paper = np.percentile(pixels[::16, ::16].reshape(-1, 3), 90, axis=0)
    red, green, blue = (int(part) for part in paper)
    # The broken fibres throw a little shade; print is missing only in flakes.
    return lit(covered(pixels, share, (red, green, blue)), 1 - np.float32(0.14 * wear) * lines)


def _unit(angle_deg: float) -> DoubleArray:
    return np.array([np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))])


def _diagonal(page: RenderedPage) -> float:
    return float(np.hypot(*page.pixels.shape[:2]))
