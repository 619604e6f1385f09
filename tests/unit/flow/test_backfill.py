"""Each slot is settled once, whatever a scheduler does; the clock is the tests' own."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ecgbatch.config import ReadSettings
from ecgbatch.errors import ConfigError, StorageError
from ecgbatch.flow import backfill as backfill_module
from ecgbatch.flow.backfill import Order, due_slots, preview
from ecgbatch.flow.slots import Slot, Window
from ecgbatch.flow.status import status
from ecgbatch.flow.take_in import take_in
from ecgbatch.report.verdict_file import Verdict
from ecgbatch.tables import parts
from tests.factories_backfill import Archive, arrive, day
from tests.factories_flow import rows_of, settings, tables_of


def slots(order, settled=(), *, now):
    return [slot.name for slot in due_slots(order, list(settled), now)]


BERLIN = Window.parse("1d", "Europe/Berlin")


def test_without_a_beginning_the_first_slot_has_the_whole_archive():
    for policy in ("all", "last"):
        assert slots(Order(catch_up=policy), now=day(5, 9)) == ["all-20260306T000000Z"]


def test_missed_slots_are_made_up_for_as_the_policy_says():
    settled = [Slot(None, day(2))]
    asked = {"settled": settled, "now": day(5, 9)}
    assert slots(Order(catch_up="last"), **asked) == ["all-20260306T000000Z"]
    assert slots(Order(catch_up="none"), **asked) == ["20260305T000000Z-20260306T000000Z"]
    assert slots(Order(catch_up="all"), **asked) == [
        f"all-202603{number:02d}T000000Z" for number in (4, 5, 6)
    ]


@pytest.mark.parametrize("policy", ["all", "last", "none"])
def test_a_slot_that_is_settled_is_not_due_again(policy):
    order = Order(catch_up=policy, since=day(0))
    settled = []
    for hours in range(0, 24 * 6, 5):
        now = day(0) + timedelta(hours=hours)
        due = due_slots(order, settled, now)
        assert due_slots(order, [*settled, *due], now) == []
        settled += due
    assert settled[-1].end == day(5)


def test_one_slot_for_each_night_across_both_changes_of_the_clock():
    """Fired at 2:30 local time by a scheduler that skips or repeats that time."""
    for first in (datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 10, 23, tzinfo=UTC)):
        order = Order(window=BERLIN, since=first, catch_up="all")
        settled = []
        for hour in range(120):
            now = first + timedelta(hours=hour, minutes=30)
            local = now.astimezone(BERLIN.zone)
            if local.hour in (2, 3):  # at 2:30, and again an hour later
                settled += due_slots(order, settled, now)
        ends = [slot.end.astimezone(BERLIN.zone) for slot in settled]
        assert all((end.hour, end.minute) == (0, 0) for end in ends)
        assert [(end.date() - first.date()).days for end in ends] == [1, 2, 3, 4]


def test_a_stretch_of_the_past_is_cut_into_windows_and_ends_where_it_should():
    order = Order(window=Window.parse("1w", "UTC"), since=day(0), until=day(16), catch_up="all")
    due = due_slots(order, [], day(100))
    assert [slot.end for slot in due] == [day(1), day(8), day(15), day(16)]
    assert {slot.start for slot in due} == {day(0)}
    assert due_slots(order, [Slot(None, day(50))], day(100)) == []


def test_an_end_before_the_beginning_is_refused():
    with pytest.raises(ConfigError, match="--until"):
        due_slots(Order(since=day(3), until=day(2)), [], day(9))


@pytest.fixture
def archive(tmp_path):
    archive = Archive(tmp_path)
    for number in range(4):
        arrive(archive.source, f"{number}.scan", day(number, 12), seed=number)
    return archive


def test_nights_follow_each_other_and_a_second_call_does_nothing(archive):
    first = archive.call(day(2, 3))
    assert [slot.name for slot, _ in first.runs] == ["all-20260303T000000Z"]
    assert first.runs[0][1].scans_done == 2
    assert archive.told[0][1].scans == 2
    assert archive.call(day(2, 4)).runs == ()
    second = archive.call(day(4, 3))
    assert second.runs[0][1].scans_done == 2
    assert second.exit_status == 0
    assert archive.records() == ["all-20260303T000000Z", "all-20260305T000000Z"]
    assert [name.split("-", 2)[2] for name in archive.runs()] == archive.records()
    assert archive.findings() == ()
    assert len(archive.ids()) == 4


def test_what_arrives_late_with_an_early_time_is_read_by_the_next_slot(archive):
    archive.call(day(4, 3))
    arrive(archive.source, "late.scan", day(1, 1), seed=9)
    assert archive.call(day(5, 3), catch_up="all").runs[0][1].scans_done == 1


def test_a_changed_file_replaces_its_rows(archive):
    archive.call(day(4, 3))
    before = tables_of(archive.out)
    arrive(archive.source, "1.scan", day(4, 12), seed=99)
    archive.call(day(5, 3))
    after = tables_of(archive.out)
    changed = [row["scan_id"] for row in after["signals"] if row not in before["signals"]]
    assert changed == [archive.id_of("1.scan")]
    assert len(after["pages"]) == len(before["pages"]) == 4
    assert archive.findings() == ()


def test_what_a_reviewer_says_of_an_old_file_is_obeyed_by_a_slot_that_reads_only_new_ones(archive):
    archive.call(day(4, 3))
    verdict = Verdict("line 1", archive.id_of("0.scan"), 1, "accepted")
    take_in(str(archive.out), [verdict], reviewer="A", config=archive.config)
    order = {"since": day(4), "catch_up": "none"}
    assert archive.call(day(5, 3), **order).runs[0][1].scans_done == 1
    assert archive.ids() == {archive.id_of(f"{number}.scan") for number in range(4)}
    (row,) = [row for row in rows_of(archive.out, "pages") if row["review_id"]]
    assert row["scan_id"] == verdict.scan_id
    assert archive.call(day(6, 3), **order).runs[0][1].state == "nothing_to_do"


def test_a_night_without_anything_new_is_settled_without_a_run(archive):
    archive.call(day(4, 3))
    quiet = archive.call(day(5, 3))
    assert [summary.state for _, summary in quiet.runs] == ["nothing_to_do"]
    assert len(archive.runs()) == 1
    assert archive.call(day(5, 4)).runs == ()


def test_no_more_slots_at_once_than_allowed(archive):
    order = {"since": day(0), "catch_up": "all", "max_slots": 3}
    first = archive.call(day(5, 3), **order)
    assert (len(first.runs), first.left, first.exit_status) == (3, 2, 75)
    assert [summary.scans_done for _, summary in first.runs] == [1, 1, 1]
    second = archive.call(day(5, 3), **order)
    assert (len(second.runs), second.left, second.exit_status) == (2, 0, 0)


def test_a_slot_whose_run_was_interrupted_is_taken_up_by_the_next_call(archive):
    arrive(archive.source, "3.scan", day(3, 12), stop=True)
    with pytest.raises(StorageError):
        archive.call(day(4, 3))
    assert archive.records() == []
    arrive(archive.source, "3.scan", day(3, 12), seed=3)
    resumed = archive.call(day(4, 9))
    assert [summary.resumed for _, summary in resumed.runs] == [1]
    assert archive.records() == ["all-20260305T000000Z"]


def test_a_call_that_died_between_run_and_record_is_recorded_by_the_next(archive, monkeypatch):
    def die(*arguments, **facts):
        raise KeyboardInterrupt

    monkeypatch.setattr(backfill_module.SlotRecords, "settle", die)
    with pytest.raises(KeyboardInterrupt):
        archive.call(day(4, 3))
    monkeypatch.undo()
    arrive(archive.source, "late.scan", day(1, 1), seed=9)
    again = archive.call(day(4, 9))
    assert [summary.state for _, summary in again.runs] == ["nothing_to_do"]
    assert archive.records() == ["all-20260305T000000Z"]
    assert len(archive.runs()) == 1


def test_another_configuration_is_another_release_and_says_so_of_the_old_one(archive):
    archive.call(day(4, 3))
    old = status(str(archive.out), config=archive.config).release
    changed = archive.config.model_copy(update={"read": ReadSettings(pdf_dpi=200.0)})
    half = archive.call(day(2, 3), config=changed, until=day(2), supersede=True)
    assert half.superseded == ()
    whole = archive.call(day(4, 3), config=changed, supersede=True)
    assert whole.superseded == (old,)
    (row,) = _marks(archive.out, "superseded")
    assert row["superseded_by"] == status(str(archive.out), config=changed).release
    assert row["scans"] == 4
    assert row["differences"] == ["read.pdf_dpi: 300.0 -> 200.0"]
    assert {part.release for part in parts(open_out(archive), table="pages")} == {
        row["superseded_by"]
    }
    back = archive.call(day(9, 3), supersede=True)  # the old settings speak again
    assert back.superseded == (row["superseded_by"],)
    assert {part.release for part in parts(open_out(archive), table="pages")} == {old}


@pytest.mark.parametrize("policy", ["keep", "mark", "remove"])
def test_deleted_files_are_treated_as_the_policy_says_and_may_come_back(archive, policy):
    order = {"deleted": policy, "max_missing_share": 0.5}
    archive.call(day(4, 3), **order)
    gone = archive.id_of("1.scan")
    shutil.move(archive.source / "1.scan", archive.source.parent / "1.scan")
    done = archive.call(day(5, 3), **order)
    assert done.withdrawn == (0 if policy == "keep" else 1)
    assert (gone in archive.ids()) == (policy != "remove")
    marks = _marks(archive.out, "withdrawn")
    assert [(row["scan_id"], row["removed"]) for row in marks] == (
        [] if policy == "keep" else [(gone, policy == "remove")]
    )
    assert archive.findings() == ()
    assert archive.call(day(6, 3), **order).withdrawn == 0
    assert len(_marks(archive.out, "withdrawn")) == len(marks)

    shutil.move(archive.source.parent / "1.scan", archive.source / "1.scan")
    archive.call(day(7, 3), **order)
    assert len(archive.ids()) == 4
    assert _marks(archive.out, "withdrawn") == []
    assert archive.findings() == ()


def test_an_archive_that_is_not_mounted_deletes_nothing(archive):
    archive.call(day(4, 3))
    for name in ("0", "1", "2"):
        (archive.source / f"{name}.scan").unlink()
    with pytest.raises(ConfigError, match="3 of 4 files are no longer in the archive"):
        archive.call(day(5, 3), deleted="remove")
    assert len(archive.ids()) == 4
    assert archive.records() == ["all-20260305T000000Z"]


def test_files_of_another_archive_are_not_missed(archive, tmp_path):
    archive.call(day(4, 3))
    other = Archive(tmp_path)
    other.source = tmp_path / "other"
    arrive(other.source, "a.scan", day(1), seed=50)
    assert other.call(day(4, 3), deleted="remove").withdrawn == 0
    assert len(archive.ids()) == 5


def test_the_estimate_comes_first_and_writes_nothing(archive, tmp_path):
    arguments = {"config": archive.config, "clock": lambda: day(3, 3)}
    due, known = preview(
        str(archive.source),
        str(archive.out),
        Order(pages_per_s=0.5, price_per_hour=3600.0),
        **arguments,
    )
    assert [slot.name for slot in due] == ["all-20260304T000000Z"]
    assert (known.scans, known.pages, known.pace.given) == (3, 3.0, True)
    assert known.hours == pytest.approx(6 / 3600)
    assert known.cost == pytest.approx(6.0)
    assert not archive.out.exists()
    _, unknown = preview(str(archive.source), str(archive.out), Order(), **arguments)
    assert (unknown.hours, unknown.cost) == (None, None)


def test_the_estimate_rests_on_earlier_runs_and_on_the_throttle(archive):
    folder = archive.out / "runs" / "earlier"
    folder.mkdir(parents=True)
    summary = {"pages_in": 300, "scans_done": 100, "seconds": 60.0, "pages_per_s": 5.0}
    (folder / "summary.json").write_text(json.dumps(summary))
    slow = settings().model_copy(
        update={"storage": settings().storage.model_copy(update={"archive_requests_per_s": 0.1})}
    )
    arguments = {"clock": lambda: day(3, 3)}
    _, free = preview(
        str(archive.source), str(archive.out), Order(), config=settings(), **arguments
    )
    assert (free.pages, free.limited_by) == (9.0, "pages")
    assert free.hours == pytest.approx(9 / 5 / 3600)
    _, held = preview(str(archive.source), str(archive.out), Order(), config=slow, **arguments)
    assert held.limited_by == "requests"
    assert held.hours == pytest.approx(30 / 3600)


def open_out(archive):
    from ecgbatch.storage import open_store

    return open_store(str(archive.out))


def _marks(out, table):
    import pyarrow.parquet as pq

    return [
        row
        for path in sorted(Path(out, "tables", table).glob("**/*.parquet"))
        for row in pq.read_table(path, partitioning=None).to_pylist()
    ]
