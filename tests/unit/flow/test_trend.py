"""Throughput over time."""

from itertools import pairwise

import pytest

from ecgbatch.flow.trend import POINTS, Trend


@pytest.mark.parametrize("seconds", [10, 1_000, 100_000])
def test_however_long_a_run_takes_its_points_are_few_and_even(seconds):
    trend = Trend()
    for second in range(seconds):
        trend.add(second, 3 * second)
    points = trend.points()
    assert len(points) <= POINTS
    assert points[0] == (0, 0)
    assert points[-1] == (seconds - 1, 3 * (seconds - 1))
    steps = [later[0] - earlier[0] for earlier, later in pairwise(points[:-1])]
    assert len(set(steps)) == 1
    assert all(pages == 3 * second for second, pages in points)


def test_a_run_that_counted_nothing_has_no_points():
    assert Trend().points() == ()


def test_an_answer_that_came_late_is_left_out():
    trend = Trend()
    for second, pages in ((0, 0), (5, 9), (2, 4)):
        trend.add(second, pages)
    assert trend.points() == ((0, 0), (5, 9))
