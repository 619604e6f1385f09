"""Faults of workers on a cluster; ids carry their numbers.

Whatever dies, the tables are those of an undisturbed run: nothing twice, nothing lost.
"""

import errno
import signal

import psutil
import pytest

from ecgbatch.errors import StorageError
from ecgbatch.flow import run, sieve
from ecgbatch.flow.output import PART_TABLES
from ecgbatch.flow.run import convert
from ecgbatch.flow.verify import verify
from tests.drivers_flow import drive, driver, summary_of, wait_for_own_part
from tests.factories_flow import Deadly, archive, rows_of, scan, settings, stages, tables_of

MARGIN_BYTES = 2 * 2**30
"""So much may be taken before workers are killed; others on the machine take less meanwhile."""

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_address")]


def assert_undisturbed(out, expected):
    assert tables_of(out) == expected
    assert verify(str(out), config=settings()).findings == ()


def expected_of(source, folder):
    drive(source, folder / "undisturbed")
    return tables_of(folder / "undisturbed")


def test_fault_88_workers_killed_while_they_decode_and_infer_leave_no_trace(tmp_path):
    source = archive(tmp_path / "in", 8)
    decoding, inferring = tmp_path / "decoding", tmp_path / "inferring"
    scan(source, "once.scan", pages=2, seed=1, die_once=str(decoding))
    decoding.touch()
    expected = expected_of(source, tmp_path)
    decoding.unlink()
    work = stages(source, judge_dies=inferring)
    convert(source, str(tmp_path / "out"), stages=work, config=settings())
    assert decoding.exists()
    assert inferring.exists()
    assert_undisturbed(tmp_path / "out", expected)


@pytest.mark.parametrize(
    "kill_after",
    [
        pytest.param(1, id="fault_88_in_the_parquet_write"),
        pytest.param(len(PART_TABLES), id="fault_89_between_data_and_receipt"),
        pytest.param(len(PART_TABLES) + 1, id="fault_89_between_receipt_and_its_answer"),
    ],
)
def test_a_worker_that_is_killed_while_it_commits_leaves_no_trace(
    tmp_path, monkeypatch, kill_after
):
    source = archive(tmp_path / "in", 8)
    expected, marker = expected_of(source, tmp_path), tmp_path / "died"
    monkeypatch.setattr(run, "Committer", Deadly(kill_after, str(marker)))
    convert(source, str(tmp_path / "out"), stages=stages(source), config=settings())
    assert marker.exists()
    assert_undisturbed(tmp_path / "out", expected)


def test_fault_93_more_rows_than_the_memory_of_the_cluster_flow_through_it(tmp_path):
    """Long flat leads, 300 MB of them, through an object store of 256 MB."""
    source = archive(tmp_path / "in", 4)
    for number in range(24):
        scan(source, f"long{number}.scan", pages=40, seed=number, flat_samples=80_000)
    config = settings(scans_per_part=64)
    summary = convert(source, str(tmp_path / "out"), stages=stages(source), config=config)
    assert 4 * 80_000 * 24 * 40 > 256 * 2**20
    assert summary.pages_published == 24 * 40 + 4
    assert len(rows_of(tmp_path / "out", "pages")) == summary.pages_published
    assert verify(str(tmp_path / "out"), config=config).findings == ()


def test_fault_93_a_temporary_folder_that_is_full_stops_the_plan_with_what_to_do(
    tmp_path, monkeypatch
):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", "/tmp/SMITH")

    monkeypatch.setattr(sieve.pa, "OSFile", full)
    with pytest.raises(StorageError, match="set TMPDIR") as stopped:
        drive(archive(tmp_path / "in", 2), tmp_path / "out")
    assert "SMITH" not in str(stopped.value)
    assert tables_of(tmp_path / "out")["pages"] == []


def test_fault_94_a_page_that_segfaults_is_set_aside_alone(tmp_path):
    source = archive(tmp_path / "in", 6)
    config = settings(cpu_workers_max=1, scans_per_block=16)
    expected = expected_of(source, tmp_path)
    scan(source, "deadly.scan", crash=True)
    summary = convert(source, str(tmp_path / "out"), stages=stages(source), config=config)
    assert_set_aside(tmp_path / "out", expected, "worker_crash")
    assert summary.reasons == {"worker_crash": 1, "empty": 1}


def test_fault_94_a_page_that_exhausts_the_machine_is_set_aside_alone(tmp_path):
    """In a Ray of its own, whose watcher kills workers long before this machine has no memory."""
    memory = psutil.virtual_memory()
    if memory.available < 3 * MARGIN_BYTES:
        pytest.skip("less than 6 GiB of free memory, of which the page takes two thirds")
    source = archive(tmp_path / "in", 6)
    expected = expected_of(source, tmp_path)
    scan(source, "hungry.scan", hungry=2 * MARGIN_BYTES)
    watched = {
        "RAY_memory_usage_threshold": str(1 - (memory.available - MARGIN_BYTES) / memory.total),
        "RAY_memory_monitor_refresh_ms": "100",
        "RAY_worker_niceness": "0",
    }
    ending = driver(source, str(tmp_path / "out"), environment=watched)
    try:
        summary = summary_of(ending)
    finally:
        ending.kill()
    assert_set_aside(tmp_path / "out", expected, "memory_limit")
    assert summary["reasons"] == {"memory_limit": 1, "empty": 1}


def assert_set_aside(out, expected, reason):
    """One row, after three deaths, and all others as they are without that page."""
    for table in ("pages", "signals"):
        assert rows_of(out, table) == expected[table]
    rows = [row for row in rows_of(out, "quarantine") if row["reason"] == reason]
    assert [(row["attempts"], row["stage"]) for row in rows] == [(3, "worker")]


class Others:
    """Lets the straggler go once so many others are through; without them it would not end."""

    def __init__(self, count, path):
        self.count = count
        self.path = path

    def update(self, event):
        if event.scans_done >= self.count:
            self.path.touch()


def test_fault_99_a_straggler_holds_up_no_more_than_what_waits_for_its_worker(tmp_path):
    """Ray hands a worker the next block while it works on one; the rest goes to the other."""
    source = archive(tmp_path / "in", 12)
    let_go = tmp_path / "let go"
    scan(source, "slow.scan", until=str(let_go))
    summary = convert(
        source,
        str(tmp_path / "out"),
        stages=stages(source),
        config=settings(scans_per_block=1, cpu_workers_max=2),
        progress=Others(13 - 2, let_go),
    )
    assert let_go.exists()
    assert (summary.scans_done, summary.reasons) == (14, {"empty": 1})


def test_fault_90_and_100_a_driver_that_was_killed_and_stopped_goes_on(tmp_path, ray_address):
    source = archive(tmp_path / "in", 40, slow_s=0.15)
    expected = expected_of(source, tmp_path)
    out = tmp_path / "out"

    killed = driver(source, str(out), ray_address)
    wait_for_own_part(out, killed)
    killed.kill()
    killed.communicate()

    stopped = driver(source, str(out), ray_address)
    wait_for_own_part(out, stopped)
    stopped.send_signal(signal.SIGTERM)
    summary = summary_of(stopped)
    assert (summary["state"], summary["exit_status"]) == ("interrupted", 75)
    assert stopped.returncode == 75
    assert 0 < summary["scans_done"] < 41

    ending = driver(source, str(out), ray_address)
    summary = summary_of(ending)
    assert (summary["state"], summary["resumed"]) == ("done", 2)
    assert summary["scans_done"] == 41
    assert_undisturbed(out, expected)
