"""Leads that stand below each other were printed at the same time."""

import pytest

from ecgbatch.imaging.clock import on_one_clock
from ecgbatch.types import Region


def region(left_px):
    return Region("II", "strip", "read", left_px, 0.0, left_px + 600, 200.0, 100.0, 0.0)


@pytest.mark.parametrize(
    ("lefts", "times"),
    [
        pytest.param([100, 106, 725], [0, 24, 2500], id="one row begins late"),
        pytest.param([84, 100, 725], [0, 64, 2564], id="one row begins early"),
        pytest.param([110, 110, 725], [40, 40, 2500], id="all begin after the page does"),
    ],
)
def test_a_start_follows_from_its_place_alone(lefts, times):
    found = on_one_clock(
        [region(float(left)) for left in lefts], begin_px=100.0, px_per_mm=10.0, speed_mm_per_s=25.0
    )
    assert [each.t0_ms for each in found] == pytest.approx(times)


def test_a_page_without_leads_has_no_times():
    assert on_one_clock([], begin_px=100.0, px_per_mm=10.0, speed_mm_per_s=25.0) == ()
