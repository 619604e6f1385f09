"""The printed grid as a lattice: found in the spectra of tiles, followed across the page.

A grid is two families of parallel lines. In the spectrum of a tile each family is a row of
peaks; the place of a peak is the local wave vector, and its phase tells where in a period the
middle of the tile lies. Phases of neighbouring tiles, counted on from one to the next, say how
many lines lie between them: to a few hundredths of a period, whatever the colour of the lines,
and without ever finding a line's edge. This is the demodulation method of fringe analysis
(Takeda, Ina and Kobayashi, J. Opt. Soc. Am. 72 (1982) 156-160) on a page that carries its own
fringes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import scipy.fft

from ecgbatch.types import ByteArray, DoubleArray, FloatArray

ComplexArray: TypeAlias = npt.NDArray[np.complex64]
IntArray: TypeAlias = npt.NDArray[np.int64]

_FINEST_PX = 2.3
"""Shortest period that is looked for; 2 is Nyquist's limit."""
_BLOCK_COST = 3.0
_ROUNDING_LEVELS = 0.29
_MOST_ACROSS = 8
"""Tiles per side: on a page of 280 mm they then stand 35 mm apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Tiles:
    """Spectra of the tiles of a page.

    Attributes:
        size_px: Side of a tile.
        centre_px: ``(tile, 2)`` x and y of each tile's middle.
        cell: ``(tile, 2)`` column and row of each tile among the tiles.
        spectrum: ``(tile, ky, kx)`` complex, ``kx`` from 0 to half a tile; the origin of phase is
            the tile's first pixel.
        floor: ``(tile,)`` mean amplitude, the tile's own unit.
    """

    size_px: int
    centre_px: DoubleArray
    cell: IntArray
    spectrum: ComplexArray
    floor: FloatArray

    def at(self, ky: IntArray, kx: IntArray) -> ComplexArray:
        """Return the spectrum at whole bins of either sign; ``(tile, ...)`` for ``(tile, ...)``."""
        size = self.size_px
        mirrored = kx < 0
        row = np.where(mirrored, -ky, ky) % size
        column = np.minimum(np.abs(kx), size // 2)
        tile = np.arange(len(self.floor)).reshape((-1,) + (1,) * (ky.ndim - 1))
        value = self.spectrum[tile, row, column]
        turned = np.where(mirrored, value.conj(), value)
        sign = 1 - 2 * ((ky + kx) & 1)  # moves the origin of phase to the middle of the tile
        return np.asarray(turned * sign.astype(np.float32))


def cut_tiles(image: ByteArray, *, size_px: int) -> Tiles:
    """Transform tiles that are spread evenly over a page.

    Ink is much darker than a grid. It is clipped to about twice the depth of the grid, tile by
    tile, so that a trace weighs little more than a line.

    Args:
        image: ``(row, column)`` uint8, lines darker (or lighter) than the paper.
        size_px: Side of the tiles; even, and at most the shorter side of the page.

    Returns:
        The spectra of up to 8 x 8 tiles that do not overlap.
    """
    tops, lefts = (_spread(side, size_px) for side in image.shape)
    corners = [(top, left) for top in tops for left in lefts]
    window = np.hanning(size_px + 1)[:-1].astype(np.float32)
    weight = np.outer(window, window)
    spectrum = np.empty((len(corners), size_px, size_px // 2 + 1), np.complex64)
    for number, (top, left) in enumerate(corners):
        tile = image[top : top + size_px, left : left + size_px]
        sample = np.sort(tile[1::5, 1::5], axis=None)
        low, middle, high = (
            int(sample[int(share * (sample.size - 1))]) for share in (0.1, 0.5, 0.9)
        )
        darkest = max(0, middle - max(8, 2 * (middle - low)))
        lightest = min(255, middle + max(8, 2 * (high - middle)))
        clipped = cv2.min(cv2.max(tile, darkest), lightest)
        spectrum[number] = scipy.fft.rfft2(cv2.multiply(clipped, weight, dtype=cv2.CV_32F))
    cell = np.array([(x, y) for y in range(len(tops)) for x in range(len(lefts))], np.int64)
    centre = np.array([(left, top) for top, left in corners], float) + size_px / 2
    # the window leaves the mean in the lowest bins alone
    floor = np.abs(spectrum[:, 3:-3:3, 3::3]).mean(axis=(1, 2))
    # pages drawn by software have no noise; rounding to whole levels is what is left of it
    floor += _ROUNDING_LEVELS * np.sqrt((weight**2).sum())
    return Tiles(size_px, centre, cell, spectrum, floor.astype(np.float32))


def _spread(side_px: int, size_px: int) -> list[int]:
    """Return where tiles start along a side: as many as fit, up to eight, evenly apart."""
    count = min(_MOST_ACROSS, side_px // size_px)
    room = side_px - count * size_px
    gap = room / count
    return [round(gap / 2 + number * (size_px + gap)) for number in range(count)]


# ------------------------------------------------------------------------- the two wave vectors


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Wave vectors of the two families, in cycles per tile, and how far they stand out.

    Attributes:
        across: ``(kx, ky)`` of the upright lines.
        down: ``(kx, ky)`` of the level lines.
        score: Sum of log amplitudes over the background, harmonics included.
    """

    across: DoubleArray
    down: DoubleArray
    score: float


def find_pair(
    tiles: Tiles, *, pixel_ratio: float = 1.0, block_px: float = 0.0, among: IntArray | None = None
) -> Pair | None:
    """Find the two families of lines that the tiles share.

    Args:
        tiles: Spectra; their amplitudes are averaged, so a trace or a word in one tile counts
            little.
        pixel_ratio: Expected px per mm across over px per mm down, 1 for square pixels.
        block_px: Side of the blocks in which JPEG keeps colour, in pixels of the tiles; their
            borders are a lattice, too, and a fainter grid is preferred to it. 0 where unknown.
        among: Numbers of the tiles to look at; all by default.

    Returns:
        The pair that stands out most, or None where no two peaks are at right angles.
    """
    size = tiles.size_px
    half = size // 2
    chosen = np.arange(len(tiles.floor)) if among is None else among
    share = 1 / (tiles.floor[chosen] * len(chosen))
    amplitude = np.tensordot(share, np.abs(tiles.spectrum[chosen]), axes=1)
    plane = np.empty((size, size), np.float32)
    plane[:, : half + 1] = amplitude
    plane[:, half + 1 :] = amplitude[-np.arange(size) % size, half - 1 : 0 : -1]
    plane = np.fft.fftshift(plane)  # [ky + half, kx + half]
    log = np.log(plane + 1e-6)
    log -= cv2.blur(log, (13, 13), borderType=cv2.BORDER_REFLECT)
    peaks = _peaks(log, half=half, longest_px=size / 3.0)
    if len(peaks) == 0:
        return None
    scores = np.array([_comb(log, peak, half=half) for peak in peaks])
    upright = np.abs(peaks[:, 0]) >= np.abs(peaks[:, 1])  # these vectors point across
    across, down = peaks[upright], peaks[~upright]
    if len(across) == 0 or len(down) == 0:
        return None
    score = (
        scores[upright][:, None] + scores[~upright] - misfit(across, down, pixel_ratio=pixel_ratio)
    )
    if block_px > 0:
        blocks = [_on_blocks(family, tiles.size_px / block_px) for family in (across, down)]
        score -= _BLOCK_COST * (blocks[0][:, None] & blocks[1])
    i, j = np.unravel_index(np.argmax(score), score.shape)
    if not np.isfinite(score[i, j]):
        return None
    return Pair(across[i], down[j], float(score[i, j]))


def _on_blocks(vectors: DoubleArray, step: float) -> npt.NDArray[np.bool_]:
    """Say which vectors lie on an axis, at a multiple of ``step``, as borders of blocks do."""
    along, beside = np.abs(vectors).max(axis=1), np.abs(vectors).min(axis=1)
    off = np.abs(along - step * np.round(along / step))
    return np.asarray((off < 0.35) & (beside < 0.35))


def _peaks(log: FloatArray, *, half: int, longest_px: float) -> DoubleArray:
    """Return the highest local maxima as ``(peak, 2)`` vectors ``(kx, ky)`` of one half plane."""
    ky, kx = np.mgrid[-half:half, -half:half]
    length = np.hypot(kx, ky)
    allowed = (length >= 2 * half / longest_px) & (length <= 2 * half / _FINEST_PX)
    allowed &= (kx > np.abs(ky)) | ((ky > 0) & (ky >= np.abs(kx)))
    top = allowed & (log >= cv2.dilate(log, np.ones((3, 3), np.uint8))) & (log > 0.25)
    rows, columns = np.nonzero(top)
    order = np.argsort(log[rows, columns])[::-1][:40]
    found = []
    for row, column in zip(rows[order], columns[order], strict=True):
        found.append(
            [
                column - half + _parabola(log[row, :], column),
                row - half + _parabola(log[:, column], row),
            ]
        )
    return np.array(found, float).reshape(-1, 2)


def _parabola(values: FloatArray, at: int) -> float:
    """Return the place of the maximum near index ``at``, relative to it."""
    if not 0 < at < len(values) - 1:
        return 0.0
    left, middle, right = (float(v) for v in values[at - 1 : at + 2])
    bend = left - 2 * middle + right
    return float(np.clip((left - right) / (2 * bend), -0.5, 0.5)) if bend < -1e-9 else 0.0


def _comb(log: FloatArray, vector: DoubleArray, *, half: int) -> float:
    score = 0.0
    for harmonic, weight in enumerate((1.0, 0.5, 0.35, 0.25), start=1):
        x, y = (round(float(part) * harmonic) + half for part in vector)
        if not (1 <= x < 2 * half - 1 and 1 <= y < 2 * half - 1):
            break
        score += weight * max(0.0, float(log[y - 1 : y + 2, x - 1 : x + 2].max()))
    return score


def misfit(across: DoubleArray, down: DoubleArray, *, pixel_ratio: float) -> DoubleArray:
    """Return ``(across, down)`` how unlike one lattice two vectors are; infinite where not one."""
    lengths = np.hypot(*across.T)[:, None] + 1e-9, np.hypot(*down.T)[None] + 1e-9
    cosine = np.abs(across @ down.T) / (lengths[0] * lengths[1])
    ratio = np.log(lengths[1] / lengths[0])  # of the pitch across to the pitch down
    usual = [(np.log(pixel_ratio), 0.0)]
    if pixel_ratio == 1.0:  # fax machines print 204 dots per inch across and 98 or 196 down
        usual += [(np.log(204 / 98), 0.2), (np.log(98 / 204), 0.2)]
    off = np.min([extra + np.abs(ratio - expected) for expected, extra in usual], axis=0)
    # rows of dots also line up along their diagonals; paper lies rather straight than so
    diagonal = 2 * np.abs(across[:, 0] * across[:, 1])[:, None] / lengths[0] ** 2
    cost = 6.0 * cosine + 8.0 * off + 3.0 * diagonal**2
    return np.where((cosine > 0.25) | (off > 0.4), np.inf, cost)


# ----------------------------------------------------------------------- tile by tile, then all


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """One family of lines, tile by tile.

    Attributes:
        wave: ``(tile, 2)`` local wave vector, cycles per pixel.
        phase: ``(tile,)`` cycles at the tile's middle, known but for whole cycles.
        strength: ``(tile,)`` amplitude of the peak in units of the tile's floor.
    """

    wave: DoubleArray
    phase: DoubleArray
    strength: DoubleArray


def measure(tiles: Tiles, vector: DoubleArray, *, reach: float = 0.08) -> Family:
    """Measure one family in every tile.

    Args:
        tiles: Spectra.
        vector: ``(2,)`` or ``(tile, 2)`` expected ``(kx, ky)`` in cycles per tile.
        reach: How far, as a share of its length, the local vector may differ; 0 reads the nearest
            bin.
    """
    count = len(tiles.floor)
    expected = np.broadcast_to(np.asarray(vector, float), (count, 2))
    centre = np.round(expected).astype(np.int64)
    radius = int(np.ceil((0.75 if reach else 0.0) + reach * float(np.hypot(*expected.T).max())))
    radius = min(radius, int(1 + 0.4 * float(np.hypot(*expected.T).min())))
    dy, dx = (part.ravel() for part in np.mgrid[-radius : radius + 1, -radius : radius + 1])
    amplitude = np.abs(tiles.at(centre[:, 1:] + dy, centre[:, :1] + dx))
    # a peak far from where it is expected must be the higher for it
    far = ((dx**2 + dy**2) / (radius + 1.0) ** 2).astype(np.float32)
    best = np.argmax(amplitude * (1 - 0.5 * far), axis=1)
    kx, ky = centre[:, 0] + dx[best], centre[:, 1] + dy[best]
    near = np.array([[-1, 0], [0, 0], [1, 0], [0, -1], [0, 1]])
    around = tiles.at(ky[:, None] + near[:, 1], kx[:, None] + near[:, 0])
    log = np.log(np.abs(around) + 1e-9).astype(float)
    fine_x = _vertex(log[:, 0], log[:, 1], log[:, 2])
    fine_y = _vertex(log[:, 3], log[:, 1], log[:, 4])
    wave = np.column_stack([kx + fine_x, ky + fine_y]) / tiles.size_px
    phase = np.angle(around[:, 1]).astype(np.float64) / (2 * np.pi)
    strength = np.abs(around[:, 1]).astype(np.float64) / tiles.floor
    return Family(wave, phase, strength)


def _vertex(left: DoubleArray, middle: DoubleArray, right: DoubleArray) -> DoubleArray:
    bend = np.minimum(left - 2 * middle + right, -1e-6)
    return np.asarray(np.clip((left - right) / (2 * bend), -0.5, 0.5))
