"""A release under another key: the same rows with other ids, without reading the archive again.

Its parts become those of another release, one by one and with receipts like any others, so the old
release stands whole until the new one does, and a run that was cut off goes on. New ids follow from
the addresses in the plans, so the old key need not be known. What reviewers said of scans, and
which files are withdrawn, comes along.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from ecgbatch.config import RunConfig
from ecgbatch.errors import BalanceError, ChecksumError, ConfigError, Reason
from ecgbatch.flow.begin import begin_as
from ecgbatch.flow.book import Book, chosen_release
from ecgbatch.flow.commit import Committer
from ecgbatch.flow.files import decode, get_bytes
from ecgbatch.flow.finish import close, summarise, totals_of
from ecgbatch.flow.ids import PresentIds
from ecgbatch.flow.lease import Fence, Lease
from ecgbatch.flow.manifest import Entry
from ecgbatch.flow.marks import put_withdrawn, supersede, utc_now, whole_ids, withdrawn
from ecgbatch.flow.output import Output
from ecgbatch.flow.plan import Plan, write_plan
from ecgbatch.flow.receipts import Receipt, whole_scans
from ecgbatch.flow.reviews import keep, verdicts
from ecgbatch.flow.runs import Run, new_run
from ecgbatch.flow.settle import settle
from ecgbatch.flow.todo import plan_folder, planned_rows
from ecgbatch.flow.watch import Watch
from ecgbatch.storage import Store, key_id, keyed_id, secret


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """What was done.

    Attributes:
        old_release: Whose rows were taken.
        release: Whose rows they are now.
        old_key: Names the secret of the old ids; empty for none.
        key: Names the secret of the new ones.
        scans: That stand in the new release.
        rows: Rows of its ``pages`` and ``quarantine``.
        verdicts: Of reviewers, that hold for the new ids, too.
        superseded: Whether the old release is marked.
    """

    old_release: str
    release: str
    old_key: str
    key: str
    scans: int
    rows: int
    verdicts: int
    superseded: bool


def rekey(out: str, into: str, *, config: RunConfig, release: str | None = None) -> Rekeyed:
    """Give the rows of a release the ids of the present key, as another release.

    The old release is marked as superseded at the end, and is left for others to delete. A call
    that was cut off is gone on with by the same call.

    Args:
        out: Address or path of the output.
        into: Name of the new release; what stands in it already is not written again.
        config: How to reach the output; its release is taken unless one is named.
        release: The release whose rows are taken.

    Raises:
        BalanceError: Not all scans stand in the new release at the end.
        ConfigError: There is no key, or it is the one of these ids; a run of the old release did
            not end; or the new one was made with other settings.
        LeaseError: A run writes to ``out``.
        StorageError: Storage refused or did not answer.
    """
    output = Output.at(out, config.storage)
    store = output.store()
    old_release = chosen_release(store, output, config, release)
    if into == old_release:
        raise ConfigError("the new ids want a release of their own: choose another --into")
    watch = Watch(None, ())
    with Lease(output, run_id="rekey") as lease:
        old = settle(store, lease.fence, release=old_release).book
        _require_ready(old)
        new = settle(store, lease.fence, release=into).book
        begun = begin_as(
            _like(old.runs[-1], old, config, into),
            lambda store, output, run, book, _: _plan(store, output, run, old, book),
            store,
            output,
            book=new,
            watch=watch,
        )
        ids = PresentIds.of(store, output, old)
        said = _carry_over(store, output, ids, old_release, into)
        if begun.work:
            lease.tell(begun.run.run_id)
            _copy(store, lease.fence, old, new, begun.run, ids)
            new = settle(store, lease.fence, release=into).book
        _require_balance(old, new, ids)
        if begun.work:
            totals = totals_of(new.receipts.of_run(begun.run.run_id))
            summary = summarise(
                begun.run,
                totals,
                state="done",
                max_quarantined_share=1.0,
                tally=watch.tally,
                trend=watch.trend,
            )
            close(store, output, begun.run, totals, summary)
        marked = supersede(store, output, release=into, now=utc_now())
    totals = totals_of(new.receipts)
    return Rekeyed(
        old_release=old_release,
        release=into,
        old_key=old.runs[-1].key_id,
        key=key_id(secret()),
        scans=totals.scans,
        rows=totals.pages_in,
        verdicts=said,
        superseded=old_release in marked,
    )


def _require_ready(old: Book) -> None:
    if not secret():
        raise ConfigError("there is no key to derive ids with: set ECGBATCH_ID_KEY")
    if key_id(secret()) == old.runs[-1].key_id:
        raise ConfigError(
            f"ids of release {old.release} are derived with this key already: set the new one as "
            "ECGBATCH_ID_KEY"
        )
    for run in old.runs:
        if run.run_id not in old.summaries:
            raise ConfigError(
                f"run {run.run_id} of release {old.release} did not end: end it under its own key "
                "first, by the command that began it"
            )


def _like(made: Run, old: Book, config: RunConfig, into: str) -> Run:
    """Describe the run that writes the new release, whose rows were made as the old ones."""
    archives = dict.fromkeys(archive for run in old.runs for archive in run.archives)
    fresh = new_run(
        f"rekey {old.release}",
        list(archives),
        config=config.model_copy(update={"release": into}),
        run_id=None,
    )
    return replace(
        fresh,
        fingerprint=made.fingerprint,
        settings=made.settings,
        software_version=made.software_version,
        models=made.models,
    )


def _plan(store: Store, output: Output, run: Run, old: Book, new: Book) -> Plan:
    """Write the plan of the new release: whatever was planned in the old one."""
    standing = whole_scans(new.receipts.scans())
    return write_plan(
        _planned(store, output, old),
        store=store,
        folder_uri=plan_folder(output, run.run_id),
        committed=[standing.filter(standing["whole"])],
    )


def _planned(store: Store, output: Output, old: Book) -> Iterator[Entry]:
    for run in old.runs:
        for rows in planned_rows(store, output, run.run_id):
            for row in rows.select(["uri", "version", "size_bytes", "error"]).to_pylist():
                reason = None if row["error"] is None else Reason(row["error"]["reason"])
                yield Entry(row["uri"], row["version"], row["size_bytes"], reason=reason)


def _carry_over(store: Store, output: Output, ids: PresentIds, old_release: str, into: str) -> int:
    """Let verdicts and withdrawals hold for the new ids, too; return how many verdicts there are.

    The same again writes the same. A verdict keeps its ``review_id``, which its rows carry.
    """
    gone = withdrawn(store, output, release=old_release)
    there = withdrawn(store, output, release=into)
    gone = _with_ids(gone, ids)
    more = gone.filter(pc.invert(pc.is_in(gone["scan_id"], there["scan_id"].combine_chunks())))
    if more.num_rows:
        put_withdrawn(store, output, into, pa.concat_tables([there, more]))
    said = verdicts(store)
    old = pa.array(ids.old.astype(str), pa.string())
    said = _with_ids(said.filter(pc.is_in(said["scan_id"], value_set=old)), ids)
    if said.num_rows:
        text = json.dumps(said.select(["scan_id", "page_no", "review_id"]).to_pylist())
        keep(store, said, name=f"rekeyed-{hashlib.sha256(text.encode()).hexdigest()[:16]}")
    return int(said.num_rows)


def _with_ids(rows: pa.Table, ids: PresentIds) -> pa.Table:
    return _with(rows, scan_id=ids.known(rows["scan_id"].combine_chunks()))


def _with(rows: pa.Table, **columns: pa.Array) -> pa.Table:
    for name, values in columns.items():
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, rows.schema.field(place), values)
    return rows


def _copy(store: Store, fence: Fence, old: Book, new: Book, run: Run, ids: PresentIds) -> None:
    """Write every part of the old release that does not stand in the new one."""
    committer = Committer(fence.output, run, fence)
    standing = whole_ids(new)
    for receipt in old.receipts.values():
        present = ids.known(receipt.scans["scan_id"].combine_chunks())
        left = pc.invert(pc.is_in(present, value_set=standing))
        wanted = receipt.scans["scan_id"].filter(left).combine_chunks()
        if len(wanted):
            part = receipt.part
            if part in new.receipts:  # scans were taken out of it because others were not written
                part = f"{part}-{run.resumed}"
            tables = _tables(store, fence.output, receipt, wanted, run, ids)
            committer.put(store, tables, part=part, stages=receipt.stages)


def _tables(
    store: Store, output: Output, receipt: Receipt, wanted: pa.Array, run: Run, ids: PresentIds
) -> dict[str, pa.Table]:
    """Return the rows of a part under the present key, in the order of their new ids."""
    found = {}
    for table, facts in receipt.files.items():
        data = get_bytes(store, output, facts.path)
        if data is None:
            raise ChecksumError(f"{facts.path} has a receipt and is not there")
        rows = decode(data, facts.path, table=table)
        rows = _with_ids(rows.filter(pc.is_in(rows["scan_id"], value_set=wanted)), ids)
        count = rows.num_rows
        columns = {"run_id": pa.array([run.run_id] * count, pa.string())}
        if "key_id" in rows.schema.names:
            columns["key_id"] = pa.array([run.key_id] * count, pa.string())
        if "content_id" in rows.schema.names:
            contents = rows["content_id"].to_pylist()
            columns["content_id"] = pa.array(
                [keyed_id(each.encode()) for each in contents], pa.string()
            )
        order = pa.table({"scan_id": rows["scan_id"], "at": pa.array(range(count), pa.int64())})
        found[table] = _with(rows, **columns).take(
            pc.sort_indices(order, sort_keys=[("scan_id", "ascending"), ("at", "ascending")])
        )
    return found


def _require_balance(old: Book, new: Book, ids: PresentIds) -> None:
    """Compare versions and counts of rows of every scan."""
    columns = ["scan_id", "version", "rows"]
    before, after = (_counted(book.receipts.scans()).select(columns) for book in (old, new))
    before = _with_ids(before, ids)
    same = before.join(after, keys=columns, join_type="left semi").num_rows
    if same != before.num_rows:
        raise BalanceError(
            f"{before.num_rows - same} scans of release {old.release} do not stand with all their "
            f"rows in release {new.release}: run the same command again, and report this if it "
            "stays"
        )


def _counted(scans: pa.Table) -> pa.Table:
    grouped = scans.group_by(["scan_id", "version"]).aggregate([("rows", "sum")])
    return grouped.rename_columns(["scan_id", "version", "rows"])
