"""Tiles: pieces of rectified pages around one row of traces, with what a network should find there.

Drawing, damaging and rectifying a page takes longer than learning from it, so pages are cut into
tiles once, which stand in files; training then moves a smaller window about on each tile.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import numpy as np

from ecgbatch.imaging.windows import cut
from ecgbatch.synth import pen
from ecgbatch.synth.truth import PageTruth, RegionTruth
from ecgbatch.training.whole import written_whole
from ecgbatch.types import ByteArray, DoubleArray, FloatArray

STEPS_PER_PX = 2
"""Times at which a height is wanted, per column: 20 per millimetre at 10 px/mm, which is 500 Hz at
25 mm/s."""

ABSENT, PRESENT, UNSURE = 0, 1, 2
"""What a step of a tile holds: no trace, a trace, or one that the damage may have hidden."""

TILE_PX = (560, 448)
"""Rows and columns of a tile."""

_LINE_PX = 3  # rows around the line in which its darkest pixel is looked for
_AROUND_PX = 25  # rows around it that tell how dark its surroundings are
_SEEN = 0.3  # of the page's usual contrast; the ink of a line is there
_UNSEEN = 0.12


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """A piece of a page around one row.

    Attributes:
        planes: ``(plane, row, column)`` uint8, see ``imaging.windows.page_planes``.
        ink: ``(row, column)`` uint8, share of each pixel that the row's own pen covered, times 255.
        height_px: ``(step,)`` float32, the true height counted from the top of the tile; step ``i``
            stands at column ``(i + 0.5) / STEPS_PER_PX - 0.5``. NaN without a trace.
        state: ``(step,)`` uint8, one of ``ABSENT``, ``PRESENT`` and ``UNSURE``.
        baselines_px: ``(row of the page,)`` float32 zero lines, counted from the top of the tile;
            the tile's own comes first.
    """

    planes: ByteArray
    ink: ByteArray
    height_px: FloatArray
    state: ByteArray
    baselines_px: FloatArray


def cut_tiles(
    planes: ByteArray, truth: PageTruth, *, count: int, rng: np.random.Generator
) -> list[Tile]:
    """Cut tiles at random places of random rows.

    Args:
        planes: ``(plane, row, column)`` uint8 of a rectified page.
        truth: Of the same page, in its pixels.
        count: How many.
        rng: Chooses the places.

    Returns:
        The tiles; none where the page has no trace.
    """
    rows = _rows(truth)
    if not rows:
        return []
    usual = _usual_contrast(planes[0], truth.regions)
    tiles = []
    for _ in range(count):
        own = int(rng.integers(len(rows)))
        low, high = _extent(rows[own])
        left = round(float(rng.uniform(low - 60, max(high + 60 - TILE_PX[1], low - 59))))
        middle = left + TILE_PX[1] / 2
        baselines = [_baseline(regions, middle) for regions in rows]
        baselines.insert(0, baselines.pop(own))
        top = round(baselines[0] - TILE_PX[0] / 2)
        tiles.append(_tile(planes, rows[own], left=left, top=top, baselines=baselines, usual=usual))
    return tiles


def _rows(truth: PageTruth) -> list[list[RegionTruth]]:
    rows: dict[int, list[RegionTruth]] = {}
    for region in truth.regions:
        if np.isfinite(region.polyline_px).all(axis=1).sum() > 1:
            rows.setdefault(region.row, []).append(region)
    return list(rows.values())


def _extent(regions: Sequence[RegionTruth]) -> tuple[float, float]:
    x = np.concatenate([region.polyline_px[:, 0] for region in regions])
    return float(np.nanmin(x)), float(np.nanmax(x))


def _baseline(regions: Sequence[RegionTruth], x_px: float) -> float:
    """Return the zero line of a row at a place, from the region that is nearest to it."""

    def away(region: RegionTruth) -> float:
        left, right = (float(x) for x in region.baseline_px[:, 0])
        return max(left - x_px, x_px - right, 0.0)

    nearest = min(regions, key=away)
    return float(np.interp(x_px, *nearest.baseline_px.T))


def _tile(
    planes: ByteArray,
    regions: Sequence[RegionTruth],
    *,
    left: int,
    top: int,
    baselines: Sequence[float],
    usual: float,
) -> Tile:
    height, width = TILE_PX
    window = np.stack([cut(plane, top=top, left=left, shape=TILE_PX) for plane in planes])
    steps = (np.arange(width * STEPS_PER_PX) + 0.5) / STEPS_PER_PX - 0.5
    y = np.full(steps.size, np.nan)
    ink = np.zeros(TILE_PX, np.float32)
    for region in regions:
        line = region.polyline_px - (left, top)
        near = np.flatnonzero((line[:, 0] > -40) & (line[:, 0] < width + 40))
        if near.size < 2:
            continue
        line = line[near[0] : near[-1] + 1]
        here = _at(line, steps)
        y = np.where(np.isfinite(here), here, y)
        for drawn in pen.stroke(line[:, 0], line[:, 1], width_px=region.line_width_px):
            inside = (drawn.row >= 0) & (drawn.row < height)
            inside &= (drawn.column >= 0) & (drawn.column < width)
            at = (drawn.row[inside], drawn.column[inside])
            ink[at] = np.maximum(ink[at], drawn.share[inside])
    present = np.isfinite(y)
    state = np.where(present, PRESENT, ABSENT).astype(np.uint8)
    if present.any():
        contrast = _contrast(window[0], steps[present], y[present])
        seen = np.where(contrast < _UNSEEN * usual, ABSENT, UNSURE)
        state[present] = np.where(contrast >= _SEEN * usual, PRESENT, seen)
    return Tile(
        planes=window,
        ink=np.rint(255 * ink).astype(np.uint8),
        height_px=y.astype(np.float32),
        state=state,
        baselines_px=np.asarray(baselines, np.float32) - np.float32(top),
    )


def _at(line: DoubleArray, x_px: DoubleArray) -> DoubleArray:
    """Heights of a line at some columns; NaN beyond its ends and in its gaps."""
    known = np.isfinite(line).all(axis=1)
    x, y = line[known].T
    if x.size < 2:
        return np.full(x_px.size, np.nan)
    height = np.interp(x_px, x, y, left=np.nan, right=np.nan)
    after = np.clip(np.searchsorted(x, x_px), 1, x.size - 1)
    number = np.flatnonzero(known)  # of the samples on either side, which follow each other or not
    height[number[after] - number[after - 1] > 1] = np.nan
    return np.asarray(height)


def _contrast(darkness: ByteArray, x_px: DoubleArray, y_px: DoubleArray) -> DoubleArray:
    """How much darker the page is at places of a line than above and below it, in grey levels."""
    rows, columns = darkness.shape
    column = np.clip(np.rint(x_px).astype(np.intp), 0, columns - 1)
    row = np.rint(y_px).astype(np.intp)
    at_line = np.clip(row + np.arange(-_LINE_PX, _LINE_PX + 1)[:, None], 0, rows - 1)
    around = np.clip(row + np.arange(-_AROUND_PX, _AROUND_PX + 1, 2)[:, None], 0, rows - 1)
    darkest = darkness[at_line, column].max(axis=0).astype(np.float64)
    return np.asarray(darkest - np.percentile(darkness[around, column], 30, axis=0))


def _usual_contrast(darkness: ByteArray, regions: Sequence[RegionTruth]) -> float:
    points = np.concatenate([region.polyline_px[::25] for region in regions])
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        return 255.0
    return max(float(np.percentile(_contrast(darkness, points[:, 0], points[:, 1]), 60)), 10.0)


def save(tiles: Sequence[Tile], path: Path) -> None:
    """Write tiles to one file, whole or not at all; ``np.load`` opens it.

    Deflated at the lowest level: a fifth of the size, and read back in milliseconds.
    """
    with (
        written_whole(path) as unfinished,
        zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        for number, tile in enumerate(tiles):
            for field in fields(Tile):
                with archive.open(f"{number}.{field.name}.npy", "w") as member:
                    np.lib.format.write_array(member, getattr(tile, field.name))


class TileFile:
    """Tiles that stand in a file, read one by one."""

    def __init__(self, path: Path) -> None:
        self._archive = np.load(path, allow_pickle=False)
        self._count = len(self._archive.files) // len(fields(Tile))

    def __len__(self) -> int:
        """Return how many there are."""
        return self._count

    def __getitem__(self, number: int) -> Tile:
        """Read one."""
        if not 0 <= number < self._count:
            raise IndexError(number)
        return Tile(
            **{field.name: self._archive[f"{number}.{field.name}"] for field in fields(Tile)}
        )

    def __enter__(self) -> Self:
        """Keep the file open."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._archive.close()
