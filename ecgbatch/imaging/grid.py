"""The millimetre grid of a page: what its lattice measures, in millimetres.

``tiles`` finds a lattice, ``lattice`` follows it over the page, and here it gets its unit: which
of the frequencies that repeat belong to the 5-mm lines and which to the 1-mm lines between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ecgbatch.imaging.lattice import Lattice, fit_lattice, follow, remeasure
from ecgbatch.imaging.tiles import Family, Pair, Tiles, cut_tiles, find_pair, measure, misfit
from ecgbatch.types import ByteArray, DoubleArray

_PAGE_MM = (100.0, 440.0)
"""Longer side of what is scanned or photographed: from a cropped strip to two pages."""
_COHERENT = 0.45
"""Coherence below which nothing repeats."""
_SCATTER_CYCLES = 0.1
"""Grids, also faint and photographed ones, scatter by up to 0.09 of a period; pages without a grid
by 0.1 to 0.4 (measured by benchmarks/geometry.py)."""
_TRUSTED = 0.75
"""Coherence above which no other projection or pair of peaks is tried."""


_STRONG = 9.0
"""Median peak over floor that curved paper must show: a bend has terms enough to fit anything."""
_SHARP_PX = 0.4
"""Scatter of tiles below which no other view of flat paper is tried."""
_SKEWEST = 2.5
"""Largest misfit of the two families in the middle of a page; see ``misfit``."""
_FINE = 0.75
"""Coherence from which the 1-mm lines are good enough to be measured at."""
_ORDERS = ((2, 0.5, 0.3), (3, 0.5, 0.3), (4, 0.5, 0.3), (5, 0.5, 0.05), (10, 0.5, 0.05))
"""How many lines may make a period, with the least coherence and share of its lower harmonics:
those of bare 5-mm lines are as strong as the one that was followed."""
_COLOUR_TILES = 12
_MAJOR_MM = 5.0
_JPEG_BLOCK_PX = 16
_BLOCK_LEVELS = 4.0
"""Contrast that borders of blocks do not reach at a quality of 40."""
_PARTS_TRIED = 3


@dataclass(frozen=True, slots=True, eq=False)
class PaperGrid:
    """The grid of one page and where it lies.

    Attributes:
        lattice: From source pixels to millimetres on the paper; lines lie at whole numbers.
        major_known: Whether multiples of 5 are 5-mm lines.
        colour_rgb: ``(3,)`` how much red, green and blue a line takes from the paper, scaled to a
            length of 1; grey lines give three equal numbers.
        contrast: How many grey levels a line's fundamental takes from the paper.
        confidence: 0 to 1.
    """

    lattice: Lattice
    major_known: bool
    colour_rgb: DoubleArray
    contrast: float
    confidence: float


def find_grid(pixels: ByteArray, *, dpi_x: float, dpi_y: float) -> PaperGrid | None:
    """Measure the printed grid of a page, whatever its colour and however the page lies.

    Args:
        pixels: ``(row, column)`` or ``(row, column, 3)`` RGB uint8.
        dpi_x: Dots per inch across, NaN where unknown; helps to tell 1 mm from 5 mm.
        dpi_y: The same down.

    Returns:
        The grid, or None where nothing repeats at right angles.
    """
    image, factor = _reduce(pixels)
    ratio = dpi_x / dpi_y if dpi_x > 0 and dpi_y > 0 else 1.0
    found = _best_lattice(image, ratio, factor)
    if found is None or found.confidence < _COHERENT:
        return None
    lattice, tiles = found.lattice, found.tiles
    order = _order(tiles, lattice)
    period_mm = _period_mm(
        lattice, order, shape_px=image.shape[:2], factor=factor, dpi=(dpi_x + dpi_y) / 2
    )
    lattice, line_mm = _in_millimetres(tiles, lattice, image, cycle_mm=period_mm / order)
    phasor = _colour_phasor(tiles, lattice, image, per_mm=1 / line_mm)
    colour, contrast, origin_mm = _darkest(phasor, line_mm)
    if contrast < _BLOCK_LEVELS and _is_blocks(found, factor):
        return None
    major_known = period_mm >= _MAJOR_MM
    if major_known and line_mm == 1.0:
        origin_mm = _fifth(tiles, lattice, origin_mm)
    return PaperGrid(
        lattice=lattice.counted(1.0, origin_mm).enlarged(factor),
        major_known=major_known,
        colour_rgb=colour,
        contrast=contrast,
        confidence=found.confidence,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """A lattice, and how far it is to be believed.

    Attributes:
        lattice: In pixels of the reduced page.
        tiles: What it was found in.
        confidence: 0 to 1.
        scatter_px: Spread of the tiles that agree.
    """

    lattice: Lattice
    tiles: Tiles
    confidence: float
    scatter_px: float

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


def _judged(tiles: Tiles, across: Family, down: Family) -> _Found | None:
    """Fit a lattice, or None for what no paper can be.

    Tiles that agree still scatter where they show traces or words instead of lines, and a plane
    through such phases is skewed or stretched.
    """
    lattice = fit_lattice(tiles, across, down)
    if lattice is None or lattice.residual_cycles.max() > _SCATTER_CYCLES:
        return None
    if not lattice.is_flat and lattice.strength.min() < _STRONG:
        return None
    waves = lattice.waves(tiles.centre_px.mean(axis=0, keepdims=True))[0]
    if not misfit(waves[:1], waves[1:], pixel_ratio=1.0)[0, 0] < _SKEWEST:
        return None
    scatter_px = float((lattice.residual_cycles / np.hypot(*waves.T)).max())
    return _Found(lattice, tiles, float(lattice.coherence.min()), scatter_px)


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
    views = []
    trusted = False
    for view in _projections(image):
        tiles = cut_tiles(view, size_px=_tile_side(view))
        views.append(tiles)
        pair = find_pair(tiles, pixel_ratio=ratio, block_px=_JPEG_BLOCK_PX / factor)
        if pair is not None:
            found = _judged(tiles, measure(tiles, pair.across), measure(tiles, pair.down))
            trusted |= found is not None and found.confidence > _TRUSTED
            yield found
    for tiles in [] if trusted else views:
        for start, pair in _pairs_of_parts(tiles, ratio):
            yield _judged(
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


def _reduce(pixels: ByteArray) -> tuple[ByteArray, int]:
    """Shrink by a whole factor to 1260 to 2520 px along the longer side.

    A page of 280 mm then has at least 4.5 px per mm, enough for 1-mm lines; whole factors keep
    the reduction cheap and free of beats.
    """
    rows, columns = pixels.shape[:2]
    factor = max(1, max(rows, columns) // 1260)
    if factor == 1:
        return pixels, 1
    size = (columns // factor, rows // factor)
    whole = pixels[: size[1] * factor, : size[0] * factor]
    return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA)), factor


def _tile_side(image: ByteArray) -> int:
    """Return a tenth of the page, 20 to 40 mm: four large squares, yet flat on curved paper."""
    rows, columns = image.shape
    side = int(np.clip(round(max(rows, columns) / 160) * 16, 96, 256))
    return int(min(side, rows // 2 * 2, columns // 2 * 2))


def _projections(image: ByteArray) -> Iterator[ByteArray]:
    """Yield pictures in which a grid may stand out: by its colour, then by its darkness.

    The colour is the direction in which neighbouring pixels differ most once all grey is taken
    away; ink is grey, and so is the noise of a sensor.
    """
    if image.ndim == 3:
        step = image[::7, 2::5].astype(np.float32) - image[::7, :-2:5]
        step = step.reshape(-1, 3)
        step = np.clip(step, -60, 60)
        grey = np.full((3, 3), 1 / 3)
        tint = step @ (np.eye(3) - grey)
        _, directions = np.linalg.eigh(tint.T @ tint)
        direction = directions[:, 2] / np.abs(directions[:, 2]).max()
        if tint.std() > 0.3:
            yield cv2.transform(image, np.array([[*direction, 128.0]], np.float32))
        yield _plain(image)
    else:
        yield image


# --------------------------------------------------------------------------------------- its unit


@dataclass(frozen=True, slots=True, eq=False)
class _Harmonics:
    """Coherent sums over all tiles at multiples of a frequency.

    Attributes:
        phasor: ``(family, multiple)`` complex mean, in units of the tiles' floors.
        coherence: ``(family, multiple)`` 0 to 1.
    """

    phasor: npt.NDArray[np.complex128]
    coherence: DoubleArray


def _harmonics(tiles: Tiles, lattice: Lattice, multiples: DoubleArray) -> _Harmonics:
    counts = lattice.cycles(tiles.centre_px)
    waves = lattice.waves(tiles.centre_px) * tiles.size_px  # (tile, family, xy)
    bins = np.round(waves[:, :, None, :] * multiples[:, None]).astype(np.int64)
    inside = (np.abs(bins) < tiles.size_px // 2).all(axis=-1)
    value = tiles.at(bins[..., 1], bins[..., 0]) / tiles.floor[:, None, None]
    value = np.where(inside, value, 0)
    turned = value * np.exp(-2j * np.pi * counts[:, :, None] * multiples)
    total = np.abs(value).sum(axis=0) + 1e-9
    return _Harmonics(turned.mean(axis=0), np.abs(turned.sum(axis=0)) / total)


def _period_mm(
    lattice: Lattice, order: int, *, shape_px: tuple[int, ...], factor: int, dpi: float
) -> float:
    """Return the length of the longest period that repeats, from what pages and scanners are."""
    middle = np.array([[shape_px[1] / 2, shape_px[0] / 2]])
    period_px = float(order / np.hypot(*lattice.waves(middle)[0].T).mean())
    longer = max(shape_px) / period_px
    units = {
        1: (1.0, 5.0),
        2: (5.0, 10.0),
        3: (5.0,),
        4: (5.0,),
        5: (5.0, 25.0),
        10: (5.0, 10.0),
    }[order]
    costs = [_implausible(longer * unit, factor * period_px / unit, dpi) for unit in units]
    return units[int(np.argmin(costs))]


def _in_millimetres(
    tiles: Tiles, lattice: Lattice, image: ByteArray, *, cycle_mm: float
) -> tuple[Lattice, float]:
    """Count in millimetres, measured again at the 1-mm lines where those repeat.

    JPEG keeps colour at half the resolution of light, so fine lines may show in grey alone.

    Returns:
        The lattice in millimetres, and the distance of the lines that it was measured at.
    """
    coarse = lattice.counted(cycle_mm, np.zeros(2))
    if cycle_mm == 1.0:
        return coarse, 1.0
    views = [tiles]
    if image.ndim == 3:
        views.append(cut_tiles(_plain(image), size_px=tiles.size_px))
    for view in views:
        if _harmonics(view, coarse, np.ones(1)).coherence.min() > _FINE:
            finer = remeasure(view, coarse, times=1.0)
            if finer.coherence.min() > _FINE:
                return finer, 1.0
    if cycle_mm != 5.0:
        coarse = remeasure(tiles, coarse, times=0.2).counted(5.0, np.zeros(2))
    return coarse, 5.0


def _plain(image: ByteArray) -> ByteArray:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))


def _colour_phasor(
    tiles: Tiles, lattice: Lattice, image: ByteArray, *, per_mm: float
) -> npt.NDArray[np.complex128]:
    """Return ``(family, channel)`` sums of the picture's own channels over the lines.

    The strongest tiles are enough: every pixel of theirs is weighed with a wave that is in step
    with the lattice, so that neither ink nor paper nor another colour's noise remains.
    """
    strength = _strength(tiles, lattice, per_mm)
    half = tiles.size_px // 2
    at = np.arange(-half, half)
    window = np.hanning(tiles.size_px + 1)[:-1]
    chosen = np.argsort(strength)[::-1][:_COLOUR_TILES]
    total = np.zeros((2, 3 if image.ndim == 3 else 1), np.complex128)
    for number in chosen:
        x, y = (round(float(part)) for part in tiles.centre_px[number])
        patch = image[y - half : y + half, x - half : x + half].astype(np.float32)
        patch = patch.reshape(tiles.size_px, -1)
        middle = tiles.centre_px[number][None]
        counts, waves = lattice.cycles(middle)[0], lattice.waves(middle)[0]
        for family in (0, 1):
            wave = -2j * np.pi * per_mm * waves[family]
            across, down = window * np.exp(wave[0] * at), window * np.exp(wave[1] * at)
            rows = np.stack([down.real, down.imag]).astype(np.float32) @ patch
            value = across @ (rows[0] + 1j * rows[1]).reshape(tiles.size_px, -1)
            total[family] += value * np.exp(-2j * np.pi * per_mm * counts[family])
    # a cosine of amplitude 1 gives half the sum of the window
    return np.asarray(total / (len(chosen) * float(window.sum()) ** 2 / 2))


def _strength(tiles: Tiles, lattice: Lattice, per_mm: float) -> DoubleArray:
    bins = np.round(lattice.waves(tiles.centre_px) * tiles.size_px * per_mm).astype(np.int64)
    value = np.abs(tiles.at(bins[..., 1], bins[..., 0]))
    return np.asarray(value.min(axis=1))


def _darkest(
    phasor: npt.NDArray[np.complex128], line_mm: float
) -> tuple[DoubleArray, float, DoubleArray]:
    """Return colour, contrast and place of the lines: where the paper loses most light."""
    channel = int(np.argmax(np.abs(phasor).sum(axis=0)))
    angle = np.angle(phasor[:, channel])
    origin_mm = (np.pi - angle) / (2 * np.pi) * line_mm
    taken = (phasor * np.exp(-1j * angle)[:, None]).real
    colour = taken.mean(axis=0)
    contrast = float(np.linalg.norm(colour))
    colour = np.broadcast_to(colour / (contrast or 1.0), (3,)) if colour.size == 1 else colour
    return colour / (np.linalg.norm(colour) or 1.0), contrast, origin_mm


def _fifth(tiles: Tiles, lattice: Lattice, origin_mm: DoubleArray) -> DoubleArray:
    """Move the origin to a heavier line: the one of five with most of the lower harmonics."""
    parts = np.arange(1, 5) / 5
    phasor = _harmonics(tiles, lattice, parts).phasor
    moved = origin_mm[:, None, None] + np.arange(5)[:, None]  # (family, line, 1)
    weight = (phasor[:, None, :] * np.exp(2j * np.pi * parts * moved)).real.sum(axis=-1)
    # the view may show lines light or dark; either way four lines are alike and one is not
    heavier = np.abs(weight)
    return np.asarray(origin_mm + np.argmax(heavier, axis=1))


def _order(tiles: Tiles, lattice: Lattice) -> int:
    """Return n where the lines that were followed are the n-th harmonic of a longer period.

    A period of n lines shows at every n-th part of the frequency, in both families and in step
    over the whole page: five for 1-mm lines with a heavier fifth (ten where dots stand half a
    millimetre apart), two to four where a harmonic of bare 5-mm lines was followed.
    """
    enough = max(0.35, 2.8 / np.sqrt(len(tiles.floor)))
    order = 1
    for candidate, coherent, ratio in _ORDERS:
        parts = np.arange(1, candidate + 1) / candidate
        found = _harmonics(tiles, lattice, parts)
        size = np.abs(found.phasor)
        share = size[:, :-1].mean(axis=1) / size[:, -1]
        ends = found.coherence[:, [0, -2]].min()
        if ends > max(enough, coherent) and share.min() > ratio:
            order = candidate
    return order


def _implausible(long_mm: float, px_per_mm: float, dpi: float) -> float:
    """Return how unlikely a unit is: a page far too small or too large, or unlike its tags."""
    low, high = _PAGE_MM
    cost = 3 * max(0.0, np.log(low / long_mm), np.log(long_mm / high))
    cost += 0.3 * abs(np.log(long_mm / 280))  # A4 and letter, where nothing else decides
    if dpi > 0 and round(dpi) not in {72, 96}:  # what software writes that does not know
        cost += min(2.0, 10 * abs(np.log(px_per_mm * 25.4 / dpi)))
    return float(cost)
