"""How many of the lines that were followed make a period."""

import numpy as np
import pytest

from ecgbatch.imaging.lattice import fit_lattice
from ecgbatch.imaging.periods import lines_per_period
from ecgbatch.imaging.tiles import cut_tiles, measure

SIDE_PX = 896
TILE_PX = 224
FOLLOWED_BINS = 40


def page(parts: dict[float, float], *, chance: float = 0.0) -> np.ndarray:
    """Draw lines both ways as cosines: parts of the followed frequency and their grey levels.

    ``chance`` is what repeats at every fifth part over most of the page and is opposite in an
    eighth of it, as uneven light may.
    """
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX] / TILE_PX * FOLLOWED_BINS * 2 * np.pi
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
    tiles = cut_tiles(page(parts, chance=chance), size_px=TILE_PX)
    across, down = (
        measure(tiles, np.array(wave, float)) for wave in ((FOLLOWED_BINS, 0), (0, FOLLOWED_BINS))
    )
    lattice = fit_lattice(tiles, across, down)
    assert lattice is not None
    assert lines_per_period(tiles, lattice) == order
