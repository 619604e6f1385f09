"""What a person reads at the end of a command."""

import pytest
import typer

from ecgbatch.cli import printing
from ecgbatch.cli.converting import resumable
from ecgbatch.errors import ConfigError
from ecgbatch.flow.plan import Plan
from ecgbatch.flow.status import RunStatus
from ecgbatch.flow.summary import DEFECTS, DONE, RESUMABLE, TOO_MANY_QUARANTINED, RunSummary
from ecgbatch.flow.verify import Finding, VerifyReport


def summary(**changes):
    values = {
        "run_id": "20260102T030405-abcdef",
        "release": "0.1.0-0123456789abcdef",
        "fingerprint": "0123456789abcdef",
        "state": "done",
        "scans_listed": 1200,
        "scans_skipped": 200,
        "scans_done": 1000,
        "pages_in": 1500,
        "pages_published": 1490,
        "pages_quarantined": 10,
        "reasons": {"not_ecg": 7, "timeout": 3},
        "stage_ms": {"read": 46.0, "rectify": 58.25},
        "seconds": 250.0,
        "pages_per_s": 6.0,
    }
    return RunSummary(**{**values, **changes})


def text(**changes):
    return "\n".join(printing.summary_lines(summary(**changes), out="s3://bucket/out"))


def test_the_summary_shows_that_the_pages_balance():
    assert "1,500 in = 1,490 published + 10 quarantined" in text()


def test_the_summary_counts_reasons_from_the_most_frequent():
    shown = text(reasons={"timeout": 3, "not_ecg": 7})
    assert shown.index("not_ecg") < shown.index("timeout")


def test_the_summary_says_where_the_tables_are_and_what_to_do_next():
    shown = text()
    assert "s3://bucket/out/tables" in shown
    assert "ecgbatch show s3://bucket/out SCAN_ID" in shown


def test_only_reasons_that_may_succeed_later_are_offered_again():
    assert "ecgbatch retry s3://bucket/out timeout " in text()
    assert "ecgbatch retry" not in text(reasons={"not_ecg": 7})


def test_a_stopped_run_says_how_to_go_on_and_nothing_else():
    shown = text(state="interrupted", exit_status=RESUMABLE)
    assert "run the same command again" in shown
    assert "ecgbatch show" not in shown


@pytest.mark.parametrize(
    ("status", "words"),
    [(DEFECTS, "quarantine.where"), (TOO_MANY_QUARANTINED, "max_quarantined_share")],
)
def test_an_exit_status_that_asks_for_a_look_says_at_what(status, words):
    assert words in text(exit_status=status)
    assert words not in text(exit_status=DONE)


def test_a_run_without_pages_has_no_rate_and_no_reasons():
    shown = text(
        state="nothing_to_do", pages_in=0, pages_per_s=0.0, reasons={}, stage_ms={}, scans_done=0
    )
    assert "nothing to do" in shown
    assert "pages/s" not in shown
    assert "quarantined  " not in shown


def test_a_status_says_how_far_a_run_is():
    lines = printing.status_lines(
        RunStatus(
            run_id="r1",
            release="rel",
            fingerprint="f",
            state="unfinished",
            started_at="2026-01-02T03:04:05+00:00",
            heartbeat_age_s=None,
            scans_planned=200,
            scans_committed=50,
            parts=2,
            pages_published=49,
            pages_quarantined=1,
            reasons={"empty": 1},
        )
    )
    shown = "\n".join(lines)
    assert "50 of 200 committed (25.0%)" in shown
    assert "the same convert command again" in shown


def test_every_finding_of_a_check_is_a_line():
    report = VerifyReport(
        release="rel",
        runs=1,
        files=9,
        scans_planned=10,
        scans_whole=9,
        pages_published=8,
        pages_quarantined=1,
        scans_deleted=2,
        findings=(Finding("missing_scan", "f" * 32), Finding("orphan_file", "tables/x", 3)),
    )
    shown = "\n".join(printing.verify_lines(report))
    assert "NOT whole" in shown
    assert "missing_scan" in shown
    assert "tables/x  (3)" in shown
    assert "2 scans on request" in shown


def test_a_plan_counts_what_is_to_be_read_and_what_is_left_out():
    plan = Plan(
        scans_listed=1000,
        scans_skipped=100,
        markers=4,
        size_bytes=2_500_000_000,
        extensions={"tif": 100, "jpg": 800},
    )
    shown = "\n".join(printing.plan_lines(plan, pages_per_s=0.5))
    assert "1,000 listed, 100 already there, 900 to read" in shown
    assert "2.500 GB" in shown
    assert "4 folder markers" in shown
    assert shown.index("jpg") < shown.index("tif")
    assert "30 min at 0.5 pages/s" in shown  # 900 pages at one in two seconds


def test_an_error_is_one_line_without_control_characters(capsys):
    printing.complain(ConfigError("there is no file \x1b[2J\nroot: all is well"))
    shown = capsys.readouterr().err
    assert shown == "ecgbatch: there is no file \\x1b[2J\\nroot: all is well\n"


def test_ctrl_c_says_how_to_go_on(capsys):
    with pytest.raises(typer.Exit) as ended, resumable():
        raise KeyboardInterrupt
    assert ended.value.exit_code == RESUMABLE
    assert "run the same command again" in capsys.readouterr().out
