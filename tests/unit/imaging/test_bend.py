"""Whether paper is bent, from lines that a page shows."""

import numpy as np
import pytest

from ecgbatch.imaging.lattice import Lattice, fit_lattice, remeasure
from ecgbatch.imaging.tiles import Tiles, cut_tiles, measure

SIDE_PX = 480
TILE_PX = 96
BINS = 16


def lines(bend_cycles: float) -> Tiles:
    """Draw lines both ways; the upright ones leave their place at the page's ends."""
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX]
    across = x * BINS / TILE_PX + bend_cycles * (2 * y / SIDE_PX - 1) ** 2
    levels = 128 + 20 * (np.cos(2 * np.pi * across) + np.cos(2 * np.pi * y * BINS / TILE_PX))
    return cut_tiles(np.round(levels).astype(np.uint8), size_px=TILE_PX)


def fitted(tiles: Tiles) -> Lattice:
    across, down = (measure(tiles, np.array(wave, float)) for wave in ((BINS, 0), (0, BINS)))
    lattice = fit_lattice(tiles, across, down)
    assert lattice is not None
    return lattice


@pytest.mark.parametrize(("bend_cycles", "flat"), [(0.0, True), (0.1, True), (0.6, False)])
def test_a_bend_that_moves_no_line_by_half_a_pixel_is_none(bend_cycles, flat):
    assert fitted(lines(bend_cycles)).is_flat == flat


def test_paper_that_is_known_to_be_flat_gets_no_bend():
    tiles = lines(0.6)
    lattice = fitted(tiles)
    assert remeasure(tiles, lattice, times=1.0, flat=True).is_flat
    assert not remeasure(tiles, lattice, times=1.0).is_flat
