import numpy as np
import pytest

from ecgbatch.imaging.facing import FACINGS, UPRIGHT, Facing, laid_right, laid_warp
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


PAGE = np.arange(24, dtype=np.uint8).reshape(4, 6)


def laid(likely, *, looks=0.2):
    """Lay a page that looks right with these likelihoods: as it is, turned, mirrored, both."""
    seen = findings_with(turns=(looks, 1 - looks, 0.0, 0.0), mirrored=0.0)
    return laid_right(PAGE, lambda _: seen, lambda _page, _ways: likely)


def test_the_way_that_looks_right_stands():
    found = laid([0.1, 0.8, 0.2, 0.1])
    assert found.facing == Facing(2)
    assert found.told
    assert np.array_equal(found.pixels, PAGE[::-1, ::-1])


def test_a_page_from_behind_is_mirrored():
    assert np.array_equal(laid([0.1, 0.1, 0.7, 0.2]).pixels, PAGE[:, ::-1])


def test_a_page_that_looks_only_a_little_likelier_from_behind_stays_as_it_is():
    assert laid([0.4, 0.05, 0.9, 0.1]).facing == UPRIGHT  # mirrored pages are rare


def test_what_looks_a_little_better_moves_no_page_and_is_a_doubt():
    found = laid([0.5, 0.6, 0.1, 0.1])
    assert found.facing == UPRIGHT
    assert not found.told
    assert np.array_equal(found.pixels, PAGE)


def test_a_page_that_looks_right_is_not_laid_in_other_ways():
    assert laid(None, looks=0.95).facing == UPRIGHT
