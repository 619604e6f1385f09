import numpy as np
import pytest

from ecgbatch.imaging.runs import find_runs, ink_level, link_runs


def page(*columns):
    return np.array(columns, np.uint8).T


def test_an_edge_lies_where_darkness_passes_half():
    runs = find_runs(page([0, 0, 64, 255, 255, 128, 0]), level=128)
    assert runs.column.tolist() == [0]
    # Half lies a third of the way from 64 to 255, and exactly on the pixel of 128.
    assert runs.top_px[0] == pytest.approx(2 + (128 - 64) / (255 - 64))
    assert runs.bottom_px[0] == pytest.approx(5)


def test_runs_come_column_by_column_from_the_top():
    runs = find_runs(page([255, 0, 255, 0], [0, 0, 0, 0], [0, 255, 0, 255]), level=128)
    assert runs.column.tolist() == [0, 0, 2, 2]
    assert np.round(runs.centre_px).tolist() == [0, 2, 1, 3]
    assert runs.first.tolist() == [0, 2, 2, 4]


def test_ink_at_the_border_of_the_page_ends_there():
    runs = find_runs(page([255, 255, 255]), level=128)
    assert (runs.top_px[0], runs.bottom_px[0]) == pytest.approx((-0.5, 2.5), abs=0.01)


def test_a_page_without_ink_has_no_runs():
    empty = np.zeros((5, 4), np.uint8)
    runs = find_runs(empty, level=ink_level(empty))
    assert runs.column.size == 0
    assert link_runs(runs, slack_px=0.5).chain.size == 0


def test_faint_ink_has_a_lower_level():
    faint = np.zeros((9, 8), np.uint8)
    faint[4] = 120
    assert ink_level(faint) == 60


def test_a_chain_ends_where_ink_splits_and_where_it_merges():
    ink = np.zeros((9, 12), np.uint8)
    ink[4, :4] = ink[4, 8:] = 255
    ink[3, 4:8] = ink[5, 4:8] = 255  # two ways round a hole
    links = link_runs(find_runs(ink, level=128), slack_px=0.5)
    assert links.chain.max() + 1 == 4
    lengths = np.sort(np.bincount(links.chain))
    assert lengths.tolist() == [4, 4, 4, 4]


def test_ink_that_does_not_touch_is_not_chained():
    ink = np.zeros((9, 6), np.uint8)
    ink[1, :3] = ink[6, 3:] = 255
    links = link_runs(find_runs(ink, level=128), slack_px=0.5)
    assert links.chain.tolist() == [0, 0, 0, 1, 1, 1]
    assert links.next_count.tolist() == [1, 1, 0, 1, 1, 0]
