import io
import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ecgbatch import schema
from ecgbatch.errors import ChecksumError, Reason, StorageError
from ecgbatch.flow import sieve as sieve_module
from ecgbatch.flow.manifest import Entry
from ecgbatch.flow.plan import estimate, read_plan, source_entries, write_plan
from ecgbatch.flow.sieve import Sieve
from ecgbatch.storage import join, open_store, scan_id


@pytest.fixture
def store(tmp_path):
    return open_store(str(tmp_path))


def entries(count, version="1"):
    return [Entry(f"s3://b/{number}.jpg", version, 10) for number in range(count)]


def rows(store, plan):
    tables = [pq.read_table(io.BytesIO(store.read(uri))) for uri in plan.files]
    for table in tables:
        schema.require(table, schema.PLAN, stage="plan")
    return pa.concat_tables([schema.PLAN.empty_table(), *tables])


def committed(*names, version="1"):
    ids = [scan_id(f"s3://b/{name}.jpg") for name in names]
    return pa.table({"scan_id": ids, "version": [version] * len(ids), "part": ["p"] * len(ids)})


def test_every_scan_stands_in_the_plan_once_and_files_are_sorted_and_bounded(store, monkeypatch):
    monkeypatch.setattr(sieve_module, "FILE_ROWS", 100)
    monkeypatch.setattr(sieve_module, "CHUNK_ROWS", 64)
    listing = entries(1000)
    plan = write_plan(iter(listing + listing[:50]), store=store, folder_uri=store.root_uri)
    table = rows(store, plan)
    assert sorted(table["uri"].to_pylist()) == sorted(entry.uri for entry in listing)
    assert table["scan_id"].to_pylist() == sorted(scan_id(entry.uri) for entry in listing)
    assert len(plan.files) == 10
    assert (plan.scans_listed, plan.scans_planned, plan.duplicates) == (1000, 1000, 50)
    assert plan.size_bytes == 10_000
    assert table["error"].null_count == 1000


def test_an_object_that_changed_while_it_was_listed_is_planned_as_it_was_seen_last(store):
    listing = [Entry("s3://b/x", version, 10) for version in ("old", "older", "new")]
    table = rows(store, write_plan(listing, store=store, folder_uri=store.root_uri))
    assert table["version"].to_pylist() == ["new"]


def test_what_is_committed_in_this_version_is_left_out_and_a_changed_scan_is_not(store):
    done = [committed(0, 1, 2), committed(3, version="other"), committed(99)]
    plan = write_plan(entries(5), store=store, folder_uri=store.root_uri, committed=iter(done))
    assert sorted(rows(store, plan)["uri"].to_pylist()) == ["s3://b/3.jpg", "s3://b/4.jpg"]
    assert (plan.scans_listed, plan.scans_skipped, plan.scans_planned) == (5, 3, 2)


def test_a_finished_archive_gives_an_empty_plan(store):
    plan = write_plan(
        entries(3), store=store, folder_uri=store.root_uri, committed=[committed(0, 1, 2)]
    )
    assert (plan.files, plan.scans_planned, plan.size_bytes) == ((), 0, 0)


def test_folder_markers_are_counted_and_not_planned_but_an_object_with_bytes_is_no_marker(store):
    listing = [
        Entry("s3://b/dir/", "1", 0),
        Entry("s3://b/odd/", "1", 5),
        Entry("s3://b/e", "1", 0),
    ]
    plan = write_plan(listing, store=store, folder_uri=store.root_uri)
    assert sorted(rows(store, plan)["uri"].to_pylist()) == ["s3://b/e", "s3://b/odd/"]
    assert plan.markers == 1


def test_a_refused_row_is_planned_with_its_error(store):
    listing = [Entry("http://x", "", None, Reason.URI_NOT_ALLOWED), *entries(1)]
    plan = write_plan(listing, store=store, folder_uri=store.root_uri)
    by_uri = {row["uri"]: row for row in rows(store, plan).to_pylist()}
    assert by_uri["http://x"]["error"]["reason"] == "uri_not_allowed"
    assert by_uri["http://x"]["error"]["stage"] == "plan"
    assert by_uri["http://x"]["size_bytes"] is None
    assert by_uri["s3://b/0.jpg"]["error"] is None
    assert (plan.scans_refused, plan.scans_planned, plan.size_bytes) == (1, 2, 10)


def test_an_empty_listing_gives_a_plan_without_files(store):
    plan = write_plan([], store=store, folder_uri=store.root_uri)
    assert plan.files == ()
    assert read_plan(store, store.root_uri) == plan


def test_an_estimate_counts_as_the_plan_does_and_writes_nothing(store, tmp_path):
    listing = [*entries(3), Entry("s3://b/Smith.John", "1", 4), Entry("s3://b/a.b/c.TIF", "1", 5)]
    guess = estimate(listing, committed=[committed(0)])
    assert list(tmp_path.iterdir()) == []
    assert (guess.scans_planned, guess.size_bytes) == (4, 29)
    assert guess.extensions == {"jpg": 2, "tif": 1, "other": 1}


def test_a_plan_is_whole_only_with_its_summary(store):
    plan = write_plan(entries(3), store=store, folder_uri=store.root_uri)
    assert read_plan(store, store.root_uri) == plan
    store.write(join(store.root_uri, "plan.json"), b"{")
    with pytest.raises(ChecksumError):
        read_plan(store, store.root_uri)
    store.delete(join(store.root_uri, "plan.json"))
    assert read_plan(store, store.root_uri) is None


@pytest.mark.parametrize("out", ["out", "", ".."])
def test_an_output_around_or_inside_the_input_is_no_part_of_the_archive(tmp_path, out):
    archive = open_store(str(tmp_path / "in"))
    output = open_store(str(tmp_path / "in" / out))
    for name in ("a.jpg", "out-2/b.jpg"):
        archive.write(join(archive.root_uri, name), b"scan")
    for name in ("tables/pages/x.parquet", "runs/1/run.json"):
        output.write(join(output.root_uri, name), b"ours")
    found = source_entries(archive, leave_out=output.root_uri)
    names = {entry.uri.removeprefix(archive.root_uri) for entry in found}
    assert names == {"/a.jpg", "/out-2/b.jpg"}


def test_a_full_temporary_folder_says_what_to_do(store, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sieve_module, "_spill", full)
    with pytest.raises(StorageError, match="TMPDIR"):
        write_plan(entries(1), store=store, folder_uri=store.root_uri)


def test_memory_does_not_grow_with_the_listing(monkeypatch):
    monkeypatch.setattr(sieve_module, "CHUNK_ROWS", 1000)

    def python_peak_bytes(count):
        tracemalloc.start()
        estimate(Entry(f"s3://b/{number:09d}", "1", 1) for number in range(count))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    python_peak_bytes(1000)  # imports and caches
    assert python_peak_bytes(20_000) < 1.5 * python_peak_bytes(4_000)


def test_what_is_not_due_is_left_out_of_the_plan_and_not_missed(store):
    listing = [entry._replace(modified_s=float(place)) for place, entry in enumerate(entries(6))]
    watched = [committed(0, 5), committed(99)]
    sieve = Sieve(due=lambda at: at < 3, watched=watched)
    plan = write_plan(listing, store=store, folder_uri=store.root_uri, sieve=sieve)
    assert (plan.scans_listed, plan.scans_planned) == (3, 3)
    assert sieve.missing.to_pylist() == [scan_id("s3://b/99.jpg")]


def test_an_empty_listing_misses_whatever_was_watched_for(store):
    sieve = Sieve(watched=[committed(*range(200))])
    write_plan([], store=store, folder_uri=store.root_uri, sieve=sieve)
    assert len(sieve.missing) == 200
