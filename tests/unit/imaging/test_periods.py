"""How many of the lines that were followed make a period."""

import numpy as np
import pytest

from ecgbatch.imaging.lattice import fit_lattice
from ecgbatch.imaging.periods import cycles_mm, lines_per_period
from ecgbatch.imaging.tiles import cut_tiles, measure

SIDE_PX = 896
TILE_PX = 224
FOLLOWED_BINS = 40


def page(
    parts: dict[float, float], *, chance: float = 0.0, bins: int = FOLLOWED_BINS
) -> np.ndarray:
    """Draw lines both ways as cosines: parts of the followed frequency and their grey levels.

    ``chance`` is what repeats at every fifth part over most of the page and is opposite in an
    eighth of it, as uneven light may.
    """
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX] / TILE_PX * bins * 2 * np.pi
    total = np.random.default_rng(5).normal(128, 6, (SIDE_PX, SIDE_PX))
    for part, levels in parts.items():
        total += levels * (np.cos(part * x) + np.cos(part * y))
    opposite = np.ones_like(total)
    opposite[: SIDE_PX // 4, : SIDE_PX // 2] = -1
    for part in (0.2, 0.8):
        total += chance * opposite * (np.cos(part * x) + np.cos(part * y))
    return np.clip(np.round(total), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("parts", "chance", "order"),
    [
        pytest.param({1.0: 10.0}, 0.0, 1, id="lines that are all alike"),
        pytest.param({1.0: 10.0, 0.5: 10.0}, 0.0, 2, id="the second harmonic of bare lines"),
        pytest.param(
            {1.0: 10.0} | dict.fromkeys((0.2, 0.4, 0.6, 0.8), 3.0), 0.0, 5, id="heavier fifth"
        ),
        pytest.param({1.0: 10.0, 0.5: 10.0}, 2.0, 2, id="and what repeats less surely at fifths"),
    ],
)
def test_a_period_is_the_one_that_repeats_most_surely(parts, chance, order):
    assert lines_per_period(*followed(page(parts, chance=chance), FOLLOWED_BINS)) == order


def followed(image, bins):
    """Follow the lines that a page repeats ``bins`` times in a tile."""
    tiles = cut_tiles(image, size_px=TILE_PX)
    across, down = (measure(tiles, np.array(wave, float)) for wave in ((bins, 0), (0, bins)))
    lattice = fit_lattice(tiles, across, down)
    assert lattice is not None
    return tiles, lattice


BARE = {1.0: 10.0, 2.0: 8.0, 3.0: 6.0, 4.0: 4.0, 5.0: 3.0, 6.0: 2.0}


@pytest.mark.parametrize(
    ("parts", "sure"),
    [
        pytest.param(BARE | {5.0: 8.0}, True, id="four finer lines between two of them"),
        pytest.param(BARE, False, id="bare lines"),
        pytest.param(BARE | {2.5: 8.0, 5.0: 8.0}, False, id="every second harmonic of finer ones"),
    ],
)
def test_lines_with_four_finer_ones_between_them_are_five_millimetres_apart(parts, sure):
    tiles, lattice = followed(page(parts, bins=12), 12)
    lengths, major_known = cycles_mm(tiles, lattice, shape_px=(896, 896), factor=1, dpi=np.nan)
    assert (lengths == (5.0,)) == sure
    assert major_known == sure or lengths[0] == 5.0
