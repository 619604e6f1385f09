"""Two families of lines out of the peaks of a spectrum."""

import numpy as np
import pytest

from ecgbatch.imaging.pairs import find_pair
from ecgbatch.imaging.tiles import cut_tiles

SIDE_PX = 448
TILE_PX = 224
LINE_BINS = 28  # lines 8 px apart


def picture(waves: dict[tuple[float, float], float], *, noise: float = 1.0) -> np.ndarray:
    """Add cosines of ``(kx, ky)`` cycles per tile, each with its amplitude in grey levels."""
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX] / TILE_PX
    total = np.random.default_rng(3).normal(128, noise, (SIDE_PX, SIDE_PX))
    for (across, down), levels in waves.items():
        total += levels * np.cos(2 * np.pi * (across * x + down * y))
    return np.clip(np.round(total), 0, 255).astype(np.uint8)


def dots_along_lines() -> dict[tuple[float, float], float]:
    """Sums of harmonics of dots that stand along every fifth line, all higher than one own peak."""
    fifth = LINE_BINS / 5
    places = [(k * fifth, LINE_BINS * n) for n in (1, 2) for k in range(-9, 10) if k % 5]
    waves = dict.fromkeys(places, 3.0)
    waves |= {(down, across): 3.0 for across, down in places}
    return waves | {(LINE_BINS, 0.0): 4.0, (0.0, LINE_BINS): 2.0}


def test_dots_are_paired_along_the_axes_though_many_sums_of_harmonics_are_higher():
    tiles = cut_tiles(picture(dots_along_lines()), size_px=TILE_PX)
    pair = find_pair(tiles)
    assert pair is not None
    assert pair.across == pytest.approx([LINE_BINS, 0], abs=0.2)
    assert pair.down == pytest.approx([0, LINE_BINS], abs=0.2)
