"""Verdicts of reviewers: kept with the output, and obeyed once by the runs that follow.

Each file that was taken in is one ``review/verdicts/<name>.parquet``, named after what it holds, so
that the same file twice is one. A scan whose rows do not carry the newest verdicts on its pages
counts as changed: the next run replaces its rows, and these carry them.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ecgbatch import schema
from ecgbatch.errors import ChecksumError
from ecgbatch.flow.book import Book
from ecgbatch.flow.files import encode, get_bytes
from ecgbatch.flow.output import Output
from ecgbatch.flow.receipts import whole_scans
from ecgbatch.storage import Store, join

VERDICTS = "review/verdicts/"
_PAGE = ("scan_id", "page_no")


def verdicts(store: Store) -> pa.Table:
    """Return the newest verdict on each page, as rows of ``schema.VERDICTS``.

    Args:
        store: Opened at the root of an output.

    Raises:
        ChecksumError: A file of verdicts is not whole.
        StorageError: Storage did not answer.
    """
    tables = [schema.VERDICTS.empty_table()]
    for listed in store.list(join(store.root_uri, VERDICTS)):
        if not listed.uri.endswith(".parquet"):
            continue
        try:
            rows = pq.read_table(io.BytesIO(store.read(listed.uri)), partitioning=None)
        except (pa.ArrowException, OSError) as error:
            raise ChecksumError("a file of verdicts is not whole") from error
        tables.append(schema.require(rows, schema.VERDICTS, stage="review"))
    rows = pa.concat_tables(tables).sort_by([("reviewed_at", "ascending")]).combine_chunks()
    newest = {
        (scan, page): place
        for place, (scan, page) in enumerate(
            zip(*(rows[n].to_pylist() for n in _PAGE), strict=True)
        )
    }
    return rows.take(pa.array(sorted(newest.values()), pa.int64()))


def keep(store: Store, rows: pa.Table, *, name: str) -> bool:
    """Write verdicts; False where this file was taken in before."""
    return store.create(join(store.root_uri, f"{VERDICTS}{name}.parquet"), encode(rows))


def not_obeyed(store: Store, output: Output, book: Book) -> pa.Array:
    """Return the ids of standing scans of which a row does not carry its newest verdict.

    A verdict on another version of the file speaks of other bytes, and is passed over.
    """
    given = verdicts(store)
    if given.num_rows == 0:
        return pa.array([], pa.string())
    wanted = {
        (row["scan_id"], row["page_no"]): (row["version"], row["review_id"])
        for row in given.select([*_PAGE, "version", "review_id"]).to_pylist()
    }
    ids = pc.unique(given["scan_id"])
    changed: set[str] = set()
    for receipt in book.receipts.holding(ids).values():
        for table in ("pages", "quarantine"):
            path = receipt.files[table].path
            data = get_bytes(store, output, path)
            if data is None:
                raise ChecksumError(f"{path} has a receipt and is not there")
            columns = [*_PAGE, "version", "review_id"]
            rows = pq.read_table(io.BytesIO(data), columns=columns, partitioning=None)
            for row in rows.filter(pc.is_in(rows["scan_id"], value_set=ids)).to_pylist():
                version, review_id = wanted.get((row["scan_id"], row["page_no"]), ("", None))
                if review_id not in {None, row["review_id"]} and version == row["version"]:
                    changed.add(row["scan_id"])
    return pa.array(sorted(changed), pa.string())


def settled_scans(store: Store, output: Output, book: Book) -> pa.Table:
    """Return ``scan_id`` and ``version`` of scans that stand whole, and as reviewers have them."""
    standing = whole_scans(book.receipts.scans())
    waiting = pc.is_in(standing["scan_id"], value_set=not_obeyed(store, output, book))
    return standing.filter(pc.and_not(standing["whole"], waiting))


def with_verdicts(plan: pa.Table, given: pa.Table) -> pa.Table:
    """Give each row of a plan what reviewers said of its pages, in the same version.

    Args:
        plan: Rows of ``schema.PLAN``.
        given: From ``verdicts``.
    """
    if given.num_rows == 0:
        return plan
    by_scan: dict[tuple[str, str], list[dict[str, Any]]] = {}
    names = [field.name for field in schema.GIVEN]
    for row in given.to_pylist():
        one = {name: row[name] for name in names}
        by_scan.setdefault((row["scan_id"], row["version"]), []).append(one)
    keys = zip(plan["scan_id"].to_pylist(), plan["version"].to_pylist(), strict=True)
    column: Sequence[Any] = [by_scan.get(key) for key in keys]
    place = plan.schema.get_field_index("given")
    field = schema.PLAN.field("given")
    return plan.set_column(place, field, pa.array(column, field.type))
