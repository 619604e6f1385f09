"""The millimetre grid of a page: what its lattice measures, in millimetres.

``tiles`` finds a lattice, ``lattice`` follows it over the page, ``periods`` gives it its unit. Here
views of the page and parts of it are tried until one lattice is beyond doubt.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ecgbatch.imaging.colour import to_grey
from ecgbatch.imaging.lattice import Lattice, fit_lattice, follow, remeasure
from ecgbatch.imaging.pairs import Pair, find_pair, misfit
from ecgbatch.imaging.periods import (
    colour_phasor,
    cycles_mm,
    darkest,
    heavier_line,
    in_millimetres,
    plain_grey,
)
from ecgbatch.imaging.reduced import ReducedPage
from ecgbatch.imaging.tiles import Family, Tiles, cut_tiles, measure
from ecgbatch.types import ByteArray, DoubleArray

_COHERENT = 0.45
"""Coherence below which nothing repeats."""
_SCATTER_CYCLES = 0.1
"""Scatter of tiles that agree: grids, also faint and photographed ones, stay below 0.09 of a
period, traces and text without a grid give 0.1 to 0.4."""
_TRUSTED = 0.75
"""Coherence above which no other projection or pair of peaks is tried."""
_STRONG = 9.0
"""Median peak over floor that curved paper must show: a bend has terms enough to fit anything."""
_UNEVEN = 15.0
"""How much stronger one family may be: both are printed alike, real pages stay below 1.5; a test
chart or a table has lines of one direction alone, and anything repeats a little."""
_PRINTED_SHARE = 1 / 8
"""Share of a page that a grid covers at least; a bar code imitates one on less."""
_SHARP_PX = 0.4
"""Scatter of tiles below which no other view of flat paper is tried."""
_SKEWEST = 2.5
"""Largest misfit of the two families in the middle of a page; see ``misfit``."""
_LEAST_CYCLES = 2.0
"""Lines in a tile; fewer are looked for by nobody, and a fit through outliers may have none."""
_JPEG_BLOCK_PX = 16
_BLOCK_LEVELS = 4.0
"""Contrast that borders of blocks do not reach at a quality of 40."""
_PARTS_TRIED = 3


@dataclass(frozen=True, slots=True, eq=False)
class PaperGrid:
    """The grid of one page and where it lies.

    Attributes:
        lattice: From source pixels to millimetres on the paper; lines lie at whole numbers.
        units: By how much its millimetre may be longer than was taken for likeliest, 1 first.
        major_known: Whether multiples of 5 are 5-mm lines.
        colour_rgb: ``(3,)`` how much red, green and blue a line takes from the paper, scaled to a
            length of 1; grey lines give three equal numbers.
        contrast: How many grey levels a line's fundamental takes from the paper.
        confidence: 0 to 1.
    """

    lattice: Lattice
    units: tuple[float, ...]
    major_known: bool
    colour_rgb: DoubleArray
    contrast: float
    confidence: float


def find_grid(page: ReducedPage, *, dpi_x: float, dpi_y: float) -> PaperGrid | None:
    """Measure the printed grid of a page, whatever its colour and however the page lies.

    Args:
        page: The page, reduced; the grid is told in pixels of the page that it was made from.
        dpi_x: Dots per inch across, NaN where unknown; helps to tell 1 mm from 5 mm.
        dpi_y: The same down.

    Returns:
        The grid, or None where nothing repeats at right angles.
    """
    image, factor = page.pixels, page.factor
    ratio = dpi_x / dpi_y if dpi_x > 0 and dpi_y > 0 else 1.0
    found = _best_lattice(image, ratio, factor)
    if found is None or found.confidence < _COHERENT:
        return None
    lattice, tiles = found.lattice, found.tiles
    lengths_mm, major_known = cycles_mm(
        tiles, lattice, shape_px=image.shape[:2], factor=factor, dpi=(dpi_x + dpi_y) / 2
    )
    unseen = image if found.by_colour else None
    lattice, line_mm = in_millimetres(tiles, lattice, unseen, cycle_mm=lengths_mm[0])
    phasor = colour_phasor(tiles, lattice, image, per_mm=1 / line_mm, by_colour=found.by_colour)
    colour, contrast, origin_mm = darkest(phasor, line_mm)
    if contrast < _BLOCK_LEVELS and _is_blocks(found, factor):
        return None
    if major_known and line_mm == 1.0:
        origin_mm = heavier_line(tiles, lattice, origin_mm)
    return PaperGrid(
        lattice=lattice.counted(1.0, origin_mm).enlarged(factor),
        units=tuple(length / lengths_mm[0] for length in lengths_mm),
        major_known=major_known,
        colour_rgb=colour,
        contrast=contrast,
        confidence=found.confidence,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """A picture in which a grid may stand out.

    Attributes:
        pixels: ``(row, column)`` uint8.
        by_colour: Whether it shows how far the page has a colour, and not how light it is.
    """

    pixels: ByteArray
    by_colour: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """A lattice, and how far it is to be believed.

    Attributes:
        lattice: In pixels of the reduced page.
        tiles: What it was found in.
        confidence: 0 to 1.
        scatter_px: Spread of the tiles that agree.
        by_colour: Whether the tiles show colour instead of lightness.
    """

    lattice: Lattice
    tiles: Tiles
    confidence: float
    scatter_px: float
    by_colour: bool

    @property
    def settled(self) -> bool:
        """Whether nothing better need be looked for."""
        return self.confidence > _TRUSTED and self.lattice.is_flat and self.scatter_px < _SHARP_PX

    @property
    def rank(self) -> tuple[int, bool, float]:
        """Order among lattices: the clearly more coherent, then the flat, then the sharper one.

        JPEG keeps colour at half the resolution of light and moves it by parts of a pixel, which
        looks like a bend of the paper.
        """
        return int(10 * self.confidence), self.lattice.is_flat, -self.scatter_px


def _judged(view: _View, tiles: Tiles, across: Family, down: Family) -> _Found | None:
    """Fit a lattice, or None for what no paper can be.

    A bend is measured by tiles that stray, or holds where those scatter too far to tell.

    Tiles that agree still scatter where they show traces or words instead of lines, and a plane
    through such phases is skewed or stretched.
    """
    lattice = fit_lattice(tiles, across, down)
    if lattice is not None and not lattice.is_flat:
        strayed = cut_tiles(view.pixels, size_px=tiles.size_px, strayed=True)
        again = remeasure(strayed, lattice, times=1.0)
        if again.residual_cycles.max() <= _SCATTER_CYCLES:
            tiles, lattice = strayed, again
    if lattice is None or lattice.residual_cycles.max() > _SCATTER_CYCLES:
        return None
    if not lattice.is_flat and lattice.strength.min() < _STRONG:
        return None
    waves = lattice.waves(tiles.centre_px.mean(axis=0, keepdims=True))[0]
    if not _is_printed(lattice, tiles, waves):
        return None
    scatter_px = float((lattice.residual_cycles / np.hypot(*waves.T)).max())
    confidence = float(lattice.coherence.min())
    return _Found(lattice, tiles, confidence, scatter_px, view.by_colour)


def _is_printed(lattice: Lattice, tiles: Tiles, waves: DoubleArray) -> bool:
    """Say whether two families are alike and on enough of a page; ``waves`` are its middle's."""
    if lattice.strength.max() > _UNEVEN * max(lattice.strength.min(), 1.0):
        return False
    if lattice.tiles_used.min() < _PRINTED_SHARE * len(tiles.centre_px):
        return False
    if np.hypot(*waves.T).min() < _LEAST_CYCLES / tiles.size_px:
        return False
    return bool(misfit(waves[:1], waves[1:], pixel_ratio=1.0)[0, 0] < _SKEWEST)


def _is_blocks(found: _Found, factor: int) -> bool:
    """Say whether a lattice is that of JPEG's blocks: on the axes, whole periods in 16 px."""
    middle = found.tiles.centre_px.mean(axis=0, keepdims=True)
    waves = np.abs(found.lattice.waves(middle)[0]) * _JPEG_BLOCK_PX / factor
    return bool((np.abs(waves - np.round(waves)) < 0.01).all())


def _best_lattice(image: ByteArray, ratio: float, factor: int) -> _Found | None:
    """Return the best lattice of all views; the costly search comes last.

    Spectra of the whole page are averaged first. On a photograph lines draw together with
    distance and the average blurs, so parts of the page are tried and followed outwards.
    """
    best: _Found | None = None
    for found in _search(image, ratio, factor):
        if found is not None and (best is None or found.rank > best.rank):
            best = found
        if best is not None and best.settled:
            break
    return best


def _search(image: ByteArray, ratio: float, factor: int) -> Iterator[_Found | None]:
    views: list[tuple[_View, Tiles]] = []
    trusted = False
    for view in _views(image):
        tiles = cut_tiles(view.pixels, size_px=_tile_side(view.pixels))
        views.append((view, tiles))
        pair = find_pair(tiles, pixel_ratio=ratio, block_px=_JPEG_BLOCK_PX / factor)
        if pair is not None:
            found = _judged(view, tiles, measure(tiles, pair.across), measure(tiles, pair.down))
            trusted |= found is not None and found.confidence > _TRUSTED
            yield found
    for view, tiles in [] if trusted else views:
        for start, pair in _pairs_of_parts(tiles, ratio):
            yield _judged(
                view,
                tiles,
                follow(tiles, pair.across, start=start),
                follow(tiles, pair.down, start=start),
            )


def _pairs_of_parts(tiles: Tiles, ratio: float) -> list[tuple[int, Pair]]:
    """Return the best pairs of parts of 3 x 3 tiles, with the tile in each part's middle."""
    found = []
    last = tiles.cell.max(axis=0)
    for x in range(1, max(2, last[0]), 2):
        for y in range(1, max(2, last[1]), 2):
            among = np.flatnonzero((np.abs(tiles.cell - (x, y)) <= 1).all(axis=1))
            pair = find_pair(tiles, pixel_ratio=ratio, among=among)
            if pair is not None:
                found.append((int(among[len(among) // 2]), pair))
    return sorted(found, key=lambda each: each[1].score, reverse=True)[:_PARTS_TRIED]


def _tile_side(image: ByteArray) -> int:
    """Return a tenth of the page, 20 to 40 mm: four large squares, yet flat on curved paper."""
    rows, columns = image.shape
    side = int(np.clip(round(max(rows, columns) / 160) * 16, 96, 256))
    return int(min(side, rows // 2 * 2, columns // 2 * 2))


def _views(image: ByteArray) -> Iterator[_View]:
    """Yield pictures in which a grid may stand out: by its darkness, then by its colour.

    JPEG keeps colour at half the resolution of light, and moves it by parts of a pixel, so that
    a grid that shows in both is sharper in grey. The colour is the direction in which neighbouring
    pixels differ most once all grey is taken away; ink is grey, and so is the noise of a sensor.
    """
    if image.ndim == 2:
        yield _View(image)
        return
    yield _View(plain_grey(image))
    step = image[::7, 2::5].astype(np.float32) - image[::7, :-2:5]
    step = step.reshape(-1, 3)
    step = np.clip(step, -60, 60)
    grey = np.full((3, 3), 1 / 3)
    tint = step @ (np.eye(3) - grey)
    if tint.std() > 0.3:
        _, directions = np.linalg.eigh(tint.T @ tint)
        direction = directions[:, 2] / np.abs(directions[:, 2]).max()
        yield _View(to_grey(image, np.append(direction, 128.0)), by_colour=True)
