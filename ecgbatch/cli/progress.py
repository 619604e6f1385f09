"""How a run is watched: bars in a terminal, a line every few seconds in a job log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from ecgbatch.flow.progress import ProgressEvent, StageProgress

LINE_SECONDS = 10.0


@contextmanager
def watching(stream: TextIO | None = None) -> Iterator[Bars | Lines]:
    """Watch a run on ``stream`` (standard error by default) in the way that suits it."""
    stream = stream or sys.stderr
    if not stream.isatty():
        yield Lines(stream)
        return
    bars = Progress(
        TextColumn("{task.description:<12}"),
        BarColumn(bar_width=32),
        TextColumn("{task.fields[note]}"),
        console=Console(file=stream),
        transient=True,  # the summary says everything that the bars said
    )
    with bars:
        yield Bars(bars)


class Lines:
    """Prints a line when a phase begins and every ``LINE_SECONDS`` while it lasts."""

    def __init__(self, stream: TextIO, *, every_s: float = LINE_SECONDS) -> None:
        self._stream = stream
        self._every_s = every_s
        self._phase = ""
        self._last_s = 0.0

    def update(self, event: ProgressEvent) -> None:
        """Print ``event`` if it is time."""
        now_s = time.monotonic()
        if event.phase == self._phase and now_s - self._last_s < self._every_s:
            return
        self._phase, self._last_s = event.phase, now_s
        print(_line(event), file=self._stream, flush=True)


class Bars:
    """Draws a bar for the files, and one per stage for the pages it has worked on."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def update(self, event: ProgressEvent) -> None:
        """Move the bars to ``event``."""
        if event.phase in {"listing", "converting", "printing"}:
            known = event.phase != "listing"
            self._move(
                event.phase,
                name="files",
                done=event.scans_done,
                total=event.scans_total if known else None,
                note=_files_note(event),
            )
        elif "files" in self._tasks:  # the counts of the phase before still hold
            self._bars.update(self._tasks["files"], description=event.phase)
        pages_total = _pages_expected(event)
        for stage in event.stages:
            self._move(
                stage.name, name=stage.name, done=stage.pages, total=pages_total, note=_note(stage)
            )

    def _move(self, title: str, *, name: str, done: int, total: int | None, note: str) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(title, total=total, note=note)
        self._bars.update(
            self._tasks[name], description=title, completed=done, total=total, note=note
        )


def _line(event: ProgressEvent) -> str:
    note = _files_note(event)
    return f"{time.strftime('%H:%M:%S')} {event.phase}{': ' if note else ''}{note}"


def _files_note(event: ProgressEvent) -> str:
    if event.phase == "listing":
        return f"{event.scans_total:,} files found"
    if event.phase == "printing":
        parts = [f"{event.scans_done:,} of {event.scans_total:,}"]
        return ", ".join([*parts, *_pace(event)])
    if event.phase != "converting":
        return ""
    parts = [f"{event.scans_done:,} of {event.scans_total:,} files"]
    parts.append(f"{event.pages_published:,} pages published")
    parts.append(f"{event.pages_quarantined:,} quarantined")
    return ", ".join([*parts, *_pace(event)])


def _pace(event: ProgressEvent) -> list[str]:
    parts = []
    if event.pages_per_s:
        parts.append(f"{event.pages_per_s:.3g} pages/s")
    if event.eta_s is not None:
        parts.append(f"{duration(event.eta_s)} to go")
    return parts


def _note(stage: StageProgress) -> str:
    each = f", {stage.busy_ms / stage.pages:.0f} ms each" if stage.pages else ""
    return f"{stage.pages:,} pages{each}"


def _pages_expected(event: ProgressEvent) -> int:
    """Estimate the pages of the run from those per file so far: how many is known at its end."""
    seen = max((stage.pages for stage in event.stages), default=0)
    if event.scans_done == 0:
        return max(seen, event.scans_total)
    pages_done = event.pages_published + event.pages_quarantined
    return max(seen, round(event.scans_total * pages_done / event.scans_done))


def duration(seconds: float) -> str:
    """Write a time for a person.

    Example:
        >>> duration(42), duration(600), duration(9000)
        ('42 s', '10 min', '2 h 30 min')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
