"""Faults of section 9.5 and 9.6 that concern commit, resume and verify; ids carry their numbers."""

import random
import shutil
import time
from pathlib import Path

import pytest

import ecgbatch
from ecgbatch.errors import ConfigError, LeaseError, StorageError
from ecgbatch.flow import lease
from ecgbatch.flow.verify import verify
from ecgbatch.storage import Store
from tests.drivers_flow import die_after, drive, start
from tests.factories_flow import archive, scan, settings, tables_of


def findings(out):
    return [
        (finding.kind, finding.count) for finding in verify(str(out), config=settings()).findings
    ]


def files(out, table):
    return sorted(Path(out, "tables", table).glob("**/*.parquet"))


@pytest.fixture
def source(tmp_path):
    return archive(tmp_path / "in", 9)


@pytest.fixture
def undisturbed(tmp_path, source):
    drive(source, tmp_path / "undisturbed")
    return tables_of(tmp_path / "undisturbed")


def test_fault_81_a_full_store_stops_the_run_and_publishes_nothing_by_half(
    tmp_path, source, undisturbed, monkeypatch
):
    out = tmp_path / "out"
    write, parts = Store.write, 0

    def full(self, uri, data):
        nonlocal parts
        if "/tables/" in uri and parts == 2:  # one part is whole, the next has its signals
            raise StorageError("storage is full")
        parts += "/tables/signals/" in uri
        return write(self, uri, data)

    monkeypatch.setattr(Store, "write", full)
    with pytest.raises(StorageError, match="storage is full"):
        drive(source, out)
    monkeypatch.undo()
    published = tables_of(out)
    signals = {(row["scan_id"], row["page_no"]) for row in published["signals"]}
    assert 0 < len(published["pages"]) < len(undisturbed["pages"])
    assert {(row["scan_id"], row["page_no"]) for row in published["pages"]} <= signals
    drive(source, out)
    assert tables_of(out) == undisturbed


def test_fault_83_a_receipt_whose_answer_was_lost_is_written_once(
    tmp_path, source, undisturbed, monkeypatch
):
    out = tmp_path / "out"
    create = Store.create

    def lose_answer(self, uri, data):
        created = create(self, uri, data)
        if "/receipts/" in uri:
            raise StorageError("no answer")
        return created

    monkeypatch.setattr(Store, "create", lose_answer)
    with pytest.raises(StorageError, match="no answer"):
        drive(source, out)
    monkeypatch.undo()
    drive(source, out)
    assert tables_of(out) == undisturbed
    assert findings(out) == []


def test_fault_85_what_dead_runs_left_behind_is_removed(tmp_path, source, undisturbed):
    out = tmp_path / "out"
    drive(source, out)
    part = files(out, "signals")[0]
    for place in (
        part.with_name("run-dead-000000.parquet"),  # signals of a part that has no pages
        part.with_name(".0123456789abcdef.tmp"),
        out / "runs" / "dead" / "plan" / "000000.parquet",  # of a run that never began
    ):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(part.read_bytes())
    scan(source, "new.scan", seed=77)
    drive(source, out)
    assert not list(out.rglob("*dead*.parquet"))
    assert not list(out.rglob("*.tmp"))
    assert not list((out / "runs" / "dead").rglob("*.parquet"))
    assert len(tables_of(out)["pages"]) == len(undisturbed["pages"]) + 1


@pytest.mark.parametrize("size", [0, 100], ids=["empty", "cut_short"])
def test_fault_86_a_truncated_file_is_named(tmp_path, source, size):
    out = tmp_path / "out"
    drive(source, out)
    path = files(out, "signals")[1]
    path.write_bytes(path.read_bytes()[:size])
    report = verify(str(out), config=settings())
    assert [finding.kind for finding in report.findings][:1] == ["damaged_file"]
    assert report.findings[0].name == str(path.relative_to(out))
    assert report.exit_status == 1


def test_fault_86_a_store_that_cuts_a_body_does_not_get_a_receipt(tmp_path, source, monkeypatch):
    write = Store.write

    def cut(self, uri, data):
        return write(self, uri, data[:-9] if "/signals/" in uri else data)

    monkeypatch.setattr(Store, "write", cut)
    with pytest.raises(Exception, match="gave back other bytes"):
        drive(source, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("receipts/*"))


def test_fault_87_a_flipped_bit_in_a_published_file_is_found(tmp_path, source):
    out = tmp_path / "out"
    drive(source, out)
    for place in (60, 400, -40):  # a data page, another, the footer
        path = files(out, "signals")[0]
        whole = path.read_bytes()
        flipped = bytearray(whole)
        flipped[place] ^= 0x10
        path.write_bytes(flipped)
        assert "damaged_file" in dict(findings(out)), place
        path.write_bytes(whole)
    assert findings(out) == []


def test_fault_89_a_driver_killed_after_any_change_of_the_store_is_taken_up(
    tmp_path, source, undisturbed
):
    writes = 0
    while True:
        writes += 1
        out = tmp_path / f"out{writes}"
        process = start(die_after, writes, source, out)
        process.join()
        if process.exitcode == 0:
            break
        drive(source, out)
        assert tables_of(out) == undisturbed, writes
        assert findings(out) == [], writes
    assert writes > 15  # lease, plan, record, two parts with four each, and the end


def test_fault_89_a_replacement_killed_after_any_change_of_the_store_is_taken_up(tmp_path, source):
    drive(source, tmp_path / "before")
    for number in (1, 4, 6):  # the second has three pages and gets two, a part loses all its rows
        scan(source, f"{number:04d}.scan", seed=1000 + number, pages=2)
    drive(source, tmp_path / "fresh")
    expected = tables_of(tmp_path / "fresh")
    for writes in range(1, 100):
        out = tmp_path / f"out{writes}"
        shutil.copytree(tmp_path / "before", out)
        process = start(die_after, writes, source, out)
        process.join()
        drive(source, out)
        assert tables_of(out) == expected, writes
        assert findings(out) == [], writes
        if process.exitcode == 0:
            break
    else:
        pytest.fail("the run never ended by itself")


def test_fault_90_a_driver_killed_at_random_times_is_taken_up(tmp_path):
    source = archive(tmp_path / "slow", 30, slow_s=0.02)
    drive(source, tmp_path / "undisturbed")
    expected = tables_of(tmp_path / "undisturbed")
    moments = random.Random(20)
    out = tmp_path / "out"
    for _ in range(20):
        process = start(drive, source, out)
        time.sleep(moments.uniform(0.1, 0.6))
        process.kill()
        process.join()
    drive(source, out)
    assert tables_of(out) == expected
    assert findings(out) == []


def test_fault_95_of_two_runs_at_once_one_is_refused_by_the_name_of_the_other(tmp_path, source):
    out = tmp_path / "out"
    scan(source, "slow.scan", slow_s=3)
    first = start(drive, source, out)
    while not list(out.glob("runs/*/run.json")):
        time.sleep(0.02)
    time.sleep(0.2)
    name = next(out.glob("runs/*/run.json")).parent.name
    with pytest.raises(LeaseError, match=f"run {name} is writing to this output.* s ago"):
        drive(source, out)
    first.join()
    assert first.exitcode == 0
    assert findings(out) == []


def test_fault_95_a_run_that_lost_its_lease_publishes_nothing_more(
    tmp_path, source, undisturbed, monkeypatch
):
    """A driver sleeps through its lease, another takes over, and the first one wakes up."""
    out = tmp_path / "out"
    create = Store.create
    usurped = False

    def usurp(self, uri, data):
        nonlocal usurped
        if "/receipts/" in uri and not usurped:
            usurped = True
            monkeypatch.setattr(lease, "STALE_AFTER_S", -1.0)
            drive(source, out)
            monkeypatch.setattr(lease, "STALE_AFTER_S", 60.0)
        return create(self, uri, data)

    monkeypatch.setattr(Store, "create", usurp)
    with pytest.raises(LeaseError, match="took over"):
        drive(source, out)
    assert usurped
    assert tables_of(out) == undisturbed
    assert findings(out) == []


def test_fault_98_a_run_is_not_taken_up_with_another_configuration_or_version(
    tmp_path, source, monkeypatch
):
    from ecgbatch.config import ReadSettings
    from ecgbatch.flow.run import convert
    from tests.factories_flow import stages

    out = tmp_path / "out"
    first = settings().model_copy(update={"release": "r1"})
    other = first.model_copy(update={"read": ReadSettings(pdf_dpi=200)})

    def begin(config):
        convert(source, str(out), stages=stages(source), config=config, local=True)

    scan(source, "0004.scan", stop=True)
    with pytest.raises(StorageError):
        begin(first)
    with pytest.raises(ConfigError, match=rf"{first.fingerprint()}.*{other.fingerprint()}"):
        begin(other)
    with monkeypatch.context() as patch:
        patch.setattr("ecgbatch.flow.runs.identities", lambda _: ("locator@9.9.9",))
        with pytest.raises(ConfigError, match=r"here are locator@9\.9\.9"):
            begin(first)
    before = ecgbatch.__version__
    monkeypatch.setattr(ecgbatch, "__version__", "9.9.9")
    with pytest.raises(ConfigError, match=rf"made by ecgbatch {before}, and this is 9\.9\.9"):
        begin(first)


def test_fault_98_another_configuration_in_a_release_is_refused_with_both_hashes(tmp_path, source):
    out = tmp_path / "out"
    from ecgbatch.config import ReadSettings
    from ecgbatch.flow.run import convert
    from tests.factories_flow import stages

    first = settings().model_copy(update={"release": "r1"})
    other = first.model_copy(update={"read": ReadSettings(pdf_dpi=200)})
    convert(source, str(out), stages=stages(source), config=first, local=True)
    with pytest.raises(ConfigError) as refused:
        convert(source, str(out), stages=stages(source), config=other, local=True)
    assert first.fingerprint() in str(refused.value)
    assert other.fingerprint() in str(refused.value)
