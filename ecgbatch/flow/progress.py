"""What a run tells while it works; who draws it is the caller's business."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StageProgress:
    """One stage so far.

    Attributes:
        name: The stage's name.
        pages: Pages that it has worked on.
        busy_ms: Time that its workers spent on them, summed.
    """

    name: str
    pages: int
    busy_ms: float


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """Where a run stands. Counts concern this start of the command.

    Attributes:
        phase: ``listing``, ``settling``, ``converting`` or ``finishing``; ``printing`` while a
            data set is made, of whose pages or files the counts of scans then tell.
        scans_total: Scans to convert; while ``listing``, those found so far.
        scans_done: Scans that went through every stage. They are safe once committed.
        pages_published: Pages that became an ECG.
        pages_quarantined: Pages that did not.
        pages_per_s: Mean rate since the first page; 0 before it.
        eta_s: Seconds to go at that rate; None while unknown.
        stages: The stages in their order.
        reasons: Quarantined pages by reason.
    """

    phase: str
    scans_total: int = 0
    scans_done: int = 0
    pages_published: int = 0
    pages_quarantined: int = 0
    pages_per_s: float = 0.0
    eta_s: float | None = None
    stages: tuple[StageProgress, ...] = ()
    reasons: Mapping[str, int] = field(default_factory=dict)


class Progress(Protocol):
    """Receives an event about once a second, from a thread of its own, until the run ends."""

    def update(self, event: ProgressEvent) -> None:
        """Show ``event``; must return quickly."""
        ...
