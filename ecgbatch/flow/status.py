"""What a run has done so far, read from its receipts; needs no lease and no cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ecgbatch.config import RunConfig
from ecgbatch.errors import ConfigError
from ecgbatch.flow.book import Book, chosen_release, read_book
from ecgbatch.flow.finish import totals_of
from ecgbatch.flow.lease import Holder, holder
from ecgbatch.flow.output import Output
from ecgbatch.flow.runs import Run


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


def status(out: str, *, config: RunConfig, run_id: str | None = None) -> RunStatus:
    """Say where a run stands.

    Args:
        out: Address or path of the output.
        config: Its release is looked at, or the only one that the output has.
        run_id: The run; by default the one that started last.

    Raises:
        ConfigError: There is no such run.
        StorageError: Storage did not answer.
    """
    output = Output.at(out, config.storage)
    store = output.store()
    book = read_book(store, output, release=chosen_release(store, output, config, None))
    run = chosen_run(book, run_id)
    receipts = book.receipts.of_run(run.run_id)
    totals = totals_of(receipts)
    beating = holder(store, output)
    state = state_of(run, book, beating)
    return RunStatus(
        run_id=run.run_id,
        release=run.release,
        fingerprint=run.fingerprint,
        state=state,
        started_at=run.started_at,
        heartbeat_age_s=beating.heartbeat_age_s if beating and state == "running" else None,
        scans_planned=run.scans_listed - run.scans_skipped,
        scans_committed=totals.scans,
        parts=len(receipts),
        pages_published=totals.published,
        pages_quarantined=totals.quarantined,
        reasons=totals.reasons,
    )


def state_of(run: Run, book: Book, beating: Holder | None) -> str:
    """Say whether a run is ``running``, ``unfinished`` or ``done``; see ``RunStatus``."""
    if run.run_id in book.summaries:
        return "done"
    alive = beating is not None and beating.alive and beating.run_id == run.run_id
    return "running" if alive else "unfinished"


def chosen_run(book: Book, run_id: str | None) -> Run:
    """Return the run of this name, or the one that started last.

    Raises:
        ConfigError: There is no such run.
    """
    for run in reversed(book.runs):
        if run_id in {None, run.run_id}:
            return run
    raise ConfigError(f"there is no run {run_id} in this release")
