"""From phases of tiles to one map of the page: counting lines, fitting a plane, keeping the rest.

The lattice is a map from pixels to two counts of lines. On flat paper under a camera it is a
homography; what paper adds by bending is smooth and is kept as a field on top of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from heapq import heappop, heappush

import numpy as np
import numpy.typing as npt

from ecgbatch.imaging.bend import Bend, fit_bend
from ecgbatch.imaging.fitting import fit_plane, normalised, project, solve, spread
from ecgbatch.imaging.ranks import median
from ecgbatch.imaging.tiles import GOOD_STRENGTH, Family, IntArray, Tiles, measure
from ecgbatch.types import DoubleArray

BoolArray = npt.NDArray[np.bool_]

_LEAST_BEND_CYCLES = 0.05
"""Half a pixel of a rectified page, where lines stand a millimetre apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """Where each pixel lies in the lattice, in periods of the two families.

    Attributes:
        to_cycles: ``(3, 3)`` homography from pixels to counts of lines ``(across, down)``.
        bend: What curved paper adds, None on flat pages.
        coherence: ``(2,)`` length of the mean phasor of each family, 1 for a perfect grid; a page
            without a grid gives about 0.3.
        residual_cycles: ``(2,)`` robust standard deviation of the tiles that agree.
        tiles_used: ``(2,)`` how many tiles carry each family.
        strength: ``(2,)`` median over all tiles of the peak, in units of a tile's floor.
    """

    to_cycles: DoubleArray
    bend: Bend | None
    coherence: DoubleArray
    residual_cycles: DoubleArray
    tiles_used: npt.NDArray[np.int64]
    strength: DoubleArray

    def cycles(self, points_px: DoubleArray) -> DoubleArray:
        """Return ``(n, 2)`` counts of lines at ``(n, 2)`` pixels."""
        counted = project(self.to_cycles, points_px)
        return counted if self.bend is None else counted + self.bend.at(points_px)

    def to_mm(self, points_px: DoubleArray) -> DoubleArray:
        """Return millimetres on the paper, for a lattice that counts in millimetres."""
        return self.cycles(points_px)

    def to_px(self, points_mm: DoubleArray) -> DoubleArray:
        """Return ``(n, 2)`` pixels at ``(n, 2)`` millimetres: the inverse of ``to_mm``."""
        flat = project(self.flat_to_px, points_mm)
        if self.bend is None:
            return flat
        found = flat
        for _ in range(4):  # the bend is a fraction of a tile: substitution contracts quickly
            found = project(self.flat_to_px, points_mm - self.bend.at(found))
        return found

    @property
    def flat_to_px(self) -> DoubleArray:
        """``(3, 3)`` homography from millimetres to pixels, without the bend."""
        return np.asarray(np.linalg.inv(self.to_cycles))

    @property
    def is_flat(self) -> bool:
        """Whether the homography is all there is."""
        return self.bend is None

    def waves(self, points_px: DoubleArray) -> DoubleArray:
        """Return ``(n, 2, 2)`` wave vectors of both families, cycles per pixel."""
        step = 0.5
        columns = []
        for axis in np.eye(2) * step:
            ahead, behind = self.cycles(points_px + axis), self.cycles(points_px - axis)
            columns.append((ahead - behind) / (2 * step))
        return np.stack(columns, axis=-1)

    def counted(self, scale: float, origin_cycles: DoubleArray) -> Lattice:
        """Return the lattice with counts that start at ``origin_cycles``, in other units."""
        shift = np.diag([scale, scale, 1.0])
        shift[:2, 2] = -scale * origin_cycles
        bend = self.bend and replace(self.bend, coefficients=self.bend.coefficients * scale)
        spread = self.residual_cycles * scale
        return replace(self, to_cycles=shift @ self.to_cycles, bend=bend, residual_cycles=spread)

    def enlarged(self, factor: int) -> Lattice:
        """Return the lattice of a picture ``factor`` times as fine as the one it was found in."""
        middle = (factor - 1) / 2  # pixels are counted at their middles
        shrink = np.diag([1 / factor, 1 / factor, 1.0])
        shrink[:2, 2] = -middle / factor
        bend = self.bend and replace(
            self.bend,
            centre_px=self.bend.centre_px * factor + middle,
            scale_px=self.bend.scale_px * factor,
        )
        return replace(self, to_cycles=self.to_cycles @ shrink, bend=bend)


def follow(tiles: Tiles, vector: DoubleArray, *, start: int) -> Family:
    """Measure a family outwards from one tile, as lines draw together with distance.

    Args:
        tiles: Spectra.
        vector: ``(kx, ky)`` around the tile ``start``, in cycles per tile.
        start: Number of that tile.
    """
    away = np.hypot(*(tiles.cell - tiles.cell[start]).T)
    expected = np.broadcast_to(vector, tiles.centre_px.shape)
    for radius in (1.5, 3.0, 5.0):
        near = np.flatnonzero(away <= radius)
        family = measure(tiles, expected)
        known = Family(family.wave[near], family.phase[near], family.strength[near])
        expected = _smooth_wave(tiles.centre_px, known, at=near) * tiles.size_px
    return measure(tiles, expected, reach=0.05)


def fit_lattice(tiles: Tiles, across: Family, down: Family) -> Lattice | None:
    """Count lines from tile to tile and fit the map of the page.

    Args:
        tiles: Where the tiles lie.
        across: Family of the upright lines.
        down: Family of the level lines.

    Returns:
        The map, or None where too few tiles hang together.
    """
    counts, known = zip(
        *(_count(tiles, family) for family in (across, down)),
        strict=True,
    )
    if min(reached.sum() for reached in known) < 3:
        return None
    first = _settle(
        tiles, across, down, np.column_stack(counts), known=np.column_stack(known), passes=2
    )
    return remeasure(tiles, first, times=1.0)


def remeasure(tiles: Tiles, lattice: Lattice, *, times: float, flat: bool = False) -> Lattice:
    """Read the phases again at the frequency that the fit expects, and fit them.

    A tile that is half bare, or crossed by a ruled line, has its highest peak elsewhere; at the
    expected place it still shows the grid.

    Args:
        tiles: Spectra.
        lattice: A fit that is right to a fraction of a line.
        times: Which multiple of its frequency to read.
        flat: Whether the paper is known to be flat.
    """
    waves = lattice.waves(tiles.centre_px) * times * tiles.size_px
    across, down = (measure(tiles, waves[:, axis], reach=0.0) for axis in (0, 1))
    expected = lattice.cycles(tiles.centre_px) * times
    phase = np.column_stack([across.phase, down.phase])
    value = phase + np.round(expected - phase)
    known = _agree(value - expected)
    return _settle(tiles, across, down, value, known=known, passes=1 if flat else 2, flat=flat)


def _settle(
    tiles: Tiles,
    across: Family,
    down: Family,
    value: DoubleArray,
    *,
    known: BoolArray,
    passes: int,
    flat: bool = False,
) -> Lattice:
    """Fit plane and bend to counts; let every tile join at the whole number nearest to the fit."""
    phase = np.column_stack([across.phase, down.phase])
    strength = np.column_stack([across.strength, down.strength])
    weight = strength.clip(0, 4 * GOOD_STRENGTH)
    for _ in range(passes):
        matrix = fit_plane(tiles.centre_px, value, weight * known)
        expected = project(matrix, tiles.centre_px)
        bend = None if flat else fit_bend(tiles.centre_px, value - expected, weight * known)
        if bend is not None:
            expected = expected + bend.at(tiles.centre_px)
        value = phase + np.round(expected - phase)
        known = _agree(value - expected)
    if bend is not None and np.abs(bend.at(tiles.centre_px)).max() < _LEAST_BEND_CYCLES:
        bend, expected = None, project(matrix, tiles.centre_px)
    off = value - expected
    strong = weight * (strength > 0.5 * GOOD_STRENGTH)
    coherence = np.abs((strong * np.exp(2j * np.pi * off)).sum(axis=0))
    coherence /= strong.sum(axis=0) + 1e-9
    agree = known & (strong > 0)
    scatter = [spread(off[agree[:, axis], axis]) for axis in (0, 1)]
    return Lattice(
        to_cycles=matrix,
        bend=bend,
        coherence=coherence,
        residual_cycles=np.array(scatter),
        tiles_used=agree.sum(axis=0),
        strength=np.median(strength, axis=0),
    )


def _agree(off_cycles: DoubleArray) -> BoolArray:
    spread = 1.48 * np.median(np.abs(off_cycles), axis=0)
    return np.asarray(np.abs(off_cycles) <= np.maximum(0.05, 3 * spread))


def _smooth_wave(
    points_px: DoubleArray, family: Family, *, at: IntArray | None = None
) -> DoubleArray:
    """Return wave vectors at all points as a linear field, fitted with outliers left out.

    Args:
        points_px: ``(tile, 2)`` middles of all tiles.
        family: Measured waves.
        at: Which tiles those are; all by default.
    """
    u = normalised(points_px)[0]
    everywhere = np.column_stack([np.ones(len(u)), u])
    design = everywhere if at is None else everywhere[at]
    weight = family.strength.clip(0, 4 * GOOD_STRENGTH) ** 2
    start = int(np.argmax(weight))
    smooth = np.broadcast_to(np.median(family.wave, axis=0), family.wave.shape)
    if len(weight) < 12:  # too few for a median to know better than the strongest
        smooth = np.broadcast_to(family.wave[start], family.wave.shape)
    found = np.zeros((3, 2))
    for _ in range(6):
        off = np.hypot(*(family.wave - smooth).T)
        scale = median(off) + 1e-6
        trust = weight / (1 + (off / scale) ** 2) ** 2
        found = solve(design, family.wave, trust, ridge=1e-4)
        smooth = design @ found
    return np.asarray(everywhere @ found)


def _count(tiles: Tiles, family: Family) -> tuple[DoubleArray, BoolArray]:
    """Count cycles from the strongest tile outwards, always over the best bridge that is left."""
    wave = _smooth_wave(tiles.centre_px, family)
    count = len(tiles.floor)
    places = {tuple(cell): number for number, cell in enumerate(tiles.cell.tolist())}
    local = family.wave
    close = np.hypot(*(local - wave).T) < 0.05 * np.hypot(*wave.T)
    local = np.where(close[:, None], local, wave)
    strength = np.where(close, family.strength, 0.0)
    counted = np.zeros(count)
    reached = np.zeros(count, bool)
    start = int(np.argmax(strength))
    counted[start], reached[start] = family.phase[start], True
    bridges: list[tuple[float, int, int]] = []

    def look_around(tile: int) -> None:
        column, row = tiles.cell[tile]
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                other = places.get((column + dx, row + dy))
                if other is not None and not reached[other]:
                    grip = min(strength[tile], strength[other])
                    if grip > 0.5 * GOOD_STRENGTH:
                        heappush(bridges, (-grip, tile, other))

    look_around(start)
    while bridges:
        _, tile, other = heappop(bridges)
        if reached[other]:
            continue
        way = tiles.centre_px[other] - tiles.centre_px[tile]
        expected = counted[tile] + float(way @ (local[tile] + local[other])) / 2
        counted[other] = family.phase[other] + round(expected - family.phase[other])
        reached[other] = True
        look_around(other)
    return counted, reached
