"""What is written of rows that are no longer the last word: missing files, older releases.

Each is one small file per release, replaced whole under the lease, so that a reader finds the
present state by one glob and needs no history.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ecgbatch import schema
from ecgbatch.errors import ChecksumError, ConfigError
from ecgbatch.flow.book import Book, read_book
from ecgbatch.flow.files import decode, get_bytes, put_table
from ecgbatch.flow.ids import PresentIds
from ecgbatch.flow.lease import Fence
from ecgbatch.flow.output import Output
from ecgbatch.flow.receipts import whole_scans
from ecgbatch.flow.removal import remove_scans
from ecgbatch.flow.runs import Run
from ecgbatch.flow.todo import planned_rows
from ecgbatch.storage import Store


def withdrawn(store: Store, output: Output, *, release: str) -> pa.Table:
    """Return what is written of files that are gone, as rows of ``schema.WITHDRAWN``."""
    path = _path("withdrawn", release)
    data = get_bytes(store, output, path)
    if data is None:
        return schema.WITHDRAWN.empty_table()
    return decode(data, path, table="withdrawn")


def put_withdrawn(store: Store, output: Output, release: str, rows: pa.Table) -> None:
    """Write what is known of files that are gone, as rows of ``schema.WITHDRAWN``."""
    put_table(store, output, _path("withdrawn", release), rows)


def removed_ids(store: Store, output: Output, *, release: str) -> pa.Array:
    """Return the ids of scans whose rows were taken out because their file is gone."""
    rows = withdrawn(store, output, release=release)
    return rows["scan_id"].filter(rows["removed"]).combine_chunks()


def withdraw(
    store: Store,
    fence: Fence,
    book: Book,
    missing: pa.Array,
    *,
    archive: str,
    listed: int,
    max_share: float,
    remove: bool,
    now: datetime,
) -> int:
    """Write down which files of an archive are missing, and take their rows out if asked to.

    A file that has come back is struck off the list: it is converted again if its rows are gone.

    Args:
        store: Of the output.
        fence: The lease under which this happens.
        book: The release.
        missing: Ids that stand in the tables or on the list, and were not listed.
        archive: Address of the archive that was listed; scans of others are left alone.
        listed: How many files the archive holds now.
        max_share: Of the files it had, so many may be newly missing.
        remove: Whether rows are taken out.
        now: When this was noticed.

    Returns:
        How many files are newly missing.

    Raises:
        ConfigError: More are missing than that; nothing was written.
    """
    output, release = fence.output, book.release
    before = withdrawn(store, output, release=release)
    asked = pa.concat_arrays([missing, before["scan_id"].combine_chunks()])
    versions = _planned_by(store, output, book, archive, asked)
    ours = pa.array(sorted(versions), pa.string())
    gone = missing.filter(pc.is_in(missing, value_set=ours))
    new = gone.filter(pc.invert(pc.is_in(gone, value_set=before["scan_id"].combine_chunks())))
    if len(new) > max_share * (len(new) + listed):
        raise ConfigError(
            f"{len(new):,} of {len(new) + listed:,} files are no longer in the archive: is it "
            "mounted, and is the prefix the same? If they were deleted, say "
            "--max-missing-share with a larger share"
        )
    others = pc.invert(pc.is_in(before["scan_id"], value_set=ours))
    kept = before.filter(pc.or_(others, pc.is_in(before["scan_id"], value_set=gone)))
    if remove:
        kept = kept.set_column(
            3, schema.WITHDRAWN.field(3), pa.array([True] * len(kept), pa.bool_())
        )
    rows = pa.concat_tables([kept, _rows_of(new, versions, remove=remove, now=now)])
    if not rows.equals(before):
        put_withdrawn(store, output, release, rows)
    if remove:
        remove_scans(store, fence, book.receipts, gone)
    return len(new)


def _rows_of(
    ids: pa.Array, versions: Mapping[str, str], *, remove: bool, now: datetime
) -> pa.Table:
    rows = [
        {
            "scan_id": name,
            "version": versions[name],
            "noticed_at": now,
            "removed": remove,
        }
        for name in ids.to_pylist()
    ]
    return pa.Table.from_pylist(rows, schema=schema.WITHDRAWN)


def _planned_by(
    store: Store, output: Output, book: Book, archive: str, ids: pa.Array
) -> dict[str, str]:
    """Return those of ``ids`` that runs over ``archive`` planned, with their last version."""
    found: dict[str, str] = {}
    if len(ids) == 0:
        return found
    for run in book.runs:
        if archive in run.archives:
            for rows in planned_rows(store, output, run.run_id):
                chosen = rows.filter(pc.is_in(rows["scan_id"], value_set=ids))
                found |= zip(
                    chosen["scan_id"].to_pylist(), chosen["version"].to_pylist(), strict=True
                )
    return found


def supersede(store: Store, output: Output, *, release: str, now: datetime) -> list[str]:
    """Mark every other release of which this one has all files, and return their names.

    Files that are withdrawn from either are not asked for. A release without whole scans is none.
    """
    book = read_book(store, output, release=release)
    standing = whole_ids(book)
    marked = []
    for other in sorted(book.releases - {release}):
        path = _path("superseded", other)
        if store.head(output.uri(path)) is not None:
            continue
        older = read_book(store, output, release=other)
        scans = whole_ids(older)
        excused = [
            withdrawn(store, output, release=name)["scan_id"].combine_chunks()
            for name in (release, other)
        ]
        if older.runs[-1].key_id != book.runs[-1].key_id:
            ids = PresentIds.of(store, output, older)
            scans, excused[1] = ids.known(scans), ids.known(excused[1])
        known = pa.concat_arrays([standing, *excused])
        if len(scans) == 0 or not pc.all(pc.is_in(scans, value_set=known)).as_py():
            continue
        row = {
            "superseded_by": release,
            "superseded_at": now,
            "scans": len(scans),
            "differences": differences(older.runs[-1], book.runs[-1]),
        }
        put_table(store, output, path, pa.Table.from_pylist([row], schema=schema.SUPERSEDED))
        marked.append(other)
    store.delete(output.uri(_path("superseded", release)))  # it speaks again
    return marked


def whole_ids(book: Book) -> pa.Array:
    """Return the ids of scans that stand whole in a release."""
    scans = whole_scans(book.receipts.scans())
    return scans["scan_id"].filter(scans["whole"]).combine_chunks()


def differences(old: Run, new: Run) -> list[str]:
    """Name what differs between two runs: settings, models, software."""
    before, after = (dict(_flat("", _made_by(run))) for run in (old, new))
    return [
        f"{name}: {before.get(name)} -> {after.get(name)}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


def _made_by(run: Run) -> dict[str, Any]:
    try:
        settings = json.loads(run.settings)
    except ValueError as error:
        raise ChecksumError(f"the record of run {run.run_id} is not whole") from error
    made_by = {"models": list(run.models), "software": run.software_version}
    return {**settings, **made_by, "key_id": run.key_id or None}


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from chain.from_iterable(
            _flat(f"{prefix}.{name}" if prefix else name, item) for name, item in value.items()
        )
    else:
        yield prefix, value


def _path(table: str, release: str) -> str:
    return f"tables/{table}/release={release}/{table}.parquet"


def utc_now() -> datetime:
    """Return the time; a function of ours, so that callers can be given another clock."""
    return datetime.now(tz=UTC)
