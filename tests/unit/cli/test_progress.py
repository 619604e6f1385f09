"""A run is watched by lines in a log and by bars in a terminal."""

import io

import pytest
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from ecgbatch.cli.progress import Bars, Lines, duration, watching
from ecgbatch.flow.progress import ProgressEvent, StageProgress


def event(phase="converting", **changes):
    values = {
        "scans_total": 100,
        "scans_done": 25,
        "pages_published": 40,
        "pages_quarantined": 10,
        "pages_per_s": 5.0,
        "eta_s": 30.0,
        "stages": (StageProgress("read", 60, 3000.0), StageProgress("rectify", 55, 2750.0)),
    }
    return ProgressEvent(phase, **{**values, **changes})


def test_a_log_gets_a_line_per_phase_and_not_one_per_event():
    log = io.StringIO()
    lines = Lines(log, every_s=3600.0)
    for _ in range(50):
        lines.update(event("listing"))
    for _ in range(50):
        lines.update(event())
    shown = log.getvalue().splitlines()
    assert len(shown) == 2
    assert "listing: 100 files found" in shown[0]
    assert "25 of 100 files, 40 pages published, 10 quarantined, 5 pages/s, 30 s to go" in shown[1]


def test_a_phase_without_counts_is_a_word():
    log = io.StringIO()
    Lines(log).update(event("settling"))
    assert log.getvalue().split()[1:] == ["settling"]


def test_a_log_gets_a_line_whenever_its_time_has_come():
    log = io.StringIO()
    lines = Lines(log, every_s=0.0)
    for _ in range(3):
        lines.update(event())
    assert len(log.getvalue().splitlines()) == 3


def test_a_stream_that_is_no_terminal_is_a_log():
    log = io.StringIO()
    with watching(log) as progress:
        progress.update(event())
    assert "\x1b" not in log.getvalue()
    assert "converting" in log.getvalue()


def test_a_terminal_gets_a_bar_for_the_files_and_one_per_stage():
    screen = io.StringIO()
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        console=Console(file=screen, force_terminal=True, width=120),
        auto_refresh=False,
    )
    shown = Bars(bars)
    shown.update(event("listing", scans_total=7, stages=()))
    shown.update(event())
    assert [task.description for task in bars.tasks] == ["converting", "read", "rectify"]
    files, read, _ = bars.tasks
    assert (files.completed, files.total) == (25, 100)
    # 50 pages came of 25 files, so 100 files are expected to hold 200.
    assert (read.completed, read.total) == (60, 200)
    assert "50 ms each" in read.fields["note"]
    shown.update(event("finishing", scans_total=0, scans_done=0))
    assert files.description == "finishing"
    assert (files.completed, files.total) == (25, 100)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (99, "99 s"), (120, "2 min"), (3600, "60 min"), (7260, "2 h 1 min")],
)
def test_durations_are_written_for_people(seconds, words):
    assert duration(seconds) == words
