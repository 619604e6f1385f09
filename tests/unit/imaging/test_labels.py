"""Names and traces: whose is the name between two rows?"""

import numpy as np
import pytest

from ecgbatch.imaging.labels import pairings
from ecgbatch.types import Strip

MM = 10.0


def strip(left, y, width=600.0):
    return Strip(
        left_px=left, left_zero_px=y, right_px=left + width, right_zero_px=y,
        above_px=80.0, below_px=40.0, likelihood=0.9,
    )  # fmt: skip


def name(left, y):
    """A name 3 mm wide whose middle is at ``y``."""
    return (left, y - 12, left + 30, y + 12, 0.9)


def paired(strips, boxes, sure=None):
    names = np.array(boxes, float).reshape(-1, 5)
    ways = pairings(strips, names, [0.9] * len(names) if sure is None else sure, px_per_mm=MM)
    assert [way.score for way in ways] == sorted((way.score for way in ways), reverse=True)
    return list(ways[0].names)


def test_each_trace_gets_the_name_that_stands_beside_it_as_the_others_do():
    strips = [strip(200, 500 + 120 * row) for row in range(4)]
    # Below their own trace, and nearer to the next one.
    boxes = np.array([[208, y + 72, 240, y + 96, 0.9] for y in (500, 620, 740, 860)], float)
    assert paired(strips, boxes) == [0, 1, 2, 3]


def test_names_in_front_of_the_first_column_and_above_the_second_are_both_found():
    strips = [strip(200 + 600 * c, 500 + 300 * r) for r in range(3) for c in range(2)]
    boxes = [
        [70, y - 20, 100, y + 4, 0.9] if c == 0 else [810, y - 60, 850, y - 36, 0.9]
        for y in (500, 800, 1100)
        for c in range(2)
    ]
    assert paired(strips, boxes) == [0, 1, 2, 3, 4, 5]


def test_text_far_from_every_trace_is_nobodys_name():
    boxes = np.array([[900, 100, 940, 124, 0.9]], float)
    assert paired([strip(200, 800)], boxes) == [None]
    assert paired([strip(200, 800)], []) == [None]


@pytest.mark.parametrize(("pitch_px", "found"), [(420, True), (150, False)])
def test_names_stand_further_away_where_rows_do(pitch_px, found):
    strips = [strip(200, 500 + pitch_px * row) for row in range(4)]
    boxes = [name(205, 310 + pitch_px * row) for row in range(4)]
    assert (paired(strips, boxes) == [0, 1, 2, 3]) == found


@pytest.mark.parametrize("count", [1, 2])
def test_one_name_goes_to_one_trace(count):
    boxes = np.array([[205, 440, 240, 464, 0.9]], float)
    strips = [strip(200, 500 + 90 * row) for row in range(count)]
    given = paired(strips, boxes)
    assert given.count(0) == 1
    assert given[0] == 0


def test_where_rows_are_narrow_a_missed_name_shifts_no_other():
    # 8 mm apart, names 3 mm above their own zero line: 5 mm below that of the row above
    strips = [strip(200, 500 + 80 * row) for row in range(12)]
    boxes = [name(205, 470 + 80 * row) for row in range(12) if row not in {0, 5}]
    assert paired(strips, boxes) == [None, 0, 1, 2, 3, None, 4, 5, 6, 7, 8, 9]


def test_one_habit_serves_all_columns_unless_names_stand_in_front_of_the_first():
    strips = [strip(200 + 600 * column, 500 + 100 * row) for row in range(6) for column in range(2)]
    boxes = [name(205 + 600 * column, 460 + 100 * row) for row in range(6) for column in range(2)]
    del boxes[0]  # without it, the first column alone would fit one row down, too
    assert paired(strips, boxes) == [None, *range(11)]


def test_a_word_at_another_place_than_the_names_is_nobodys():
    strips = [strip(200, 500 + 300 * row) for row in range(3)]
    boxes = [name(205, 440), name(205, 740), name(120, 1180)]
    assert paired(strips, boxes, [0.9, 0.9, 0.4]) == [0, 1, None]
