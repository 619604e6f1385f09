"""Slots follow from the calendar, whatever a scheduler or a clock change does."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgbatch.errors import ConfigError
from ecgbatch.flow.slots import Slot, Window, from_stamp, instant_of, stamp, zone_of

ZONES = ["UTC", "Europe/Berlin", "America/Havana", "Africa/Cairo", "Australia/Lord_Howe"]


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


def test_days_have_23_and_25_hours_when_clocks_change():
    days = Window.parse("1d", "Europe/Berlin")
    spring = days.slots(utc(2026, 3, 27, 23), utc(2026, 3, 29, 22))
    assert [(slot.end - slot.start) / timedelta(hours=1) for slot in spring] == [24, 23]
    autumn = days.slots(utc(2026, 10, 23, 22), utc(2026, 10, 25, 23))
    assert [(slot.end - slot.start) / timedelta(hours=1) for slot in autumn] == [24, 25]


def test_a_midnight_that_is_skipped_is_one_boundary():
    """Clocks in Havana went from 0:00 to 1:00 on 8 March 2026."""
    days = Window.parse("1d", "America/Havana")
    slots = days.slots(utc(2026, 3, 7, 5), utc(2026, 3, 10, 4))
    assert [slot.end for slot in slots] == [
        utc(2026, 3, 8, 5),
        utc(2026, 3, 9, 4),
        utc(2026, 3, 10, 4),
    ]


@given(
    zone=st.sampled_from(ZONES),
    text=st.sampled_from(["1h", "5h", "24h", "1d", "3d", "1w", "2w"]),
    day=st.integers(0, 4000),
    hours=st.integers(1, 24 * 60),
)
def test_slots_leave_no_gap_overlap_nowhere_and_do_not_depend_on_who_asks(zone, text, day, hours):
    window = Window.parse(text, zone)
    since = utc(2019, 1, 1, 7, 13) + timedelta(days=day)
    until = since + timedelta(hours=hours)
    slots = window.slots(since, until)
    assert slots[0].start == since
    assert slots[-1].end == until
    assert all(before.end == after.start for before, after in itertools.pairwise(slots))
    later = window.slots(since + timedelta(hours=hours / 3), until)
    assert {slot.end for slot in later} <= {slot.end for slot in slots}
    assert window.last_end(until) == max(window.starts(since - timedelta(days=20), until))


def test_a_scheduler_that_fires_twice_or_late_meets_the_same_end():
    days = Window.parse("1d", "Europe/Berlin")
    fired = [utc(2026, 10, 25, hour, 30) for hour in (0, 1, 2, 20)]  # 2:30 comes twice on that day
    assert {days.last_end(at) for at in fired} == {utc(2026, 10, 24, 22)}


def test_coverage_is_what_slots_leave_nothing_of():
    day = [Slot(utc(2026, 1, number), utc(2026, 1, number + 1)) for number in range(1, 6)]
    assert day[1].covered([day[1]])
    assert not day[1].covered([day[0], day[2]])
    assert Slot(day[0].start, day[2].end).covered([day[2], day[0], day[1]])
    assert not Slot(day[0].start, day[2].end).covered([day[0], day[2]])
    assert day[3].covered([Slot(None, utc(2026, 1, 20))])
    assert not Slot(None, day[0].end).covered(day)


def test_a_change_belongs_to_one_slot_and_one_without_a_time_to_any():
    first, second = Slot(None, utc(2026, 1, 1)), Slot(utc(2026, 1, 1), utc(2026, 1, 2))
    border = utc(2026, 1, 1).timestamp()
    assert (first.holds(border), second.holds(border)) == (False, True)
    assert (first.holds(border - 1), second.holds(border - 1)) == (True, False)
    assert first.holds(float("nan"))


def test_names_can_be_read_back():
    slot = Slot(None, utc(2026, 11, 24))
    assert slot.name == "all-20261124T000000Z"
    assert from_stamp(stamp(slot.end)) == slot.end


@pytest.mark.parametrize("text", ["", "0d", "1", "d", "1m", "-1d", "1.5d", "99999d"])
def test_what_is_no_window_is_refused(text):
    with pytest.raises(ConfigError, match="6h, 1d, 2w"):
        Window.parse(text, "UTC")


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", ""])
def test_what_is_no_zone_is_refused(name):
    with pytest.raises(ConfigError, match="no such zone"):
        zone_of(name)


def test_days_and_times_are_read_in_the_zone():
    berlin = zone_of("Europe/Berlin")
    assert instant_of("2026-07-01", berlin) == utc(2026, 6, 30, 22)
    assert instant_of("2026-07-01T12:00", berlin) == utc(2026, 7, 1, 10)
    assert instant_of("2026-07-01T12:00Z", berlin) == utc(2026, 7, 1, 12)
    with pytest.raises(ConfigError, match="2026-11-24"):
        instant_of("yesterday", berlin)
