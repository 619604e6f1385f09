import numpy as np
import pytest

from ecgbatch.imaging.baselines import Baseline
from ecgbatch.imaging.ends import common_ends

PX_PER_MM = 5.0
HEIGHT, WIDTH = 600, 1400


def rows(count):
    return [Baseline(100.0 + 120 * k, 100, 1300, 120.0, 120.0) for k in range(count)]


def inked(*pieces_mm):
    """One row of cover per argument, a list of (start, stop) in mm."""
    cover = np.zeros((len(pieces_mm), WIDTH), np.bool_)
    for row, pieces in zip(cover, pieces_mm, strict=True):
        for start, stop in pieces:
            row[round(start * PX_PER_MM) : round(stop * PX_PER_MM)] = True
    return cover


def level_page(*pieces_mm):
    page = np.zeros((HEIGHT, WIDTH), np.bool_)
    for row, cover in zip(rows(len(pieces_mm)), inked(*pieces_mm), strict=True):
        page[round(row.y_px)] = cover
    return page


def ends_mm(cover, level):
    left, right = common_ends(cover, level, rows(len(cover)), px_per_mm=PX_PER_MM)
    return left.place_px / PX_PER_MM, right.place_px / PX_PER_MM


def test_a_row_that_dirt_makes_longer_ends_with_the_others():
    whole = [(30, 255)]
    cover = inked(whole, whole, [(12, 270)], whole)
    level = level_page(*[[(31, 254)]] * 4)
    assert ends_mm(cover, level) == pytest.approx((30, 255))


def test_ink_decides_where_traces_begin_steeply():
    cover = inked(*[[(5, 255)]] * 4)
    level = level_page([(5, 255)], *[[(12, 255)]] * 3)
    assert ends_mm(cover, level) == pytest.approx((5, 255))


def test_level_ink_decides_where_the_rest_of_a_grid_touches_the_traces():
    cover = inked([(4, 262)], [(9, 266)], [(6, 271)], [(8, 268)])
    level = level_page(*[[(14, 264)]] * 4)
    assert ends_mm(cover, level) == pytest.approx((14, 264))


def test_short_pieces_beside_a_row_are_none_of_it_and_gaps_between_columns_are():
    row = [(10, 14), (30, 92), (94, 155), (157, 218)]
    assert ends_mm(inked(row, row), level_page(row, row)) == pytest.approx((30, 218))


def test_a_single_row_ends_where_its_ink_does():
    assert ends_mm(inked([(22, 190)]), level_page([(24, 180)])) == pytest.approx((22, 190))


def test_ink_outwards_of_an_end_that_rows_share_is_not_far_off():
    whole = [(30, 255)]
    left, right = common_ends(
        inked(whole, whole), level_page(whole, whole), rows(2), px_per_mm=PX_PER_MM
    )
    assert left.slack_px <= PX_PER_MM
    assert right.slack_px <= PX_PER_MM
