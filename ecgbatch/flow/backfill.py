"""Runs by the calendar: what changed in an archive up to a slot's end, once, whoever asks when.

A slot's run is an ordinary run with a name that follows from the slot. Under the lease it looks
whether the slot is settled already, so a second scheduler that waited for the lease does nothing;
a run that died is taken up by the next call, because the name is the same. A slot reads whatever
changed before its end and does not stand yet, not only what changed inside it: an upload that
arrives late, with an early time, is read by the next slot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ecgbatch.config import RunConfig
from ecgbatch.errors import ConfigError
from ecgbatch.flow.book import Book, read_book
from ecgbatch.flow.foresee import Estimate, Pace, estimate_of, shown_by_runs
from ecgbatch.flow.lease import Fence, Lease
from ecgbatch.flow.marks import supersede, utc_now, withdraw, withdrawn
from ecgbatch.flow.output import Output
from ecgbatch.flow.plan import Plan, estimate, source_entries, write_plan
from ecgbatch.flow.progress import Progress
from ecgbatch.flow.receipts import whole_scans
from ecgbatch.flow.reviews import not_obeyed, settled_scans
from ecgbatch.flow.run import perform
from ecgbatch.flow.runs import Run, release_of
from ecgbatch.flow.sieve import Sieve
from ecgbatch.flow.slot_records import SlotRecords
from ecgbatch.flow.slots import Slot, Window, covered_until, zone_of
from ecgbatch.flow.summary import RESUMABLE, RunSummary
from ecgbatch.flow.todo import plan_folder
from ecgbatch.flow.watch import Watch
from ecgbatch.stages.base import Stage
from ecgbatch.storage import Store, open_store, to_uri

CATCH_UP = ("all", "last", "none")
DELETED = ("keep", "mark", "remove")


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of a backfill.

    Attributes:
        window: How long slots are.
        since: Nothing that changed before is read; None for the whole archive.
        until: The last slot ends there, if that has passed; None for the newest whole slot.
        catch_up: ``all`` makes up for every missed slot by a run of its own, ``last`` by one run
            for all of them, ``none`` reads the newest slot alone.
        max_slots: Runs at most, in one call; the next call goes on.
        deleted: What happens to rows whose file is no longer listed: ``keep``, ``mark`` (a row in
            ``withdrawn``), or ``remove`` (that, and the rows are taken out).
        max_missing_share: So many of the standing files may be missing, or the call stops: a
            share that is not mounted looks like an archive from which everything was deleted.
        supersede: Whether older releases are marked once this one has all their files.
        pages_per_s: A rate to estimate with; None: that of earlier runs.
        price_per_hour: Of all machines together; None: no cost is told.
    """

    window: Window = field(default_factory=lambda: Window(1, "d", zone_of("UTC")))
    since: datetime | None = None
    until: datetime | None = None
    catch_up: str = "last"
    max_slots: int = 31
    deleted: str = "mark"
    max_missing_share: float = 0.1
    supersede: bool = False
    pages_per_s: float | None = None
    price_per_hour: float | None = None


@dataclass(frozen=True, slots=True)
class Backfilled:
    """What one call did.

    Attributes:
        runs: Slots that were settled, or begun, with their summaries.
        left: Slots that are due and were left to the next call.
        withdrawn: Files newly found missing.
        superseded: Releases newly marked.
        exit_status: The worst of the runs', or 75 where slots are left.
    """

    runs: tuple[tuple[Slot, RunSummary], ...] = ()
    left: int = 0
    withdrawn: int = 0
    superseded: tuple[str, ...] = ()

    @property
    def exit_status(self) -> int:
        """0, 1, 3 or 75, as named in ``summary``."""
        found = [summary.exit_status for _, summary in self.runs]
        return max([RESUMABLE if self.left else 0, *found])


def backfill(
    source: str,
    out: str,
    order: Order,
    *,
    stages: Sequence[Stage],
    config: RunConfig,
    local: bool = False,
    progress: Progress | None = None,
    tell: Callable[[Slot, Estimate], None] = lambda _slot, _estimate: None,
    clock: Callable[[], datetime] = utc_now,
) -> Backfilled:
    """Settle the slots that are due.

    Args:
        source: As for ``convert``. The rows of a list have no time: each slot reads new ones.
        out: As for ``convert``.
        order: What is asked.
        stages: As for ``convert``.
        config: As for ``convert``.
        local: As for ``convert``.
        progress: As for ``convert``.
        tell: Given what a slot's run will take, before its first page.
        clock: Tells the time.

    Raises:
        RunError: As for ``convert``. Slots that were settled before it stay settled.
    """
    archive = open_store(to_uri(source), config.storage)
    output = Output.at(out, config.storage)
    store = output.store()
    records = SlotRecords(output, release_of(config), archive.root_uri)
    due = due_slots(order, records.settled(store), clock())
    pace = pace_of(store, output, order)
    done = Backfilled(left=max(0, len(due) - order.max_slots))
    for slot in due[: order.max_slots]:
        job = _SlotJob(archive, records, slot, order, config, pace=pace, tell=tell, now=clock())
        summary = job.run(stages, out=out, local=local, progress=progress)
        done = replace(
            done,
            runs=(*done.runs, (slot, summary)),
            withdrawn=done.withdrawn + job.withdrawn,
        )
        if summary.state == "interrupted":
            return done
        records.settle(store, slot, now=clock(), run_id=job.run_id, state=summary.state)
    if order.supersede and not done.left:
        with Lease(output, run_id="supersede"):
            marked = supersede(store, output, release=records.release, now=clock())
        done = replace(done, superseded=tuple(marked))
    return done


def preview(
    source: str,
    out: str,
    order: Order,
    *,
    config: RunConfig,
    clock: Callable[[], datetime] = utc_now,
) -> tuple[list[Slot], Estimate]:
    """Say which slots are due and what they will take together; nothing is written.

    Raises:
        RunError: As for ``convert``.
    """
    archive = open_store(to_uri(source), config.storage)
    output = Output.at(out, config.storage)
    store = output.store()
    records = SlotRecords(output, release_of(config), archive.root_uri)
    due = due_slots(order, records.settled(store), clock())
    book = read_book(store, output, release=records.release)
    plan = estimate(
        source_entries(archive, leave_out=output.root) if due else [],
        committed=[settled_scans(store, output, book)],
        sieve=Sieve(
            due=lambda modified_s: any(slot.holds(modified_s) for slot in due),
            anyway=not_obeyed(store, output, book),
        ),
    )
    pace = pace_of(store, output, order)
    return due, estimate_of(plan, pace, config.storage, price_per_hour=order.price_per_hour)


class _SlotJob:
    """One slot: what it plans, and what it does about files that are gone."""

    def __init__(
        self,
        archive: Store,
        records: SlotRecords,
        slot: Slot,
        order: Order,
        config: RunConfig,
        *,
        pace: Pace,
        tell: Callable[[Slot, Estimate], None],
        now: datetime,
    ) -> None:
        self.run_id = records.run_id(slot)
        self.withdrawn = 0
        self._archive = archive
        self._records = records
        self._slot = slot
        self._order = order
        self._config = config
        self._pace = pace
        self._tell = tell
        self._now = now
        self._sieve: Sieve | None = None

    def run(
        self, stages: Sequence[Stage], *, out: str, local: bool, progress: Progress | None
    ) -> RunSummary:
        """Convert what the slot holds."""
        return perform(
            f"backfill {self._archive.root_uri} {self._slot.name}",
            [self._archive.root_uri],
            self._plan,
            out=out,
            stages=stages,
            config=self._config,
            run_id=self.run_id,
            local=local,
            progress=progress,
            besides=self._withdraw,
        )

    def _plan(self, store: Store, output: Output, run: Run, book: Book, watch: Watch) -> Plan:
        if self.run_id in book.summaries or self._slot.covered(self._records.settled(store)):
            return Plan()  # another call settled it while this one waited for the lease
        standing = whole_scans(book.receipts.scans())
        watched = [standing, withdrawn(store, output, release=book.release)]
        keep = self._order.deleted == "keep"
        self._sieve = Sieve(
            due=self._slot.holds,
            watched=[] if keep else watched,
            anyway=not_obeyed(store, output, book),
        )
        plan = write_plan(
            watch.listing(source_entries(self._archive, leave_out=output.root)),
            store=store,
            folder_uri=plan_folder(output, run.run_id),
            committed=[settled_scans(store, output, book)],
            sieve=self._sieve,
        )
        price = self._order.price_per_hour
        self._tell(
            self._slot, estimate_of(plan, self._pace, self._config.storage, price_per_hour=price)
        )
        return plan

    def _withdraw(self, store: Store, fence: Fence, book: Book) -> None:
        if self._sieve is None or self._order.deleted == "keep":
            return  # taken up again, or settled: the next slot looks again
        self.withdrawn = withdraw(
            store,
            fence,
            book,
            self._sieve.missing,
            archive=self._archive.root_uri,
            listed=self._sieve.scans_seen,
            max_share=self._order.max_missing_share,
            remove=self._order.deleted == "remove",
            now=self._now,
        )


def due_slots(order: Order, settled: Sequence[Slot], now: datetime) -> list[Slot]:
    """Return the slots that are due, in their order.

    Raises:
        ConfigError: The end lies before the beginning.
    """
    if order.since is not None and order.until is not None and order.until <= order.since:
        raise ConfigError("--until lies before --since")
    end = order.window.last_end(now)
    if order.until is not None and order.until <= now:
        end = order.until  # it need not be a boundary
    if order.since is not None and end <= order.since:
        return []
    if order.catch_up == "none":
        newest = order.window.ending_at(end)
        starts = [at for at in (newest.start, order.since) if at is not None]
        newest = newest.reaching_back(max(starts))
        return [] if newest.covered(settled) else [newest]
    whole = Slot(order.since, end)
    first = covered_until(order.since, settled) or order.since
    if whole.covered(settled):
        return []
    if order.catch_up == "last" or first is None:
        return [whole]
    slots = order.window.slots(first, end)
    return [slot.reaching_back(order.since) for slot in slots if not slot.covered(settled)]


def pace_of(store: Store, output: Output, order: Order) -> Pace:
    """Return the rate to estimate with."""
    shown = shown_by_runs(store, output)
    if order.pages_per_s is None:
        return shown
    return replace(shown, pages_per_s=order.pages_per_s, given=True)
