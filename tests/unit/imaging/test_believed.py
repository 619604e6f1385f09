from dataclasses import replace

import numpy as np
import pytest

from ecgbatch.imaging.baselines import Baseline
from ecgbatch.imaging.believed import believed
from tests.factories_networks import findings_with

SCALE = 5.0
FACTOR = 2


def row(y, left=20, right=180):
    return Baseline(y_px=y, left_px=left, right_px=right, above_px=40.0, below_px=40.0)


ROWS = (row(20), row(60), row(100))


def seen(lines, texts=()):
    """What a locator sees: zero lines and text, at heights of the reduced page."""
    cell_px = 20.0
    row_map, text = np.zeros((30, 40), np.float32), np.zeros((30, 40), np.float32)
    for plane, values in ((row_map, lines), (text, texts)):
        for y, value in values:
            plane[int(y * FACTOR / cell_px)] = value
    return replace(findings_with(), row=row_map, text=text, cell_px=cell_px)


def kept(findings):
    return [r.y_px for r in believed(ROWS, findings, factor=FACTOR, px_per_mm=SCALE)]


def test_a_row_on_which_nothing_is_seen_beside_others_is_none():
    assert kept(seen([(20, 0.9), (100, 0.8)])) == [20, 100]


def test_the_rows_around_one_that_was_none_stand_as_far_apart_as_they_do():
    found = believed(ROWS, seen([(20, 0.9), (100, 0.8)]), factor=FACTOR, px_per_mm=SCALE)
    assert [(r.above_px, r.below_px) for r in found] == [(80, 80), (80, 80)]


def test_a_page_of_which_the_locator_sees_little_is_left_to_geometry():
    assert kept(seen([(20, 0.1)])) == [20, 60, 100]


def test_rows_of_writing_are_none_even_where_nothing_else_is_there():
    assert kept(seen([], [(20, 1.0), (60, 0.9), (100, 0.8)])) == []


@pytest.mark.parametrize("likely", [0.2, 0.9])
def test_a_trace_that_text_runs_across_is_a_row(likely):
    assert kept(seen([(y, likely) for y in (20, 60, 100)], [(60, 1.0)])) == [20, 60, 100]


def test_no_rows_stay_none():
    assert believed((), findings_with(), factor=FACTOR, px_per_mm=SCALE) == ()
