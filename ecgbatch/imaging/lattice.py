"""From phases of tiles to one map of the page: counting lines, fitting a plane, keeping the rest.

The lattice is a map from pixels to two counts of lines. On flat paper under a camera it is a
homography; what paper adds by bending is smooth and is kept as a field on top of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from heapq import heappop, heappush

import numpy as np
import numpy.typing as npt

from ecgbatch.imaging.tiles import Family, Tiles
from ecgbatch.types import DoubleArray

BoolArray = npt.NDArray[np.bool_]

_GOOD_STRENGTH = 6.0
"""Peak over floor from which a tile may start or carry the count of lines."""


@dataclass(frozen=True, slots=True, eq=False)
class Bend:
    """Smooth field of what a homography leaves: two polynomials in normalised page coordinates.

    Attributes:
        coefficients: ``(term, 2)`` cycles.
        centre_px: Origin of the coordinates.
        scale_px: Unit of the coordinates.
        reach: ``(2, 2)`` lowest and highest coordinates that were measured; beyond them the field
            keeps its border value instead of running away.
    """

    coefficients: DoubleArray
    centre_px: DoubleArray
    scale_px: float
    reach: DoubleArray

    def at(self, points_px: DoubleArray) -> DoubleArray:
        """Return ``(n, 2)`` cycles to add at ``(n, 2)`` pixels."""
        u = np.clip((points_px - self.centre_px) / self.scale_px, self.reach[0], self.reach[1])
        return _terms(u) @ self.coefficients


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
    """

    to_cycles: DoubleArray
    bend: Bend | None
    coherence: DoubleArray
    residual_cycles: DoubleArray
    tiles_used: npt.NDArray[np.int64]

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


def project(matrix: DoubleArray, points: DoubleArray) -> DoubleArray:
    """Apply a ``(3, 3)`` homography to ``(n, 2)`` points."""
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray(moved[:, :2] / moved[:, 2:])


def fit_lattice(tiles: Tiles, across: Family, down: Family) -> Lattice | None:
    """Count lines from tile to tile and fit the map of the page.

    Args:
        tiles: Where the tiles lie.
        across: Family of the upright lines.
        down: Family of the level lines.

    Returns:
        The map, or None where too few tiles hang together.
    """
    counts = []
    used = []
    for family in (across, down):
        start = _smooth_wave(tiles, family)
        counted, reached = _count(tiles, family, start)
        if reached.sum() < 3:
            return None
        counts.append(counted)
        used.append(reached)
    weight = _weight(across, down)
    matrix = _fit_plane(tiles.centre_px, np.column_stack(counts), weight * np.column_stack(used))
    return _settle(tiles, across, down, project(matrix, tiles.centre_px), passes=3)


def refit(tiles: Tiles, across: Family, down: Family, expected_cycles: DoubleArray) -> Lattice:
    """Fit again where the counts are known to a fraction of a line.

    Args:
        tiles: Where the tiles lie.
        across: Family of the upright lines, measured at the new frequency.
        down: Family of the level lines.
        expected_cycles: ``(tile, 2)`` counts in periods of that frequency.
    """
    return _settle(tiles, across, down, expected_cycles, passes=1)


def _weight(across: Family, down: Family) -> DoubleArray:
    return np.column_stack([across.strength, down.strength]).clip(0, 4 * _GOOD_STRENGTH)


def _settle(
    tiles: Tiles, across: Family, down: Family, expected: DoubleArray, *, passes: int
) -> Lattice:
    """Move every tile by the whole number of cycles that brings it nearest to the fit; fit."""
    weight = _weight(across, down)
    phase = np.column_stack([across.phase, down.phase])
    value = phase + np.round(expected - phase)
    matrix = np.eye(3)
    for _ in range(passes):
        matrix = _fit_plane(tiles.centre_px, value, weight * _agree(value - expected))
        expected = project(matrix, tiles.centre_px)
        value = phase + np.round(expected - phase)
    bend = _fit_bend(tiles, value - expected, weight)
    if bend is not None:
        expected = expected + bend.at(tiles.centre_px)
        value = phase + np.round(expected - phase)
    off = value - expected
    strong = weight * (np.column_stack([across.strength, down.strength]) > 0.5 * _GOOD_STRENGTH)
    coherence = np.abs((strong * np.exp(2j * np.pi * off)).sum(axis=0)) / (
        strong.sum(axis=0) + 1e-9
    )
    agree = _agree(off) & (strong > 0)
    spread = np.array(
        [
            1.48 * np.median(np.abs(off[agree[:, axis], axis])) if agree[:, axis].any() else 0.5
            for axis in (0, 1)
        ]
    )
    return Lattice(matrix, bend, coherence, spread, agree.sum(axis=0))


def _agree(off_cycles: DoubleArray) -> BoolArray:
    spread = 1.48 * np.median(np.abs(off_cycles), axis=0)
    return np.asarray(np.abs(off_cycles) <= np.maximum(0.05, 3 * spread))


def _smooth_wave(tiles: Tiles, family: Family) -> DoubleArray:
    """Return ``(tile, 2)`` wave vectors as a linear field, fitted with outliers left out."""
    u = _normalised(tiles.centre_px)[0]
    design = np.column_stack([np.ones(len(u)), u])
    weight = family.strength.clip(0, 4 * _GOOD_STRENGTH) ** 2
    smooth = np.broadcast_to(np.median(family.wave, axis=0), family.wave.shape)
    for _ in range(6):
        off = np.hypot(*(family.wave - smooth).T)
        scale = np.median(off) + 1e-6
        trust = weight / (1 + (off / scale) ** 2) ** 2
        smooth = design @ _solve(design, family.wave, trust)
    return smooth


def _count(tiles: Tiles, family: Family, wave: DoubleArray) -> tuple[DoubleArray, BoolArray]:
    """Count cycles from the strongest tile outwards, always over the best bridge that is left."""
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
                    if grip > 0.5 * _GOOD_STRENGTH:
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


def _normalised(points_px: DoubleArray) -> tuple[DoubleArray, DoubleArray, float]:
    centre = points_px.mean(axis=0)
    scale = float(np.abs(points_px - centre).max()) or 1.0
    return (points_px - centre) / scale, centre, scale


def _solve(
    design: DoubleArray, target: DoubleArray, weight: DoubleArray, *, ridge: float = 1e-9
) -> DoubleArray:
    weighted = design * weight[:, None]
    normal = weighted.T @ design
    normal += ridge * np.trace(normal) / len(normal) * np.eye(len(normal))
    return np.asarray(np.linalg.solve(normal, weighted.T @ target))


def _fit_plane(points_px: DoubleArray, cycles: DoubleArray, weight: DoubleArray) -> DoubleArray:
    """Fit a homography from pixels to cycles; an affine map where that explains as much.

    Each tile gives one equation per family, linear in the nine numbers (the direct linear
    transform), solved with weights that fall with the distance from the fit.
    """
    u, centre, scale = _normalised(points_px)
    middle = np.average(cycles, axis=0, weights=weight.sum(axis=1) + 1e-12)
    value = cycles - middle
    flat = np.column_stack([u, np.ones(len(u))])
    none = np.zeros_like(flat)
    target = np.concatenate([value[:, 0], value[:, 1]])
    trust = np.concatenate([weight[:, 0], weight[:, 1]])
    design = np.block([[flat, none, -value[:, :1] * u], [none, flat, -value[:, 1:] * u]])

    def solve(columns: int) -> tuple[DoubleArray, float]:
        part = design[:, :columns]
        robust = trust.copy()
        for _ in range(8):
            found = _solve(part, target, robust, ridge=1e-12)
            off = part @ found - target
            scale_cycles = 1.48 * np.median(np.abs(off[trust > 0])) + 1e-3
            robust = trust / (1 + (off / (2 * scale_cycles)) ** 2) ** 2
        inside = (np.abs(off) < 4 * scale_cycles) * trust
        return found, float((inside * off**2).sum() / (inside.sum() + 1e-9)) + 4 * float(
            1 - inside.sum() / trust.sum()
        ) * scale_cycles**2

    affine, affine_left = solve(6)
    full, full_left = solve(8)
    degrees = max(1, int((trust > 0).sum()) - 8)
    matters = (affine_left / max(full_left, 1e-9) - 1) * degrees / 2 > 8  # an F test, two terms
    found = full if matters else np.concatenate([affine, [0.0, 0.0]])
    matrix = np.append(found, 1.0).reshape(3, 3)
    back = np.array([[1, 0, middle[0]], [0, 1, middle[1]], [0, 0, 1]])
    normal = np.array(
        [[1 / scale, 0, -centre[0] / scale], [0, 1 / scale, -centre[1] / scale], [0, 0, 1]]
    )
    matrix = back @ matrix @ normal
    return np.asarray(matrix / matrix[2, 2])


# --------------------------------------------------------------------------------- curved paper


def _terms(u: DoubleArray) -> DoubleArray:
    """Return products of powers of x and y up to the fourth degree, ``(n, 15)``."""
    x, y = u[:, 0], u[:, 1]
    return np.column_stack([x**i * y**j for i in range(5) for j in range(5 - i)])


def _fit_bend(tiles: Tiles, off_cycles: DoubleArray, weight: DoubleArray) -> Bend | None:
    """Fit what remains by a smooth field, or None where it is only noise."""
    u, centre, scale = _normalised(tiles.centre_px)
    design = _terms(u)
    coefficients = np.zeros((design.shape[1], 2))
    gain = 0.0
    used = np.zeros(len(u), bool)
    for axis in (0, 1):
        off, trust = off_cycles[:, axis], weight[:, axis]
        if (trust > 0.5 * _GOOD_STRENGTH).sum() < 2 * design.shape[1]:
            continue
        robust = trust.copy()
        for _ in range(8):
            found = _solve(design, off, robust, ridge=1e-6)
            left = off - design @ found
            spread = 1.48 * np.median(np.abs(left)) + 1e-3
            robust = trust / (1 + (left / (2 * spread)) ** 2) ** 2
        before = 1.48 * np.median(np.abs(off))
        if before > max(0.03, 1.6 * spread):
            coefficients[:, axis] = found
            gain = max(gain, before)
            used |= robust > 0.5 * trust
    if gain == 0.0:
        return None
    inside = u[used]
    reach = np.array([inside.min(axis=0), inside.max(axis=0)])
    return Bend(coefficients, centre, scale, reach)
