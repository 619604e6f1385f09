"""Where columns divide: borders, marks and ends that say different things."""

import numpy as np
import pytest

from ecgbatch.imaging.columns import divide
from ecgbatch.imaging.hints import Hints

PX_PER_MM = 5.0
LEFT, RIGHT = 176.0, 1426.0  # 250 mm: two columns of five seconds


def hints(*marks_px: float, rows: int = 6) -> Hints:
    """Hints of rows whose second names stand behind the border at 801."""
    strength = np.zeros((rows, 1500), np.float32)
    strength[:, 761:822] = 0.9
    return Hints(strength, tuple(marks_px), 0.0, np.ones(rows, np.bool_), ())


def test_an_end_beside_a_pulse_counts_where_it_makes_columns_of_a_usual_width():
    beats = [811.0] * 6  # one beat of all rows, 2 mm behind the border
    found = divide(
        hints(800.0, *beats),
        left_px=LEFT,
        right_px=RIGHT,
        px_per_mm=PX_PER_MM,
        sure=(False, True),
    )
    assert found.borders_px == pytest.approx((LEFT, 801, RIGHT), abs=1.1)


def test_marks_of_all_rows_outweigh_an_end_that_makes_no_usual_width():
    odd = LEFT + 40.0  # columns of 121 mm from here
    found = divide(
        hints(*[811.0] * 6),
        left_px=odd,
        right_px=RIGHT,
        px_per_mm=PX_PER_MM,
        sure=(False, True),
    )
    assert found.borders_px[1] == pytest.approx(811, abs=1.1)


def test_rows_as_long_as_four_usual_columns_begin_with_the_first():
    found = Hints(np.zeros((3, 1500), np.float32), (), 0.0, np.ones(3, np.bool_), ())
    for border in (1, 2, 3):
        at = round(LEFT + border * 62.5 * PX_PER_MM)
        found.strength[:, at - 30 : at + 45] = 0.7  # names
        found.strength[:, at + 22 : at + 30] = 0.8  # and beats 5 mm behind the border
    division = divide(found, left_px=LEFT, right_px=RIGHT, px_per_mm=PX_PER_MM)
    assert division.borders_px[0] == pytest.approx(LEFT, abs=2.0)
    assert np.diff(division.borders_px) == pytest.approx([62.5 * PX_PER_MM] * 4, abs=6.0)
