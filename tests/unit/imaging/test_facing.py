import numpy as np
import pytest

from ecgbatch.imaging.facing import FACINGS, UPRIGHT, Facing, laid_right, laid_warp, likely_facings
from ecgbatch.imaging.rectify import rectify, to_source
from ecgbatch.types import Warp
from tests.factories_networks import findings_with


@pytest.mark.parametrize("facing", FACINGS)
def test_a_page_that_is_laid_comes_back_by_its_matrix(facing):
    page = np.arange(35, dtype=np.uint8).reshape(5, 7)
    laid = facing.laid(page)
    for y, x in np.ndindex(laid.shape):
        was = facing.back(page.shape) @ [x, y, 1]
        assert page[round(was[1]), round(was[0])] == laid[y, x]


@pytest.mark.parametrize("facing", FACINGS)
def test_bent_paper_is_drawn_as_it_was_drawn_and_then_laid(facing):
    rng = np.random.default_rng(0)
    source = np.repeat(np.repeat(rng.integers(0, 255, (12, 16), np.uint8), 10, 0), 10, 1)
    y, x = np.mgrid[:5, :6]
    bend = np.stack([2 * np.sin(y), 1.5 * np.cos(x)], axis=-1).astype(np.float32)
    place = np.array([[1.1, 0.05, 3], [-0.04, 1.0, 6], [0, 0, 1]])
    warp = Warp(place, (80, 100), bend, 20.0, 0.0)
    laid = laid_warp(warp, facing)
    assert laid.shape_px == facing.laid(np.zeros((80, 100), np.uint8)).shape
    corner = np.array([[40.0, 20.0]])
    was = (facing.back((80, 100)) @ [40, 20, 1])[None, :2]
    # a mesh that is laid anew has its nodes elsewhere
    assert to_source(corner, laid) == pytest.approx(to_source(was, warp), abs=0.5)
    drawn = rectify(source, laid).astype(float), facing.laid(rectify(source, warp)).astype(float)
    assert np.median(np.abs(drawn[0] - drawn[1])) < 3


def test_ways_to_lie_are_likely_by_turns_and_sides_together():
    likely = likely_facings(findings_with(turns=(0.1, 0.0, 0.9, 0.0), mirrored=0.2))
    assert sum(likely.values()) == pytest.approx(1)
    assert next(iter(likely)) == Facing(2)
    assert likely[Facing(2, mirrored=True)] == pytest.approx(0.18)


def test_a_locator_that_contradicts_itself_moves_no_page():
    page = np.zeros((4, 6), np.uint8)
    page[0, 0] = 9
    always = findings_with(turns=(0.0, 0.0, 1.0, 0.0), mirrored=0.0)
    laid = laid_right(page, lambda _: always)
    assert laid.facing == UPRIGHT
    assert laid.upright == 0
    assert np.array_equal(laid.pixels, page)
