"""A run in this process: what it says, resumes, replaces and refuses."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ecgbatch.errors import ConfigError, QuarantineError, Reason, StorageError
from ecgbatch.flow.retry import archives, retry
from ecgbatch.flow.run import convert
from ecgbatch.flow.status import status
from ecgbatch.flow.summary import exit_status_of
from ecgbatch.flow.verify import verify
from tests.drivers_flow import drive
from tests.factories_flow import archive, rows_of, scan, settings, stages, tables_of

AGAIN = """
import sys
from ecgbatch.flow.run import convert
from tests.factories_flow import settings, stages
source, out = sys.argv[1:]
summary = convert(source, out, stages=stages(source), config=settings())
assert summary.state == "nothing_to_do", summary
assert "ray" not in sys.modules
"""


@pytest.fixture
def source(tmp_path):
    return archive(tmp_path / "in", 9)


def test_pages_in_are_pages_published_and_quarantined(tmp_path, source):
    summary = drive(source, tmp_path / "out")
    assert (summary.scans_listed, summary.scans_done) == (10, 10)
    assert summary.pages_in == 9 + 2 + 1  # one scan has three pages, one is empty
    assert (summary.pages_published, summary.pages_quarantined) == (11, 1)
    assert summary.reasons == {"empty": 1}
    assert summary.exit_status == 0


def test_a_run_leaves_its_row_and_its_summary(tmp_path, source):
    out = tmp_path / "out"
    summary = drive(source, out)
    (file,) = (out / "tables" / "runs").rglob("*.parquet")
    (row,) = pq.read_table(file, partitioning=None).to_pylist()
    assert row["run_id"] == summary.run_id
    assert row["pages_in"] == row["pages_published"] + row["pages_quarantined"] == 12
    assert json.loads((out / "runs" / summary.run_id / "summary.json").read_text()) == {
        **summary.as_json()
    }


def test_a_run_counts_bytes_and_how_fast_it_was_at_every_time(tmp_path, source):
    out = tmp_path / "out"
    summary = drive(source, out)
    assert summary.bytes_read == sum(path.stat().st_size for path in Path(source).iterdir())
    written = {path for path in (out / "tables").rglob("*.parquet") if "/runs/" not in str(path)}
    assert summary.bytes_written == sum(path.stat().st_size for path in written)
    assert summary.throughput[-1][1] == summary.pages_in


def test_one_scan_is_never_cut_between_parts(tmp_path, source):
    out = tmp_path / "out"
    drive(source, out, scans_per_block=1, scans_per_part=1)
    for path in (out / "runs").glob("*/receipts/*.json"):
        scans = json.loads(path.read_text())["scans"]
        assert len(set(scans["scan_id"])) == 1


def test_a_finished_run_again_does_nothing_and_never_meets_ray(tmp_path, source):
    out = tmp_path / "out"
    drive(source, out)
    before = {path: path.stat().st_mtime_ns for path in (out / "tables").rglob("*.parquet")}
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", AGAIN, source, str(out)], cwd=root, check=True)
    after = {path: path.stat().st_mtime_ns for path in (out / "tables").rglob("*.parquet")}
    assert after == before
    assert len(list((out / "runs").glob("*/run.json"))) == 1


def test_only_what_is_new_or_changed_is_converted(tmp_path, source):
    out = tmp_path / "out"
    drive(source, out)
    scan(source, "0000.scan", seed=500)
    scan(source, "new.scan", pages=2, seed=501)
    summary = drive(source, out)
    assert (summary.scans_listed, summary.scans_skipped, summary.scans_done) == (11, 9, 2)
    assert len(rows_of(out, "pages")) == 11 + 2
    assert verify(str(out), config=settings()).findings == ()
    drive(source, tmp_path / "fresh")
    assert tables_of(out) == tables_of(tmp_path / "fresh")


def test_a_run_that_stopped_goes_on_under_its_own_name(tmp_path, source):
    out = tmp_path / "out"
    blocked = scan(source, "0004.scan", stop=True)
    with pytest.raises(StorageError):
        drive(source, out)
    stopped = status(str(out), config=settings())
    assert (stopped.state, stopped.scans_planned) == ("unfinished", 10)
    rest = json.loads(blocked.read_text())
    del rest["stop"]
    blocked.write_text(json.dumps(rest))  # another version, yet the plan holds the old one
    summary = drive(source, out)
    assert (summary.run_id, summary.resumed) == (stopped.run_id, 1)
    assert summary.reasons == {"empty": 1, "source_changed": 1}
    drive(source, out)
    assert rows_of(out, "quarantine")[0]["reason"] == "empty"
    assert status(str(out), config=settings()).state == "done"


def test_a_name_that_was_used_gets_a_number(tmp_path, source):
    out = tmp_path / "out"
    names = []
    for number in range(2):
        scan(source, f"more{number}.scan")
        summary = convert(
            source,
            str(out),
            stages=stages(source),
            config=settings(),
            run_id="nightly",
            local=True,
        )
        names.append(summary.run_id)
    assert names == ["nightly", "nightly.2"]


def test_a_name_that_is_a_path_is_refused(tmp_path, source):
    with pytest.raises(ConfigError, match="letters, digits"):
        convert(
            source,
            str(tmp_path / "out"),
            stages=stages(source),
            config=settings(),
            run_id="../x",
            local=True,
        )


def test_chosen_reasons_are_tried_again_and_their_rows_replaced(tmp_path, source):
    out = tmp_path / "out"
    bad = scan(source, "bad.scan", pages=3, defect_page=2)
    drive(source, out)
    assert archives(str(out), config=settings()) == (f"file://{source}",)
    scan(source, bad.name, pages=3)
    summary = retry(
        str(out),
        stages=stages(source),
        reasons=[Reason.DEFECT],
        config=settings(),
        local=True,
    )
    assert (summary.scans_listed, summary.pages_in, summary.exit_status) == (1, 3, 0)
    assert [row["reason"] for row in rows_of(out, "quarantine")] == ["empty"]
    assert verify(str(out), config=settings()).findings == ()
    assert drive(source, out).state == "nothing_to_do"


def test_nothing_of_a_file_name_or_a_message_reaches_a_table(tmp_path, source):
    out = tmp_path / "out"
    scan(source, "DOE^JANE_19450102.scan", defect_page=1)
    drive(source, out)
    for path in (out / "tables").rglob("*.parquet"):
        text = str(pq.read_table(path, partitioning=None).to_pylist())
        assert "JANE" not in text
        assert "SMITH" not in text


def test_too_much_quarantine_is_an_exit_status(tmp_path, source):
    config = settings().model_copy(update={"max_quarantined_share": 0.05})
    summary = convert(
        source, str(tmp_path / "out"), stages=stages(source), config=config, local=True
    )
    assert summary.exit_status == 3


def test_too_much_quarantine_stops_a_run_that_goes_on_under_a_higher_limit(tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    for number in range(24):
        scan(
            source, f"{number:04d}.scan", seed=number, **({"defect_page": 1} if number > 3 else {})
        )
    limited = settings().model_copy(
        update={"max_quarantined_share": 0.4, "quarantine_judged_from_pages": 12}
    )

    def run(config, to=out):
        return convert(str(source), str(to), stages=stages(source), config=config, local=True)

    said = r"of 12 pages are quarantined \(in this start: defect .*_share = 0\.4 allows"
    with pytest.raises(QuarantineError, match=said) as stopped:
        run(limited)
    assert exit_status_of(stopped.value) == 3
    before = status(str(out), config=limited)
    assert (before.state, before.scans_committed) == ("unfinished", 8)  # whole parts only
    with pytest.raises(QuarantineError, match="of 12 pages"):  # what stands counts as well
        run(limited)
    summary = run(limited.model_copy(update={"max_quarantined_share": 1.0}))
    assert (summary.run_id, summary.pages_in) == (before.run_id, 24)
    run(settings(), tmp_path / "undisturbed")
    assert tables_of(out) == tables_of(tmp_path / "undisturbed")


def test_ctrl_c_gives_a_summary_and_leaves_the_run_to_be_resumed(tmp_path, source):
    out = tmp_path / "out"

    class Impatient:
        def update(self, event):
            if event.phase == "converting":
                raise KeyboardInterrupt

    summary = convert(
        source,
        str(out),
        stages=stages(source),
        config=settings(),
        local=True,
        progress=Impatient(),
    )
    assert (summary.state, summary.exit_status) == ("interrupted", 75)
    assert drive(source, out).run_id == summary.run_id


def test_an_empty_archive_is_done_at_once(tmp_path):
    (tmp_path / "in").mkdir()
    summary = drive(tmp_path / "in", tmp_path / "out")
    assert (summary.state, summary.scans_listed, summary.exit_status) == ("nothing_to_do", 0, 0)


def test_two_archives_may_share_an_output(tmp_path, source):
    out = tmp_path / "out"
    other = archive(tmp_path / "other", 2)
    drive(source, out)
    drive(other, out)
    assert len(rows_of(out, "pages")) == 11 + 2
    assert drive(source, out).state == "nothing_to_do"
    assert verify(str(out), config=settings()).findings == ()
