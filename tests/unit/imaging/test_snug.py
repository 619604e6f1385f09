import cv2
import numpy as np
import pytest

from ecgbatch.imaging.snug import snug, whole_line

MM = 10.0


def ink_of(*words, size=(200, 1200)):
    """Words at ``(x, y)`` of their lower left corner, 20 px high."""
    ink = np.zeros(size, np.uint8)
    for text, x, y in words:
        cv2.putText(ink, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.95, 255, 2)
    return ink


def box_of(ink):
    dark = ink >= 96
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    return (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)


@pytest.mark.parametrize("off", [(0, 0), (4, -4), (-5, 3)])
@pytest.mark.parametrize("grown", [-2, 0, 4])
def test_a_box_that_is_not_quite_right_becomes_that_of_the_letters(off, grown):
    ink = ink_of(("V4", 300, 100))
    left, top, right, bottom = true = box_of(ink)
    x, y = off
    rough = (left + x - grown, top + y - grown, right + x + grown, bottom + y + grown)
    assert snug(ink, tuple(map(float, rough))) == true


def test_a_trace_that_runs_by_does_not_belong_to_the_word():
    ink = ink_of(("V4", 300, 100))
    true = box_of(ink)
    cv2.line(ink, (0, 125), (1199, 118), 255, 3)
    rough = tuple(float(edge + shift) for edge, shift in zip(true, (-3, 2, 3, 4), strict=True))
    assert snug(ink, rough) == true


def test_where_there_are_no_letters_the_box_stays():
    rough = (300.0, 80.0, 340.0, 100.0)
    assert snug(np.zeros((200, 1200), np.uint8), rough) == rough


def test_boxes_beyond_the_page_stay():
    ink = ink_of(("V4", 300, 100))
    for rough in ((-50.0, -50.0, -10.0, -30.0), (1300.0, 300.0, 1340.0, 320.0)):
        assert snug(ink, rough) == rough


def test_a_part_of_a_line_grows_to_all_of_it():
    ink = ink_of(("25mm/s", 100, 100), ("10mm/mV", 290, 100), ("Hz", 500, 100))
    true = box_of(ink)
    part = (300.0, true[1] + 1.0, 380.0, true[3] - 1.0)
    found = whole_line(ink, part, px_per_mm=MM)
    assert found == pytest.approx(true, abs=2)


def test_a_line_ends_at_a_wide_gap():
    ink = ink_of(("25mm/s", 100, 100), ("Page", 900, 100))
    found = whole_line(ink, (120.0, 78.0, 200.0, 104.0), px_per_mm=MM)
    assert found[2] < 300
