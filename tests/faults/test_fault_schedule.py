"""Faults of schedulers: fired twice, missed, at a clock change, over a run; ids carry numbers."""

from datetime import timedelta

import pytest

from ecgbatch.errors import LeaseError
from ecgbatch.flow.lease import Lease
from ecgbatch.flow.output import Output
from ecgbatch.flow.slots import Window
from tests.drivers_flow import backfill_at, start
from tests.factories_backfill import Archive, arrive, day
from tests.factories_flow import tables_of

BERLIN = Window.parse("1d", "Europe/Berlin")


@pytest.fixture
def archive(tmp_path):
    archive = Archive(tmp_path)
    for number in range(6):
        arrive(archive.source, f"{number}.scan", day(26 + number, 12), seed=number)
    return archive


def test_fault_96_two_schedulers_at_the_same_moment_make_one_run(archive):
    calls = [start(backfill_at, archive.source, archive.out, day(29, 3)) for _ in range(3)]
    for call in calls:
        call.join()
    assert {call.exitcode for call in calls} <= {0, 75}
    assert 0 in {call.exitcode for call in calls}
    assert archive.records() == ["all-20260330T000000Z"]
    assert len(archive.runs()) == 1
    assert archive.findings() == ()


@pytest.mark.parametrize("policy", ["all", "last"])
def test_fault_96_a_month_of_a_bad_scheduler_gives_the_tables_of_one_run(archive, tmp_path, policy):
    """It fires at 2:30 of a zone whose clocks change, twice or late, and misses two nights."""
    fired = [
        *(day(27, 1), day(27, 1)),  # twice
        *(day(28, 0) + timedelta(minutes=30), day(28, 1)),  # 2:30 does not exist on this night
        day(31, 23),  # two nights were missed
        *(day(32, 1), day(32, 1), day(32, 2)),
    ]
    for now in fired:
        archive.call(now, window=BERLIN, catch_up=policy)
    assert len(archive.records()) == len(set(archive.records()))
    ends = [name.split("-")[1] for name in archive.records()]
    nights = {"all": 6, "last": 3}[policy]
    assert len(ends) == len(set(ends)) == nights
    assert len(archive.runs()) <= nights
    assert archive.findings() == ()
    once = Archive(tmp_path / "once")
    once.source = archive.source
    once.call(day(32, 2), window=BERLIN)
    assert tables_of(archive.out) == tables_of(once.out)


def test_fault_96_a_call_while_another_run_works_ends_and_leaves_the_slot_to_the_next(archive):
    output = Output.at(str(archive.out), archive.config.storage)
    with Lease(output, run_id="the-other"), pytest.raises(LeaseError, match="the-other"):
        archive.call(day(29, 3))
    assert archive.records() == []
    assert archive.call(day(29, 4)).runs[0][1].scans_done == 3
