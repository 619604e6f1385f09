"""Which lines a lattice follows: their distance in millimetres, their colour and the heavier ones.

A period of several lines shows at fractions of the frequency that was followed. Summed over all
tiles in step with the lattice, such a fraction is coherent; text, traces and noise are not.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ecgbatch.imaging.lattice import Lattice, remeasure
from ecgbatch.imaging.tiles import Tiles, cut_tiles
from ecgbatch.types import ByteArray, DoubleArray

_PAGE_MM = (100.0, 440.0)
"""Longer side of what is scanned or photographed: from a cropped strip to two pages."""
_FINE = 0.75
"""Coherence from which the 1-mm lines are good enough to be measured at."""
_ORDERS = ((2, 0.5, 0.3), (3, 0.5, 0.3), (4, 0.5, 0.3), (5, 0.5, 0.05), (10, 0.5, 0.05))
"""How many lines may make a period, with the least coherence and share of its lower harmonics:
those of bare 5-mm lines are as strong as the one that was followed."""
_FIFTH = 1.1
"""How much stronger than their fourth and sixth harmonics the fifth of 5-mm lines is where finer
lines stand between them; those of bare lines fall off, to 0.9 of the fourth at most."""
_PERIODS_MM = {
    1: (1.0, 5.0),
    2: (5.0, 10.0),
    3: (5.0,),
    4: (5.0,),
    5: (5.0, 25.0),
    10: (5.0, 10.0),
}
"""Lengths that the longest period may have, by how many lines it has."""
_RARE_PERIODS_MM = {1: (2.5,), 4: (10.0,)}
"""The same where lines are lost, or where pixels and lines beat: pulses alone tell them."""
_TELLING = (5, 10)
"""Lines in a period that leave no other choice."""
_MAJOR_MM = 5.0
_COLOUR_TILES = 12


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


def cycles_mm(
    tiles: Tiles, lattice: Lattice, *, shape_px: tuple[int, ...], factor: int, dpi: float
) -> tuple[tuple[float, ...], bool]:
    """Return how long the period that was followed may be, and whether heavier lines are known.

    Args:
        tiles: Spectra that the lattice was found in.
        lattice: What was found.
        shape_px: Of the reduced page.
        factor: How much larger the page is.
        dpi: Dots per inch by tags, NaN where unknown.

    Returns:
        Lengths in millimetres, the likeliest first by what pages and scanners are. One alone where
        finer or heavier lines leave no choice.
    """
    if _is_divided_by_five(tiles, lattice):
        return (5.0,), True
    order = lines_per_period(tiles, lattice)
    middle = np.array([[shape_px[1] / 2, shape_px[0] / 2]])
    period_px = float(order / np.hypot(*lattice.waves(middle)[0].T).mean())
    longer = max(shape_px) / period_px

    def cost(unit_mm: float) -> float:
        return _implausible(longer * unit_mm, factor * period_px / unit_mm, dpi)

    likely = sorted(_PERIODS_MM[order], key=cost)
    major_known = likely[0] >= _MAJOR_MM
    if order in _TELLING:
        return (likely[0] / order,), major_known
    units = (*likely, *_RARE_PERIODS_MM.get(order, ()))
    return tuple(unit / order for unit in units), major_known


def _is_divided_by_five(tiles: Tiles, lattice: Lattice) -> bool:
    """Say whether four finer lines stand between two of those that were followed.

    Their frequency is five times that which was followed, and twice and a half times is none.
    """
    found = _harmonics(tiles, lattice, np.array([2.5, 4.0, 5.0, 6.0]))
    size = np.abs(found.phasor)
    fifth = size[:, 2] > _FIFTH * size[:, [0, 1, 3]].max(axis=1)
    return bool((fifth & (found.coherence[:, 2] > _FINE)).all())


def in_millimetres(
    tiles: Tiles, lattice: Lattice, unseen: ByteArray | None, *, cycle_mm: float
) -> tuple[Lattice, float]:
    """Count in millimetres, measured again at the 1-mm lines where those repeat.

    JPEG keeps colour at half the resolution of light, so fine lines may show in grey alone. They
    beat with its blocks, too, which looks like a bend where wider lines see none.

    Args:
        tiles: Spectra that the lattice was found in.
        lattice: What was found.
        unseen: The page in colour where the tiles are not those of its lightness.
        cycle_mm: Distance of the lines that were followed.

    Returns:
        The lattice in millimetres, and the distance of the lines that it was measured at.
    """
    coarse = lattice.counted(cycle_mm, np.zeros(2))
    if cycle_mm == 1.0:
        return coarse, 1.0
    views = [tiles]
    if unseen is not None:
        views.append(cut_tiles(plain_grey(unseen), size_px=tiles.size_px))
    for view in views:
        if _harmonics(view, coarse, np.ones(1)).coherence.min() > _FINE:
            finer = remeasure(view, coarse, times=1.0, flat=coarse.is_flat)
            if finer.coherence.min() > _FINE:
                return finer, 1.0
    if cycle_mm != 5.0:
        coarse = remeasure(tiles, coarse, times=0.2).counted(5.0, np.zeros(2))
    return coarse, 5.0


def plain_grey(image: ByteArray) -> ByteArray:
    """Return the lightness of a colour page."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))


def colour_phasor(
    tiles: Tiles, lattice: Lattice, image: ByteArray, *, per_mm: float, by_colour: bool
) -> npt.NDArray[np.complex128]:
    """Return ``(family, channel)`` sums of the picture's own channels over the lines.

    The strongest tiles are enough: every pixel of theirs is weighed with a wave that is in step
    with the lattice, so that neither ink nor paper nor another colour's noise remains. Tiles of
    a colour page's lightness may be strong by their ink, which has another colour than the lines:
    of those the clearest are taken.

    Args:
        tiles: Spectra that the lattice was found in.
        lattice: In millimetres.
        image: The page.
        per_mm: Lines on a millimetre.
        by_colour: Whether the tiles show colour instead of lightness.
    """
    strength = _strength(tiles, lattice, per_mm)
    if image.ndim == 3 and not by_colour:
        strength = strength / tiles.floor
    half = tiles.size_px // 2
    at = np.arange(-half, half)
    window = np.hanning(tiles.size_px + 1)[:-1]
    chosen = np.argsort(strength)[::-1][:_COLOUR_TILES]
    total = np.zeros((2, 3 if image.ndim == 3 else 1), np.complex128)
    middles = tiles.centre_px[chosen]
    counts = per_mm * lattice.cycles(middles)
    waves = -2j * np.pi * per_mm * lattice.waves(middles)
    # (tile, family, pixel), for both axes
    across, down = (window * np.exp(waves[:, :, axis, None] * at) for axis in (0, 1))
    for number, (x, y) in enumerate(np.round(middles).astype(int).tolist()):
        patch = image[y - half : y + half, x - half : x + half].astype(np.float32)
        patch = patch.reshape(tiles.size_px, -1)
        parts = np.concatenate([down[number].real, down[number].imag]).astype(np.float32) @ patch
        for family in (0, 1):
            rows = (parts[family] + 1j * parts[family + 2]).reshape(tiles.size_px, -1)
            turn = np.exp(-2j * np.pi * counts[number, family])
            total[family] += across[number, family] @ rows * turn
    # a cosine of amplitude 1 gives half the sum of the window
    return np.asarray(total / (len(chosen) * float(window.sum()) ** 2 / 2))


def _strength(tiles: Tiles, lattice: Lattice, per_mm: float) -> DoubleArray:
    bins = np.round(lattice.waves(tiles.centre_px) * tiles.size_px * per_mm).astype(np.int64)
    value = np.abs(tiles.at(bins[..., 1], bins[..., 0]))
    return np.asarray(value.min(axis=1))


def darkest(
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


def heavier_line(tiles: Tiles, lattice: Lattice, origin_mm: DoubleArray) -> DoubleArray:
    """Move the origin to a heavier line: the one of five with most of the lower harmonics."""
    parts = np.arange(1, 5) / 5
    phasor = _harmonics(tiles, lattice, parts).phasor
    moved = origin_mm[:, None, None] + np.arange(5)[:, None]  # (family, line, 1)
    weight = (phasor[:, None, :] * np.exp(2j * np.pi * parts * moved)).real.sum(axis=-1)
    # the view may show lines light or dark; either way four lines are alike and one is not
    heavier = np.abs(weight)
    return np.asarray(origin_mm + np.argmax(heavier, axis=1))


def lines_per_period(tiles: Tiles, lattice: Lattice) -> int:
    """Return n where the lines that were followed are the n-th harmonic of a longer period.

    A period of n lines shows at every n-th part of the frequency, in both families and in step
    over the whole page: five for 1-mm lines with a heavier fifth (ten where dots stand half a
    millimetre apart), two to four where a harmonic of bare 5-mm lines was followed.
    """
    enough = max(0.35, 2.8 / np.sqrt(len(tiles.floor)))
    order, order_coherent = 1, 0.0
    for candidate, coherent, ratio in _ORDERS:
        parts = np.arange(1, candidate + 1) / candidate
        found = _harmonics(tiles, lattice, parts)
        size = np.abs(found.phasor)
        share = size[:, :-1].mean(axis=1) / size[:, -1]
        ends = found.coherence[:, [0, -2]].min()
        # of two periods of which neither holds the other, one is chance
        rival = order_coherent if candidate % order else 0.0
        if ends > max(enough, coherent, rival) and share.min() > ratio:
            order, order_coherent = candidate, ends
    return order


def _implausible(long_mm: float, px_per_mm: float, dpi: float) -> float:
    """Return how unlikely a unit is: a page far too small or too large, or unlike its tags."""
    low, high = _PAGE_MM
    cost = 3 * max(0.0, np.log(low / long_mm), np.log(long_mm / high))
    cost += 0.3 * abs(np.log(long_mm / 280))  # A4 and letter, where nothing else decides
    if dpi > 0 and round(dpi) not in {72, 96}:  # what software writes that does not know
        cost += min(2.0, 10 * abs(np.log(px_per_mm * 25.4 / dpi)))
    return float(cost)
