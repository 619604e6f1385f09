"""What a dead run left behind is put in order before another begins, under the lease.

* A removal, or a deletion on request, that was cut off is finished.
* A part without a receipt is adopted if it is whole, all its files there and readable, and none of
  its scans stands elsewhere; otherwise its files are deleted, ``pages`` first.
* What is left of a run that died before it began, or of a file that was being written, is deleted.
* A scan of which only some pages stand (its file was spread over parts, and the run died between
  two of them) is taken out, to be converted again.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ecgbatch import schema
from ecgbatch.errors import ChecksumError
from ecgbatch.flow.book import Book, read_book
from ecgbatch.flow.files import decode, facts_of, get_bytes
from ecgbatch.flow.lease import Fence
from ecgbatch.flow.output import PART_TABLES, SCRAP, part_of, table_files
from ecgbatch.flow.receipts import Receipt, receipt_of, whole_scans
from ecgbatch.flow.removal import finish_removal, remove_scans
from ecgbatch.flow.tombstones import deleted_ids, finish_deletions
from ecgbatch.storage import Store


@dataclass(frozen=True, slots=True)
class Settled:
    """What was put in order.

    Attributes:
        book: The runs and receipts as they stand now; every scan of theirs is whole.
        adopted: Parts that got their receipt.
        deleted: Parts that were not whole.
        reopened: Scans that were taken out.
    """

    book: Book
    adopted: int
    deleted: int
    reopened: int


def settle(store: Store, fence: Fence, *, release: str) -> Settled:
    """Put the tables of a release in order.

    Raises:
        LeaseError: Another run took over.
        StorageError: Storage refused or did not answer.
    """
    finish_removal(store, fence)
    finish_deletions(store, fence)
    book = read_book(store, fence.output, release=release)
    scans = book.receipts.scans()
    adopted = deleted = 0
    parts, scraps = _unaccounted(store, fence, release=release, known=book.receipts)
    for part, paths in parts.items():
        fence.check(store)
        receipt = _whole_part(store, fence, paths, part=part, book=book)
        if receipt is not None and not _stands(receipt.scans, scans):
            receipt.create(store, fence.output)
            scans = pa.concat_tables([scans, receipt.scans])
            adopted += 1
            continue
        for table in reversed(PART_TABLES):
            if table in paths:
                store.delete(fence.output.uri(paths[table]))
        deleted += 1
    for path in (*book.strays, *scraps):
        store.delete(fence.output.uri(path))
    if adopted:
        book = read_book(store, fence.output, release=release)
    found = whole_scans(scans)
    broken = found.filter(pc.invert(found["whole"]))["scan_id"].combine_chunks()
    gone = pa.concat_arrays([broken, deleted_ids(store)])  # a found part may hold deleted scans
    if remove_scans(store, fence, book.receipts, gone):
        book = read_book(store, fence.output, release=release)
    return Settled(book, adopted=adopted, deleted=deleted, reopened=len(broken))


def _unaccounted(
    store: Store, fence: Fence, *, release: str, known: Container[str]
) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Return files of parts without a receipt, by part and table, and half-written ones."""
    parts: dict[str, dict[str, str]] = {}
    scraps: list[str] = []
    for table in (*schema.PUBLISHED, *schema.MARKS):
        for path in table_files(store, fence.output, table, release=release):
            if path.endswith(SCRAP):
                scraps.append(path)
            elif table in PART_TABLES and part_of(path) not in known:
                parts.setdefault(part_of(path), {})[table] = path
    return parts, scraps


def _whole_part(
    store: Store, fence: Fence, paths: Mapping[str, str], *, part: str, book: Book
) -> Receipt | None:
    """Draw up the receipt that a part lacks; None if it is not whole."""
    if set(paths) != set(PART_TABLES):
        return None
    tables, files = {}, {}
    for table, path in paths.items():
        data = get_bytes(store, fence.output, path)
        try:
            tables[table] = decode(data or b"", path, table=table)
        except ChecksumError:
            return None
        files[table] = facts_of(path, data or b"", rows=tables[table].num_rows)
    wrote = _writer(tables)
    run = next((run for run in book.runs if run.run_id == wrote), None)
    if run is None:
        return None
    return receipt_of(
        tables,
        files,
        part=part,
        run_id=run.run_id,
        release=run.release,
        fingerprint=run.fingerprint,
        stages={},
    )


def _writer(tables: Mapping[str, pa.Table]) -> str | None:
    """Return the run that all rows of a part name; None where there is no such one."""
    names = pc.unique(
        pa.chunked_array(
            [chunk for table in tables.values() for chunk in table["run_id"].chunks], pa.string()
        )
    )
    return names[0].as_py() if len(names) == 1 else None


def _stands(scans: pa.Table, held: pa.Table) -> bool:
    """Whether a scan of a found part is whole by what receipts hold already."""
    held = whole_scans(held)
    taken = held.filter(held["whole"])["scan_id"]
    return bool(pc.any(pc.is_in(scans["scan_id"], value_set=taken.combine_chunks())).as_py())
