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

from ecgbatch.types import ByteArray, DoubleArray, FloatArray

ComplexArray: TypeAlias = npt.NDArray[np.complex64]
IntArray: TypeAlias = npt.NDArray[np.int64]

GOOD_STRENGTH = 6.0
"""Peak over floor from which a tile carries the count of lines with full weight."""
_ROUNDING_LEVELS = 0.29
_GOLDEN = 0.618034
"""Multiples of it are spread most evenly over the parts of a period."""
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


def cut_tiles(image: ByteArray, *, size_px: int, strayed: bool = False) -> Tiles:
    """Transform tiles that are spread evenly over a page.

    Ink is much darker than a grid. It is clipped to about twice the depth of the grid, tile by
    tile, so that a trace weighs little more than a line.

    Args:
        image: ``(row, column)`` uint8, lines darker (or lighter) than the paper.
        size_px: Side of the tiles; even, and at most the shorter side of the page.
        strayed: Whether the tiles leave their rows and columns; see ``_strayed``.

    Returns:
        The spectra of up to 8 x 8 tiles.
    """
    tops, lefts = (_spread(side, size_px) for side in image.shape)
    corners = [(top, left) for top in tops for left in lefts]
    if strayed:
        corners = _strayed(corners, columns=len(lefts), size_px=size_px, shape=image.shape)
    window = np.hanning(size_px + 1)[:-1].astype(np.float32)
    weight = np.outer(window, window)
    half = size_px // 2
    spectrum = np.empty((len(corners), size_px, half + 1), np.complex64)
    clipped = np.empty((size_px, size_px), np.uint8)
    packed = np.empty((size_px, size_px), np.float32)  # one tile stays in the cache
    real = np.empty((len(corners), 2, size_px), np.float32)
    for number, (top, left) in enumerate(corners):
        tile = image[top : top + size_px, left : left + size_px]
        sample = np.sort(tile[1::7, 1::7], axis=None)
        low, middle, high = (
            int(sample[int(share * (sample.size - 1))]) for share in (0.1, 0.5, 0.9)
        )
        darkest = max(0, middle - max(8, 2 * (middle - low)))
        lightest = min(255, middle + max(8, 2 * (high - middle)))
        np.clip(tile, darkest, lightest, out=clipped)
        cv2.multiply(clipped, weight, dst=packed, dtype=cv2.CV_32F)
        cv2.dft(packed, dst=packed)
        spectrum[number, :, 1:half] = packed[:, 1:-1].view(np.complex64)
        real[number] = packed[:, 0], packed[:, -1]
    _unpack(real, spectrum)
    cell = np.array([(x, y) for y in range(len(tops)) for x in range(len(lefts))], np.int64)
    centre = np.array([(left, top) for top, left in corners], float) + size_px / 2
    # the window leaves the mean in the lowest bins alone
    floor = np.abs(spectrum[:, 3:-3:3, 3::3]).mean(axis=(1, 2))
    # pages drawn by software have no noise; rounding to whole levels is what is left of it
    floor += _ROUNDING_LEVELS * np.sqrt((weight**2).sum())
    return Tiles(size_px, centre, cell, spectrum, floor.astype(np.float32))


def _unpack(real: FloatArray, spectrum: ComplexArray) -> None:
    """Fill in the columns of ``kx`` 0 and half from what OpenCV packs into single ones.

    Its transform of real numbers takes a quarter of the time of others. Real and imaginary parts
    stand side by side along a row; these two columns, which are transforms of real numbers
    themselves, have them below each other, for ``ky`` from 0 to half.

    Args:
        real: ``(tile, 2, n)`` the two columns as they are packed.
        spectrum: ``(tile, n, n / 2 + 1)`` to be filled.
    """
    half = spectrum.shape[1] // 2
    for kx, column in ((0, real[:, 0]), (half, real[:, 1])):
        spectrum[:, [0, half], kx] = column[:, [0, -1]]
        upper = column[:, 1:-1:2] + 1j * column[:, 2::2]
        spectrum[:, 1:half, kx] = upper
        spectrum[:, :half:-1, kx] = upper.conj()


def _spread(side_px: int, size_px: int) -> list[int]:
    """Return where tiles start along a side: as many as fit, up to eight, evenly apart."""
    count = min(_MOST_ACROSS, side_px // size_px)
    room = side_px - count * size_px
    gap = room / count
    return [round(gap / 2 + number * (size_px + gap)) for number in range(count)]


def _strayed(
    corners: list[tuple[int, int]], *, columns: int, size_px: int, shape: tuple[int, ...]
) -> list[tuple[int, int]]:
    """Move corners by up to a quarter of a tile, inside the page.

    Lines whose distance is no whole number of pixels beat with them, and with chroma at half the
    resolution more so. Tiles in straight rows see one part of a beat all along a row, and eight
    rows of it imitate a bend of the paper; tiles that stray see all parts of it everywhere.
    """
    row, column = np.divmod(np.arange(len(corners)), columns)
    stray = np.stack([row + _GOLDEN * column, column + _GOLDEN * row], axis=1) * _GOLDEN % 1 - 0.5
    moved = np.clip(np.round(corners + stray * size_px / 2), 0, np.array(shape) - size_px)
    return [(top, left) for top, left in moved.astype(int).tolist()]


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
