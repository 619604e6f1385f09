"""The cluster gives what one process gives, also when stages fail and workers die."""

import pytest

import ecgbatch
from ecgbatch.errors import CapacityError, ClusterError, ConfigError, QuarantineError, StorageError
from ecgbatch.flow.run import convert
from ecgbatch.flow.status import status
from ecgbatch.flow.verify import verify
from ecgbatch.storage import key_id, secret
from tests.factories_flow import archive, rows_of, scan, settings, stages, tables_of

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_address")]


def both(tmp_path, source, **pools):
    """Convert one archive here and on Ray, and return both tables and the summary from Ray."""
    here, there = tmp_path / "here", tmp_path / "there"
    config = settings(**pools)
    convert(source, str(here), stages=stages(source), config=config, local=True)
    summary = convert(source, str(there), stages=stages(source), config=config)
    assert verify(str(there), config=config).findings == ()
    return tables_of(here), tables_of(there), summary


def test_ray_gives_the_rows_of_one_process(tmp_path):
    source = archive(tmp_path / "in", 22, bad={"pages": 3, "defect_page": 2})
    here, there, summary = both(tmp_path, source)
    assert there == here
    assert len(here["pages"]) == 22 + 4 * 2 + 1  # every fifth has three pages; one before the bad
    assert summary.pages_in == summary.pages_published + summary.pages_quarantined
    assert summary.reasons == {"defect": 1, "empty": 1}
    assert summary.exit_status == 1
    assert list(summary.stage_ms) == ["fetch", "judge"]


def test_one_bad_scan_costs_one_row_and_not_its_block(tmp_path):
    source = archive(tmp_path / "in", 8, bad={"defect_page": 1})
    _, there, _ = both(tmp_path, source, scans_per_block=16)
    assert len(there["pages"]) == 8 + 2
    assert [row["reason"] for row in there["quarantine"]].count("defect") == 1


def test_a_fault_of_the_surroundings_stops_the_run_with_its_own_words(tmp_path):
    source = archive(tmp_path / "in", 4, full={"stop": True})
    with pytest.raises(StorageError, match="the store is full"):
        convert(source, str(tmp_path / "out"), stages=stages(source), config=settings())


def test_fault_98_workers_of_another_version_are_refused_with_both_versions(tmp_path, monkeypatch):
    """The driver believes to be newer; its workers are other processes and know better."""
    worker = ecgbatch.__version__
    monkeypatch.setattr(ecgbatch, "__version__", "9.9.9")
    source, out = archive(tmp_path / "in", 2), tmp_path / "out"
    with pytest.raises(ConfigError) as refused:
        convert(source, str(out), stages=stages(source), config=settings())
    assert f"this worker has ecgbatch {worker}" in str(refused.value)
    assert "the driver has 9.9.9" in str(refused.value)
    assert rows_of(out, "pages") == []


def test_too_much_quarantine_stops_the_run(tmp_path):
    source = archive(tmp_path / "in", 8)
    for number in range(60):
        scan(source, f"bad{number}.scan", defect_page=1, slow_s=0.1)
    config = settings().model_copy(
        update={"max_quarantined_share": 0.3, "quarantine_judged_from_pages": 20}
    )
    with pytest.raises(QuarantineError, match=r"max_quarantined_share = 0\.3"):
        convert(source, str(tmp_path / "out"), stages=stages(source), config=config)
    assert status(str(tmp_path / "out"), config=config).state == "unfinished"


def test_workers_that_do_not_fit_are_refused_with_the_sum(tmp_path):
    source = archive(tmp_path / "in", 2)
    config = settings(cpu_workers_max=50)
    with pytest.raises(CapacityError, match=r"50 workers x 1 CPU \+ 1.5 CPU .* = 51.5, .* 4 CPU"):
        convert(source, str(tmp_path / "out"), stages=stages(source), config=config)


def test_a_run_in_which_nothing_moves_is_stopped(tmp_path):
    source = archive(tmp_path / "in", 1, asleep={"slow_s": 600})
    config = settings(no_progress_seconds=8, scans_per_block=1)
    with pytest.raises(ClusterError, match="no page ended in 8 s"):
        convert(source, str(tmp_path / "out"), stages=stages(source), config=config)


def test_a_finished_run_again_writes_nothing(tmp_path):
    source = archive(tmp_path / "in", 4)
    out = tmp_path / "out"
    convert(source, str(out), stages=stages(source), config=settings())
    before = {path: path.stat().st_mtime_ns for path in (out / "tables").rglob("*.parquet")}
    again = convert(source, str(out), stages=stages(source), config=settings())
    assert again.state == "nothing_to_do"
    assert again.scans_skipped == again.scans_listed == 5
    after = {path: path.stat().st_mtime_ns for path in (out / "tables").rglob("*.parquet")}
    assert after == before


def test_a_worker_that_has_another_key_stops_the_run_with_both_names(tmp_path, monkeypatch):
    """The workers' machines were started without the key that the driver has."""
    monkeypatch.setenv("ECGBATCH_ID_KEY", "0123456789abcdef")
    source = archive(tmp_path / "in", 2)
    ours = key_id(secret())
    with pytest.raises(ConfigError, match=rf"key \(none\) and the driver with {ours}"):
        convert(source, str(tmp_path / "out"), stages=stages(source), config=settings())
    assert list((tmp_path / "out" / "tables").glob("pages/**/*.parquet")) == []
