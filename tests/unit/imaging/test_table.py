"""Rows and columns from points of which some are missed and some invented."""

import numpy as np
import pytest

from ecgbatch.imaging.table import find_rows
from ecgbatch.types import Findings

MM = 10.0
CELL = 20.0
ROWS = (300.0, 500.0, 700.0)
BORDERS = (200.0, 800.0, 1400.0, 2000.0)


def seen(starts, ends, lines, shape=(60, 120)):
    """What a locator would see: points, and zero lines as functions of x between two ends."""
    row, row_y = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for left, right, y in lines:
        for column in range(round(left / CELL), round(right / CELL) + 1):
            at = (y((column + 0.5) * CELL - 0.5) + 0.5) / CELL - 0.5
            row[round(at), column] = 0.95
            row_y[round(at), column] = at - round(at)
    nothing, plane = np.zeros((0, 5)), np.full(shape, 50, np.float32)
    return Findings(
        starts=np.array(sorted(starts, key=lambda p: -p[2]), float).reshape(-1, 3),
        ends=np.array(sorted(ends, key=lambda p: -p[2]), float).reshape(-1, 3),
        names=nothing, pulses=nothing, lines=nothing,
        row=row, row_y=row_y, above_px=plane, below_px=plane, separator=plane * 0, text=plane * 0,
        cell_px=CELL, ecg=1.0, turns=(1.0, 0.0, 0.0, 0.0), mirrored=0.0,
    )  # fmt: skip


def flat(y):
    return lambda _: y


def points(xs, ys, likelihood=0.7):
    return [[x, y, likelihood] for y in ys for x in xs]


def page(missed=(), weak=(), rhythm=()):
    """Three rows of three traces; ``missed`` and ``weak`` are (row, border) of both points."""
    starts, ends = [], []
    for number, y in enumerate(ROWS):
        for border, x in enumerate(BORDERS):
            sure = 0.0 if (number, border) in missed else 0.16 if (number, border) in weak else 0.7
            starts += [[x, y, sure]] if border < 3 else []
            ends += [[x - 4, y, sure]] if border else []
    lines = [(BORDERS[0], BORDERS[-1], flat(y)) for y in (*ROWS, *rhythm)]
    starts += points([BORDERS[0]], rhythm)
    ends += points([BORDERS[-1]], rhythm)
    return seen(starts, ends, lines)


def boxes(found):
    return [[(round(s.left_px, -1), round(s.right_px, -1)) for s in row] for row in found]


WHOLE = [(200, 800), (800, 1400), (1400, 2000)]


@pytest.mark.parametrize("how", ["missed", "weak"])
def test_a_border_that_one_row_lacks_is_told_by_the_others(how):
    found = find_rows(page(**{how: {(1, 1)}}), px_per_mm=MM)
    assert boxes(found) == [WHOLE] * 3


def test_rows_without_borders_below_the_others_are_whole():
    found = find_rows(page(rhythm=(900.0, 1100.0)), px_per_mm=MM)
    assert boxes(found) == [*[WHOLE] * 3, [(200, 2000)], [(200, 2000)]]


def test_a_start_that_was_missed_is_where_the_others_are():
    found = find_rows(page(missed={(2, 0)}), px_per_mm=MM)
    assert boxes(found) == [WHOLE] * 3
    assert found[2][0].likelihood < 0.5 * found[1][0].likelihood


def test_a_stray_point_divides_no_row():
    findings = page()
    starts = np.vstack([findings.starts, [[1100, ROWS[1], 0.3]]])
    found = find_rows(
        seen(starts.tolist(), findings.ends.tolist(), [(200, 2000, flat(y)) for y in ROWS]),
        px_per_mm=MM,
    )
    assert boxes(found) == [WHOLE] * 3


def test_zero_lines_may_bend_with_the_paper():
    def bent(y):
        return lambda x: y + 30 * abs(x - 1100) / 900

    starts = [[x, bent(y)(x), 0.7] for y in ROWS for x in (200, 1100)]
    ends = [[x, bent(y)(x), 0.7] for y in ROWS for x in (1096, 2000)]
    lines = [(200, 2000, bent(y)) for y in ROWS]
    found = find_rows(seen(starts, ends, lines), px_per_mm=MM)
    assert [len(row) for row in found] == [2, 2, 2]
    for row, y in zip(found, ROWS, strict=True):
        assert row[0].left_zero_px == pytest.approx(y + 30, abs=6)
        assert row[1].left_zero_px == pytest.approx(y, abs=6)


def test_rows_may_begin_and_end_elsewhere():
    starts = [*points([200], ROWS[:2]), [900, ROWS[2], 0.7]]
    ends = [*points([2000], ROWS[:2]), [1500, ROWS[2], 0.7]]
    lines = [*((200, 2000, flat(y)) for y in ROWS[:2]), (900, 1500, flat(ROWS[2]))]
    found = find_rows(seen(starts, ends, lines), px_per_mm=MM)
    assert boxes(found) == [[(200, 2000)], [(200, 2000)], [(900, 1500)]]


def test_a_page_without_points_has_no_rows():
    assert find_rows(seen([], [], []), px_per_mm=MM) == []
