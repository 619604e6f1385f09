"""The proof: every planned page stands exactly once, and every file is whole.

Nothing is believed but the plans. Files are read whole and compared with their receipts, byte for
byte and page checksum by page checksum; scans are counted from the rows that were read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ecgbatch import schema
from ecgbatch.config import RunConfig
from ecgbatch.errors import ChecksumError, PageError, Reason, StorageError
from ecgbatch.flow.book import Book, chosen_release, read_book
from ecgbatch.flow.files import decode, facts_of
from ecgbatch.flow.marks import removed_ids
from ecgbatch.flow.output import PART_TABLES, Output, table_files, table_path
from ecgbatch.flow.receipts import scans_of, whole_scans
from ecgbatch.flow.todo import planned_rows
from ecgbatch.flow.tombstones import still_named, tombstones
from ecgbatch.storage import Store

MAX_FINDINGS = 100
"""Of each kind that are named; the rest is counted in one more."""

_PAGE = ["scan_id", "page_no"]
_KEYS = {
    "pages": ["scan_id", "version", "page_no", "page_count", "n_leads"],
    "quarantine": ["scan_id", "version", "page_no", "page_count"],
    "signals": _PAGE,
    "measurements": _PAGE,
    "beats": _PAGE,
    "labels": _PAGE,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        kind: ``missing_scan``, ``unplanned_scan``, ``missing_pages``, ``duplicate_page``,
            ``missing_signals``, ``orphan_signals``, ``orphan_measurements``, ``orphan_beats``,
            ``orphan_labels``,
            ``missing_file``, ``damaged_file``, ``orphan_file``, ``unfinished_run``,
            ``deleted_scan`` (a file that still holds one) or ``unfinished_deletion``.
        name: A path relative to the output, a scan id, or a run id; never a key of the archive.
        count: How many rows or pages are concerned.
    """

    kind: str
    name: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What ``verify`` looked at, and what it found.

    Attributes:
        release: The partition that was checked.
        runs: Runs of the release.
        files: Table files that were to be read.
        scans_planned: Scans of their plans, each counted once.
        scans_whole: Those whose pages are all there, exactly once.
        pages_published: Rows in ``pages``.
        pages_quarantined: Rows in ``quarantine``.
        scans_deleted: Scans that were deleted on request, of whatever release.
        findings: What is wrong, at most ``MAX_FINDINGS`` of each kind by name.
    """

    release: str
    runs: int
    files: int
    scans_planned: int
    scans_whole: int
    pages_published: int
    pages_quarantined: int
    scans_deleted: int
    findings: tuple[Finding, ...]

    @property
    def exit_status(self) -> int:
        """0 where everything is whole, 1 otherwise."""
        return 1 if self.findings else 0


def verify(out: str, *, config: RunConfig, release: str | None = None) -> VerifyReport:
    """Read every table file of a release and compare it with receipts and plans.

    Args:
        out: Address or path of the output.
        config: How to reach it; its release is checked unless one is named.
        release: The partition to check.

    Raises:
        ConfigError: There is no such release.
        StorageError: Storage did not answer.
    """
    output = Output.at(out, config.storage)
    store = output.store()
    release = chosen_release(store, output, config, release)
    book = read_book(store, output, release=release)
    findings = _Findings()
    keys = _read_files(store, output, book, findings)
    _compare_files(store, output, book, release, findings)
    _compare_rows(keys, findings)
    planned = _planned(store, output, book)
    removed = removed_ids(store, output, release=release)
    planned = planned.filter(pc.invert(pc.is_in(planned["scan_id"], value_set=removed)))
    scans = whole_scans(scans_of(keys["pages"], keys["quarantine"]))
    scans_whole = _compare_scans(planned, scans, findings)
    for run in book.runs:
        if run.run_id not in book.summaries:
            findings.add("unfinished_run", run.run_id)
    scans_deleted = _require_gone(store, output, findings)
    return VerifyReport(
        release=release,
        runs=len(book.runs),
        files=sum(len(receipt.files) for receipt in book.receipts.values()),
        scans_planned=planned.num_rows,
        scans_whole=scans_whole,
        pages_published=keys["pages"].num_rows,
        pages_quarantined=keys["quarantine"].num_rows,
        scans_deleted=scans_deleted,
        findings=findings.as_tuple(),
    )


class _Findings:
    """Collects what is wrong, at most ``MAX_FINDINGS`` of each kind by name."""

    def __init__(self) -> None:
        self._named: list[Finding] = []
        self._seen: Counter[str] = Counter()

    def add(self, kind: str, name: str, count: int = 1) -> None:
        self._seen[kind] += 1
        if self._seen[kind] <= MAX_FINDINGS:
            self._named.append(Finding(kind, name, count))

    def add_all(self, kind: str, names: pa.ChunkedArray) -> None:
        for name, count in Counter(names.to_pylist()).items():
            self.add(kind, name, count)

    def as_tuple(self) -> tuple[Finding, ...]:
        more = (
            Finding(kind, "and more", seen - MAX_FINDINGS)
            for kind, seen in self._seen.items()
            if seen > MAX_FINDINGS
        )
        return (*self._named, *more)


def _require_gone(store: Store, output: Output, findings: _Findings) -> int:
    """Look for scans that were deleted in every file of the output; return how many there are."""
    requests = tombstones(store)
    for request in requests:
        if not request.done:
            findings.add("unfinished_deletion", request.asked_at, len(request.scan_ids))
    ids = frozenset(scan for request in requests for scan in request.scan_ids)
    for path in still_named(store, output, ids) if ids else ():
        findings.add("deleted_scan", path)
    return len(ids)


def _read_files(
    store: Store, output: Output, book: Book, findings: _Findings
) -> dict[str, pa.Table]:
    """Read every file that has a receipt, and return the keys of the rows by table."""
    keys = {name: [schema.PUBLISHED[name].empty_table().select(_KEYS[name])] for name in _KEYS}
    expected = [item for receipt in book.receipts.values() for item in receipt.files.items()]
    found = store.read_many((output.uri(facts.path), None) for _, facts in expected)
    for (table, facts), data in zip(expected, found, strict=True):
        if isinstance(data, PageError):
            if data.reason is not Reason.SOURCE_GONE:
                raise StorageError(f"{facts.path} of the output cannot be read: {data}")
            findings.add("missing_file", facts.path, facts.rows)
            continue
        try:
            rows = decode(data, facts.path, table=table)
        except ChecksumError:
            findings.add("damaged_file", facts.path, facts.rows)
            continue
        if facts_of(facts.path, data, rows=rows.num_rows) != facts:
            findings.add("damaged_file", facts.path, facts.rows)
        keys[table].append(rows.select(_KEYS[table]))
    return {name: pa.concat_tables(tables) for name, tables in keys.items()}


def _compare_files(
    store: Store, output: Output, book: Book, release: str, findings: _Findings
) -> None:
    known = {facts.path for receipt in book.receipts.values() for facts in receipt.files.values()}
    for run in book.runs:
        if run.run_id in book.summaries:
            path = table_path("runs", release=release, ingest_date=run.ingest_date, part=run.run_id)
            known.add(path)
            if store.head(output.uri(path)) is None:
                findings.add("missing_file", path)
    for table in (*PART_TABLES, "runs"):
        for path in table_files(store, output, table, release=release):
            if path not in known:
                findings.add("orphan_file", path)


def _compare_rows(keys: Mapping[str, pa.Table], findings: _Findings) -> None:
    accounted = pa.concat_tables([keys["pages"].select(_PAGE), keys["quarantine"].select(_PAGE)])
    counted = accounted.group_by(_PAGE).aggregate([([], "count_all")])
    twice = counted.filter(pc.greater(counted["count_all"], 1))
    findings.add_all("duplicate_page", twice["scan_id"])
    pages = keys["pages"]
    for table in ("signals", "measurements", "beats", "labels"):
        standing = keys[table].group_by(_PAGE).aggregate([])
        orphans = standing.join(pages.select(_PAGE), keys=_PAGE, join_type="left anti")
        findings.add_all(f"orphan_{table}", orphans["scan_id"])
    with_signals = keys["signals"].group_by(_PAGE).aggregate([])
    with_leads = pages.filter(pc.greater(pages["n_leads"], 0)).select(_PAGE)
    bare = with_leads.join(with_signals, keys=_PAGE, join_type="left anti")
    findings.add_all("missing_signals", bare["scan_id"])


def _planned(store: Store, output: Output, book: Book) -> pa.Table:
    """Return ``scan_id`` and ``planned``, the version that the newest run asked for."""
    empty = schema.PLAN.empty_table().select(["scan_id", "version"])
    plans = [
        rows.select(["scan_id", "version"])
        for run in book.runs
        for rows in planned_rows(store, output, run.run_id)
    ]
    rows = pa.concat_tables([empty, *plans])
    last = rows.group_by("scan_id", use_threads=False).aggregate([("version", "last")])
    return last.rename_columns(["scan_id", "planned"])


def _compare_scans(planned: pa.Table, standing: pa.Table, findings: _Findings) -> int:
    """Compare what was planned with what stands; return how many scans stand whole."""
    both = planned.join(standing, keys="scan_id", join_type="full outer")
    asked = pc.is_valid(both["planned"])
    stands = pc.fill_null(pc.equal(both["planned"], both["version"]), fill_value=False)
    complete = pc.fill_null(both["whole"], fill_value=False)
    findings.add_all("missing_scan", both["scan_id"].filter(pc.and_not(asked, stands)))
    findings.add_all("unplanned_scan", both["scan_id"].filter(pc.invert(asked)))
    findings.add_all("missing_pages", both["scan_id"].filter(pc.and_not(stands, complete)))
    return int(pc.sum(pc.and_(stands, complete), min_count=0).as_py())
