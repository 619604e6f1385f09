"""From an archive to tables: settle, plan, convert, balance; in this order, and under a lease.

The same command again takes up a run that did not end, under its own name and with its own plan,
and does nothing where all is done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ecgbatch.config import RunConfig
from ecgbatch.errors import BalanceError
from ecgbatch.flow.begin import Begun, PlanMaker, begin, require_key
from ecgbatch.flow.book import Book, read_book
from ecgbatch.flow.commit import Committer
from ecgbatch.flow.finish import Totals, close, summarise, totals_of
from ecgbatch.flow.lease import Fence, Lease
from ecgbatch.flow.limit import QuarantineLimit
from ecgbatch.flow.local import convert_here
from ecgbatch.flow.output import Output
from ecgbatch.flow.plan import Plan, source_entries, write_plan
from ecgbatch.flow.progress import Progress
from ecgbatch.flow.receipts import whole_scans
from ecgbatch.flow.removal import remove_scans
from ecgbatch.flow.reviews import not_obeyed, settled_scans
from ecgbatch.flow.runs import Run, release_of
from ecgbatch.flow.settle import settle
from ecgbatch.flow.summary import RunSummary
from ecgbatch.flow.todo import PlanFile, left_to_do, plan_folder
from ecgbatch.flow.watch import Watch, stoppable
from ecgbatch.stages.base import Stage
from ecgbatch.storage import Store, open_store, to_uri


def convert(
    source: str,
    out: str,
    *,
    stages: Sequence[Stage],
    config: RunConfig,
    run_id: str | None = None,
    local: bool = False,
    progress: Progress | None = None,
) -> RunSummary:
    """Read every page of an archive and publish tables.

    Args:
        source: Address or path of a folder, or of a manifest (``*.csv``, ``*.parquet``).
        out: Address or path of the output; tables stand below ``out/tables``.
        stages: What is done to each scan, in this order; the last writes ``schema.READ``.
        config: Every setting.
        run_id: Name of the run; by default made from the time. A run of this name that did not
            end is taken up again.
        local: Work in this process, without Ray.
        progress: Told about once a second where the run stands.

    Returns:
        The summary; ``state`` is ``interrupted`` after Ctrl-C or SIGTERM.

    Raises:
        BalanceError: Pages are missing from the tables at the end.
        CapacityError: The cluster cannot hold the workers that were asked for.
        ConfigError: A setting is impossible, or contradicts what stands in the release.
        LeaseError: Another run writes to ``out``.
        QuarantineError: So many pages are quarantined that the run stopped before its end.
        StorageError: Storage refuses or does not answer.
    """
    archive = open_store(to_uri(source), config.storage)

    def plan(store: Store, output: Output, run: Run, book: Book, watch: Watch) -> Plan:
        return write_plan(
            watch.listing(source_entries(archive, leave_out=output.root)),
            store=store,
            folder_uri=plan_folder(output, run.run_id),
            committed=[settled_scans(store, output, book)],
        )

    return perform(
        f"convert {archive.root_uri}",
        [archive.root_uri],
        plan,
        out=out,
        stages=stages,
        config=config,
        run_id=run_id,
        local=local,
        progress=progress,
    )


def perform(
    task: str,
    archives: Sequence[str],
    make_plan: PlanMaker,
    *,
    out: str,
    stages: Sequence[Stage],
    config: RunConfig,
    run_id: str | None,
    local: bool,
    progress: Progress | None,
    again: bool = False,
    besides: Callable[[Store, Fence, Book], None] | None = None,
) -> RunSummary:
    """Do what ``convert`` and ``retry`` have in common: everything but the plan.

    Args:
        task: What the run is asked; see ``runs.Run``.
        archives: Addresses under which its scans lie.
        make_plan: Writes the plan of a new run.
        out: As for ``convert``.
        stages: As for ``convert``.
        config: As for ``convert``.
        run_id: As for ``convert``.
        local: As for ``convert``.
        progress: As for ``convert``.
        again: Rows of other runs do not count as done but are replaced, whatever their version.
        besides: What else is to be done under the lease, once the plan stands.
    """
    output = Output.at(out, config.storage)
    store = output.store()
    require_key(output)
    watch = Watch(progress, stages)
    begun: Begun | None = None
    try:
        with stoppable(), Lease(output, run_id=run_id or "unnamed") as lease:
            store.probe(output.uri("runs"))
            watch.phase("settling")
            book = settle(store, lease.fence, release=release_of(config)).book
            begun = begin(
                task,
                archives,
                make_plan,
                store=store,
                output=output,
                book=book,
                config=config,
                run_id=run_id,
                watch=watch,
            )
            if besides is not None:
                besides(store, lease.fence, book)
            if not begun.work:
                return _summary(begun.run, Totals(), "nothing_to_do", config, watch)
            lease.tell(begun.run.run_id)
            replaced = _Replaced(again, not_obeyed(store, output, book))
            todo = _clear(store, lease.fence, begun.run, book, replaced)
            watch.scans_total = sum(file.rows for file in todo)
            watch.limit = _limit(config, totals_of(book.receipts.of_run(begun.run.run_id)))
            if todo:
                committer = Committer(output, begun.run, lease.fence)
                _convert(todo, stages, committer, config, watch, local=local)
            watch.phase("finishing")
            book = settle(store, lease.fence, release=begun.run.release).book
            _require_balance(store, output, begun.run, book, replaced)
            totals = totals_of(book.receipts.of_run(begun.run.run_id))
            summary = _summary(begun.run, totals, "done", config, watch)
            close(store, output, begun.run, totals, summary)
            return summary
    except KeyboardInterrupt:
        if begun is None:
            raise  # nothing was begun: there is no run to speak of
        book = read_book(store, output, release=begun.run.release)
        totals = totals_of(book.receipts.of_run(begun.run.run_id))
        return _summary(begun.run, totals, "interrupted", config, watch)


def _limit(config: RunConfig, before: Totals) -> QuarantineLimit:
    return QuarantineLimit(
        max_share=config.max_quarantined_share,
        from_pages=config.quarantine_judged_from_pages,
        published=before.published,
        quarantined=before.quarantined,
    )


def _convert(
    todo: Sequence[PlanFile],
    stages: Sequence[Stage],
    committer: Committer,
    config: RunConfig,
    watch: Watch,
    *,
    local: bool,
) -> None:
    if local:
        convert_here(todo, stages=stages, committer=committer, pools=config.pools, watch=watch)
        return
    from ecgbatch.flow.cluster import convert_on_ray  # Ray costs seconds: only where there is work

    convert_on_ray(todo, stages=stages, committer=committer, pools=config.pools, watch=watch)


@dataclass(frozen=True, slots=True)
class _Replaced:
    """Whose rows of other runs do not count as done: everybody's, or those of some scans."""

    all_scans: bool
    scan_ids: pa.Array


def _clear(store: Store, fence: Fence, run: Run, book: Book, replaced: _Replaced) -> list[PlanFile]:
    """Take out the rows that this run replaces, and return what is left to do."""
    standing = _standing(run, book, replaced)
    todo, taken_out = left_to_do(store, fence.output, run.run_id, standing)
    remove_scans(store, fence, book.receipts, taken_out)
    return todo


def _standing(run: Run, book: Book, replaced: _Replaced) -> pa.Table:
    scans = whole_scans(book.receipts.scans())
    own = book.receipts.of_run(run.run_id).scans()["scan_id"]
    kept = pc.is_in(scans["scan_id"], value_set=own.combine_chunks())
    if not replaced.all_scans:
        waiting = pc.is_in(scans["scan_id"], value_set=replaced.scan_ids)
        kept = pc.or_(kept, pc.invert(waiting))
    done = pc.and_(scans["whole"], kept)
    return scans.select(["scan_id", "version"]).append_column("done", done)


def _require_balance(
    store: Store, output: Output, run: Run, book: Book, replaced: _Replaced
) -> None:
    """Compare what stands with the plan, row by row."""
    left, _ = left_to_do(store, output, run.run_id, _standing(run, book, replaced))
    missing = sum(file.rows for file in left)
    if missing:
        raise BalanceError(
            f"{missing} scans of the plan of run {run.run_id} do not stand whole in the tables: "
            "run the same command again, and report this if it stays"
        )


def _summary(run: Run, totals: Totals, state: str, config: RunConfig, watch: Watch) -> RunSummary:
    return summarise(
        run,
        totals,
        state=state,
        max_quarantined_share=config.max_quarantined_share,
        tally=watch.tally,
        trend=watch.trend,
    )
