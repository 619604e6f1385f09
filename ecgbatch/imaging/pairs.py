"""The two families of lines that the tiles of a page share: peaks of one averaged spectrum."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ecgbatch.imaging.tiles import IntArray, Tiles
from ecgbatch.types import DoubleArray, FloatArray

_FINEST_PX = 2.3
"""Shortest period that is looked for; 2 is Nyquist's limit."""
_BLOCK_COST = 3.0
_MOST_PEAKS = 40
_SAME_BINS = 0.2
"""How far lengths of peaks may differ that stand for lines of one distance."""
_COMB = (1.0, 0.5, 0.35, 0.25)
"""Weights of a peak and of its harmonics."""


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
    chosen = slice(None) if among is None else among  # a slice copies nothing
    floor = tiles.floor[chosen]
    amplitude = np.tensordot(1 / (floor * floor.size), np.abs(tiles.spectrum[chosen]), axes=1)
    plane = np.empty((size, size), np.float32)
    plane[:, : half + 1] = amplitude
    plane[:, half + 1 :] = amplitude[-np.arange(size) % size, half - 1 : 0 : -1]
    plane = np.fft.fftshift(plane)  # [ky + half, kx + half]
    log = np.log(plane + 1e-6)
    log -= cv2.blur(log, (13, 13), borderType=cv2.BORDER_REFLECT)
    highest = np.asarray(cv2.dilate(log, np.ones((3, 3), np.uint8)))
    peaks = _peaks(log, highest, half=half, longest_px=size / 3.0)
    if len(peaks) == 0:
        return None
    scores = _combs(highest, peaks, half=half)
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


def _peaks(log: FloatArray, highest: FloatArray, *, half: int, longest_px: float) -> DoubleArray:
    """Return the highest local maxima as ``(peak, 2)`` vectors ``(kx, ky)`` of one half plane.

    Args:
        log: ``(ky, kx)`` amplitudes over their background.
        highest: ``(ky, kx)`` the highest of each place and its eight neighbours.
        half: Where zero lies on both axes.
        longest_px: Longest period.
    """
    ky, kx = np.mgrid[-half:half, -half:half]
    length = np.hypot(kx, ky)
    allowed = (length >= 2 * half / longest_px) & (length <= 2 * half / _FINEST_PX)
    allowed &= (kx > np.abs(ky)) | ((ky > 0) & (ky >= np.abs(kx)))
    top = allowed & (log >= highest) & (log > 0.25)
    places = np.argwhere(top)
    places = places[np.argsort(log[top])[::-1]]
    row, column = places.T
    down = row - half + _vertex(log[row - 1, column], log[row, column], log[row + 1, column])
    across = column - half + _vertex(log[row, column - 1], log[row, column], log[row, column + 1])
    vectors = np.column_stack([across, down]).astype(np.float64)
    first, others = vectors[:_MOST_PEAKS], vectors[_MOST_PEAKS:]
    return np.concatenate([first, others[_at_right_angles(others, first)]])


def _vertex(before: FloatArray, at: FloatArray, after: FloatArray) -> FloatArray:
    """Return the places of maxima next to the middle one of three values, relative to it."""
    bend = np.minimum(before - 2 * at + after, -1e-9)
    return np.asarray(np.clip((before - after) / (2 * bend), -0.5, 0.5))


def _at_right_angles(others: DoubleArray, chosen: DoubleArray) -> npt.NDArray[np.bool_]:
    """Say which of ``(other, 2)`` vectors are as long as a chosen one, at right angles to it.

    Where dots stand in rows, sums of harmonics are more than forty and may be higher than the
    dots' own peak along one of the axes.
    """
    x, y = others.T[:, :, None]
    across, down = chosen[:, 1], -chosen[:, 0]
    near = [
        (np.abs(x - sign * across) <= _SAME_BINS) & (np.abs(y - sign * down) <= _SAME_BINS)
        for sign in (1, -1)
    ]
    return np.asarray((near[0] | near[1]).any(axis=1))


def _combs(highest: FloatArray, vectors: DoubleArray, *, half: int) -> DoubleArray:
    """Return ``(vector,)`` how high the peaks of each vector and of its harmonics are."""
    score = np.zeros(len(vectors))
    for harmonic, weight in enumerate(_COMB, start=1):
        x, y = np.round(vectors * harmonic).astype(np.int64).T + half
        inside = np.minimum(x, y) >= 1
        inside &= np.maximum(x, y) < 2 * half - 1
        score[inside] += weight * np.maximum(0.0, highest[y[inside], x[inside]])
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
