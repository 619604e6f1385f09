"""Telling whoever watches, and stopping when asked to."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType
from typing import NoReturn, TypeVar

from ecgbatch.flow.limit import QuarantineLimit
from ecgbatch.flow.progress import Progress, ProgressEvent
from ecgbatch.flow.tally import Tally
from ecgbatch.flow.trend import Trend
from ecgbatch.stages.base import Stage

_EVERY_S = 0.5

_T = TypeVar("_T")


class Watch:
    """Passes events on, no more often than someone can look at them.

    Args:
        progress: Who wants to know; None for nobody.
        stages: The stages in their order.
    """

    def __init__(self, progress: Progress | None, stages: Sequence[Stage]) -> None:
        self._progress = progress
        self._stages = [stage.name for stage in stages]
        self._told_at = 0.0
        self.scans_total = 0
        self.limit = QuarantineLimit()
        self.tally = Tally()
        self.trend = Trend()

    def phase(self, name: str) -> None:
        """Tell that another phase begins."""
        self._tell(replace(self._event(), phase=name))

    def listing(self, entries: Iterable[_T]) -> Iterator[_T]:
        """Pass entries of a listing through, and tell how many there were so far."""
        for count, entry in enumerate(entries, start=1):
            if count % 256 == 0 and self._due():  # looking at the clock costs more than counting
                self._tell(ProgressEvent(phase="listing", scans_total=count))
            yield entry

    def counted(self, tally: Tally, *, now: bool = False) -> None:
        """Tell what has been counted; ``now`` for the last time.

        Raises:
            QuarantineError: Too much is quarantined to go on; not at the last time, when there is
                nothing left to stop.
        """
        self.tally = tally
        self.trend.add(tally.seconds, tally.all_pages)
        if now or self._due():
            self._tell(self._event())
        if not now:
            self.limit.check(tally)

    def _event(self) -> ProgressEvent:
        return self.tally.event(stages=self._stages, scans_total=self.scans_total)

    def _due(self) -> bool:
        return self._progress is not None and time.monotonic() - self._told_at >= _EVERY_S

    def _tell(self, event: ProgressEvent) -> None:
        self._told_at = time.monotonic()
        if self._progress is not None:
            self._progress.update(event)


@contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGTERM stop a run as Ctrl-C does: spot instances and job stops announce themselves so.

    Signals reach the main thread alone; elsewhere this changes nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
