"""A key is changed: the same rows stand under other ids, once, whatever is killed in between."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ecgbatch.errors import ConfigError
from ecgbatch.flow.backfill import Order, backfill
from ecgbatch.flow.delete import delete
from ecgbatch.flow.rekey import rekey
from ecgbatch.flow.run import convert
from ecgbatch.flow.status import status
from ecgbatch.flow.take_in import take_in
from ecgbatch.flow.verify import verify
from ecgbatch.report.verdict_file import read_verdicts
from ecgbatch.storage import key_id, scan_id, to_uri
from tests.drivers_flow import die_after, die_rekeying, drive, start
from tests.factories_backfill import Archive, arrive, day
from tests.factories_flow import KEY, OTHER, rows_of, settings, stages

OURS = {"scan_id", "content_id", "key_id", "run_id", "release", "ingest_date"}
TABLES = ("pages", "signals", "quarantine")


@pytest.fixture
def output(keyed, tmp_path, monkeypatch):
    """A copy of tables under one key, and another key at hand."""
    monkeypatch.setenv("ECGBATCH_ID_KEY", OTHER)
    source, out = keyed
    shutil.copytree(out, tmp_path / "out")
    return source, tmp_path / "out"


def under(key, source, name="0001.scan"):
    return scan_id(f"{to_uri(source)}/{name}", key=key.encode())


def again(source, out, release="new"):
    config = settings().model_copy(update={"release": release})
    return convert(str(source), str(out), stages=stages(source), config=config, local=True)


def told(out, table, key):
    """Return the rows of a release by what they tell, whatever their ids are."""
    mine = {
        row["scan_id"]
        for row in [*rows_of(out, "pages"), *rows_of(out, "quarantine")]
        if row["key_id"] == key_id(key.encode())
    }
    rows = [
        {name: value for name, value in row.items() if name not in OURS}
        for row in rows_of(out, table)
        if row["scan_id"] in mine
    ]
    return sorted(rows, key=lambda row: json.dumps(row, default=str))


def require_rekeyed(source, out):
    for table in TABLES:
        assert told(out, table, OTHER) == told(out, table, KEY) != []
    new = settings().model_copy(update={"release": "new"})
    assert verify(str(out), config=new).findings == ()
    ids = {
        row["scan_id"] for row in rows_of(out, "pages") if row["key_id"] == key_id(OTHER.encode())
    }
    assert ids == {under(OTHER, source, f"{number:04d}.scan") for number in range(12)}


def test_the_same_rows_stand_under_ids_of_the_new_key_without_the_old_one_and_the_archive(output):
    source, out = output
    done = rekey(str(out), "new", config=settings())
    assert (done.scans, done.superseded) == (13, True)
    assert (done.old_key, done.key) == (key_id(KEY.encode()), key_id(OTHER.encode()))
    require_rekeyed(source, out)
    (mark,) = (out / "tables" / "superseded").rglob("*.parquet")
    assert done.old_release in str(mark)
    before = {path: path.read_bytes() for path in (out / "tables").rglob("*.parquet")}
    assert rekey(str(out), "new", config=settings()).scans == 13
    assert all(path.read_bytes() == data for path, data in before.items() if path != mark)


def test_a_page_of_the_old_key_is_not_converted_again_under_the_new_one(output):
    source, out = output
    rekey(str(out), "new", config=settings())
    assert again(source, out).state == "nothing_to_do"
    config = settings().model_copy(update={"release": "new"})
    state = status(str(out), config=config)
    assert (state.state, state.scans_committed) == ("done", 13)
    done = backfill(
        source,
        str(out),
        Order(),
        stages=stages(source),
        config=config,
        local=True,
        clock=lambda: datetime(2030, 1, 2, tzinfo=UTC),
    )
    assert [summary.state for _, summary in done.runs] == ["nothing_to_do"]


@pytest.mark.parametrize("writes", [5, 12, 19])
def test_a_change_of_keys_that_was_killed_is_gone_on_with(writes, output):
    source, out = output
    process = start(die_rekeying, writes, out, "new")
    process.join()
    assert process.exitcode == -9
    rekey(str(out), "new", config=settings())
    require_rekeyed(source, out)


@pytest.mark.parametrize("named_by", [KEY, OTHER])
def test_a_scan_is_deleted_under_both_keys_by_either_id(named_by, output, monkeypatch):
    source, out = output
    rekey(str(out), "new", config=settings())
    ids = {under(KEY, source), under(OTHER, source)}
    with pytest.raises(ConfigError, match="ECGBATCH_ID_KEY_OLD"):
        delete(str(out), [under(named_by, source)], config=settings())
    monkeypatch.setenv("ECGBATCH_ID_KEY_OLD", KEY)
    done = delete(str(out), [under(named_by, source)], config=settings())
    assert (done.scans, done.rows, done.left) == (2, 2, ())
    assert not ids & {row["scan_id"] for row in rows_of(out, "pages")}
    assert again(source, out).state == "nothing_to_do"
    assert verify(str(out), config=settings(), release="new").exit_status == 0


def test_verdicts_hold_under_the_new_ids(output, monkeypatch):
    source, out = output
    monkeypatch.setenv("ECGBATCH_ID_KEY", KEY)
    verdict = {"scan_id": under(KEY, source), "page_no": 1, "verdict": "accepted"}
    verdicts = read_verdicts(json.dumps([verdict]).encode(), "v.json")
    take_in(str(out), verdicts, reviewer="A", config=settings())
    assert drive(source, out).scans_done == 1
    monkeypatch.setenv("ECGBATCH_ID_KEY", OTHER)
    assert rekey(str(out), "new", config=settings()).verdicts == 1
    assert again(source, out).state == "nothing_to_do"  # rows carry what was said of them
    require_rekeyed(source, out)
    assert again(source, out, release="newer").state == "done"
    said = {row["scan_id"]: row["review_id"] for row in rows_of(out, "pages") if row["review_id"]}
    assert said.keys() == {under(KEY, source), under(OTHER, source)}


def test_files_that_are_withdrawn_stay_so_under_the_new_key(tmp_path, monkeypatch):
    monkeypatch.setenv("ECGBATCH_ID_KEY", KEY)
    archive = Archive(tmp_path)
    for number in range(3):
        arrive(archive.source, f"{number}.scan", day(1), seed=number)
    order = {"deleted": "remove", "max_missing_share": 0.5}
    archive.call(day(4, 3), **order)
    (archive.source / "1.scan").unlink()
    assert archive.call(day(5, 3), **order).withdrawn == 1
    monkeypatch.setenv("ECGBATCH_ID_KEY", OTHER)
    assert rekey(str(archive.out), "new", config=settings()).scans == 2
    rows = [
        row
        for path in (archive.out / "tables" / "withdrawn").rglob("*.parquet")
        for row in pq.read_table(path).to_pylist()
    ]
    assert {row["scan_id"] for row in rows} == {
        under(key, str(archive.source), "1.scan") for key in (KEY, OTHER)
    }
    new = settings().model_copy(update={"release": "new"})
    assert verify(str(archive.out), config=new).findings == ()


def test_files_converted_under_another_key_supersede_an_older_release_too(output):
    source, out = output
    again(source, out, release="renewed")
    config = settings().model_copy(update={"release": "renewed"})
    done = backfill(
        source,
        str(out),
        Order(supersede=True),
        stages=stages(source),
        config=config,
        local=True,
        clock=lambda: datetime(2030, 1, 2, tzinfo=UTC),
    )
    assert len(done.superseded) == 1


def test_what_cannot_be_rekeyed_is_refused_with_what_to_do(output, tmp_path, monkeypatch):
    source, out = output
    with pytest.raises(ConfigError, match="release of their own"):
        rekey(str(out), status(str(out), config=settings()).release, config=settings())
    monkeypatch.setenv("ECGBATCH_ID_KEY", KEY)
    with pytest.raises(ConfigError, match="with this key already"):
        rekey(str(out), "new", config=settings())
    process = start(die_after, 8, source, tmp_path / "cut")
    process.join()
    monkeypatch.setenv("ECGBATCH_ID_KEY", OTHER)
    with pytest.raises(ConfigError, match="did not end"):
        rekey(str(tmp_path / "cut"), "new", config=settings())
    monkeypatch.delenv("ECGBATCH_ID_KEY")
    with pytest.raises(ConfigError, match="set ECGBATCH_ID_KEY"):
        rekey(str(out), "new", config=settings())
    assert not list(Path(out).glob("tables/*/release=new"))
