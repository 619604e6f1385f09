import numpy as np
import pytest

from ecgbatch.imaging.strips import find_strips, rows_of_strips
from ecgbatch.types import Findings

MM = 10.0
CELL = 20.0


def findings(starts, ends, rows, shape=(60, 120)):
    """What a locator would see: ``rows`` of (left, right, y) in pixels."""
    row = np.zeros(shape, np.float32)
    row_y = np.zeros(shape, np.float32)
    for left, right, y in rows:
        at = (y + 0.5) / CELL - 0.5
        first, last = round((left + 0.5) / CELL - 0.5), round((right + 0.5) / CELL - 0.5)
        row[round(at), first : last + 1] = 0.95
        row_y[round(at), first : last + 1] = at - round(at)
    nothing = np.zeros((0, 5))
    plane = np.full(shape, 50, np.float32)
    return Findings(
        starts=np.array(starts, float).reshape(-1, 3),
        ends=np.array(ends, float).reshape(-1, 3),
        names=nothing, pulses=nothing, lines=nothing,
        row=row, row_y=row_y, above_px=plane, below_px=plane, separator=plane * 0, text=plane * 0,
        cell_px=CELL, ecg=1.0, turns=(1.0, 0.0, 0.0, 0.0), mirrored=0.0,
    )  # fmt: skip


def test_a_start_and_an_end_on_one_zero_line_are_a_trace():
    [found] = find_strips(
        findings([[200, 305, 0.9]], [[1400, 305, 0.9]], [(200, 1400, 305)]), px_per_mm=MM
    )
    assert (found.left_px, found.right_px) == (200, 1400)
    assert found.left_zero_px == pytest.approx(305, abs=1)
    assert found.above_px == pytest.approx(50)


def test_columns_divide_a_row():
    seen = findings(
        [[200, 300, 0.9], [800, 300, 0.9]],
        [[800, 300, 0.9], [1400, 300, 0.9]],
        [(200, 1400, 300)],
    )
    found = sorted(find_strips(seen, px_per_mm=MM), key=lambda s: s.left_px)
    assert [(s.left_px, s.right_px) for s in found] == [(200, 800), (800, 1400)]


def test_a_doubtful_border_does_not_divide_a_row():
    seen = findings(
        [[200, 300, 0.9], [800, 300, 0.22]],
        [[800, 300, 0.22], [1400, 300, 0.9]],
        [(200, 1400, 300)],
    )
    [found] = find_strips(seen, px_per_mm=MM)
    assert (found.left_px, found.right_px) == (200, 1400)


def test_without_a_zero_line_between_them_ends_are_nothing():
    assert find_strips(findings([[200, 300, 0.9]], [[1400, 300, 0.9]], []), px_per_mm=MM) == []


def test_ends_of_other_rows_are_not_joined():
    seen = findings([[200, 300, 0.9]], [[1400, 500, 0.9]], [(200, 1400, 300)])
    assert find_strips(seen, px_per_mm=MM) == []


def test_rows_come_from_the_top_down_and_columns_from_the_left():
    seen = findings(
        [[800, 310, 0.9], [200, 300, 0.95], [200, 700, 0.9]],
        [[1400, 315, 0.9], [790, 306, 0.9], [1400, 705, 0.9]],
        [(200, 790, 300), (800, 1400, 312), (200, 1400, 700)],
    )
    rows = rows_of_strips(find_strips(seen, px_per_mm=MM), px_per_mm=MM)
    assert [[round(s.left_px) for s in row] for row in rows] == [[200, 800], [200]]


def test_a_page_without_points_has_no_traces():
    assert find_strips(findings([], [], []), px_per_mm=MM) == []
