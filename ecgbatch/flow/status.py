"""What a run has done so far, read from its receipts; needs no lease and no cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RunStatus:
    """One run, finished or not.

    Attributes:
        run_id: The run.
        release: Partition of the tables that it writes to.
        fingerprint: Hash of every setting that can change a row.
        state: ``running`` (a live heartbeat), ``unfinished`` (the same command goes on) or
            ``done``.
        started_at: First start, ISO 8601 in UTC.
        heartbeat_age_s: Seconds since the last heartbeat; None unless running.
        scans_planned: Scans that the run has to convert.
        scans_committed: Scans whose rows stand in the tables.
        parts: Receipts so far.
        pages_published: Rows in ``pages``.
        pages_quarantined: Rows in ``quarantine``.
        reasons: Quarantined pages by reason.
    """

    run_id: str
    release: str
    fingerprint: str
    state: str
    started_at: str
    heartbeat_age_s: float | None
    scans_planned: int
    scans_committed: int
    parts: int
    pages_published: int
    pages_quarantined: int
    reasons: Mapping[str, int] = field(default_factory=dict)
