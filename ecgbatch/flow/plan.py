"""From a listing to the files of a plan: every scan once, without those that are done already.

An archive may hold more names than fit into memory, so rows go through a temporary folder, divided
by the beginning of their ``scan_id``; each share is then sifted by itself. The shares in order make
a plan that is sorted by ``scan_id``: hashes, which spread large files and slow prefixes evenly.
"""

from __future__ import annotations

import errno
import io
import json
import tempfile
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ecgbatch import schema
from ecgbatch.errors import ChecksumError, PageError, Reason, StorageError
from ecgbatch.flow.manifest import Entry, read_manifest
from ecgbatch.stages.base import batches
from ecgbatch.stages.rows import error_value
from ecgbatch.storage import Store, inside, is_manifest, join, scan_id

FILE_ROWS = 100_000
CHUNK_ROWS = 65_536
SHARES = 64  # open files at once; a share of 10 million names is some 50 MB
_BOUNDARIES = [f"{256 // SHARES * share:02x}" for share in range(SHARES)]

EXTENSIONS = frozenset(
    {"jpg", "jpeg", "jpe", "jfif", "png", "tif", "tiff", "pdf", "dcm", "dicom"}
    | {"bmp", "gif", "webp", "jp2", "heic"}
)
"""Endings that are counted by name; others may be a part of a patient's name."""

_ROWS = pa.schema(
    [
        pa.field("scan_id", pa.string(), nullable=False),
        pa.field("uri", pa.string(), nullable=False),
        pa.field("version", pa.string(), nullable=False),
        pa.field("size_bytes", pa.int64()),
        pa.field("reason", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run has to do, in numbers.

    Attributes:
        files: Addresses of the plan's Parquet files; none when it was only estimated.
        scans_listed: Different scans that the listing or manifest holds.
        scans_skipped: Those among them that are committed in the same version.
        scans_refused: Rows of a manifest that go to quarantine without a request.
        duplicates: Rows that named a scan again.
        markers: Empty objects that only stand for a folder.
        size_bytes: Bytes to be read, as far as the sizes are known.
        extensions: Scans to be read by the ending of their names; ``other`` for unusual ones.
    """

    files: tuple[str, ...] = ()
    scans_listed: int = 0
    scans_skipped: int = 0
    scans_refused: int = 0
    duplicates: int = 0
    markers: int = 0
    size_bytes: int = 0
    extensions: Mapping[str, int] = field(default_factory=dict)

    @property
    def scans_planned(self) -> int:
        """Scans that the run will account for: those to be read and those refused."""
        return self.scans_listed - self.scans_skipped


def source_entries(store: Store, *, leave_out: str | None = None) -> Iterator[Entry]:
    """Yield what an input holds: the rows of a manifest, or what lies in a folder.

    Args:
        store: Opened at the input; ``*.csv`` and ``*.parquet`` are manifests.
        leave_out: An output; its tables and runs are no part of the archive that they lie in.

    Raises:
        ConfigError: The manifest is none.
        StorageError: The input cannot be listed.
    """
    if is_manifest(store.root_uri) and store.head(store.root_uri) is not None:
        yield from read_manifest(store)
        return
    ours = [] if leave_out is None else [join(leave_out, name) for name in ("tables", "runs")]
    for found in store.list():
        if not any(inside(found.uri, folder_uri) for folder_uri in ours):
            yield Entry(found.uri, found.version, found.size_bytes)


def write_plan(
    entries: Iterable[Entry],
    *,
    store: Store,
    folder_uri: str,
    committed: Iterable[pa.Table] = (),
) -> Plan:
    """Write the plan of a run: Parquet files with the columns of ``schema.PLAN``, and its numbers.

    Args:
        entries: From ``source_entries``; read once, in bounded memory.
        store: Opened at the output.
        folder_uri: Where the files go; what stands there is overwritten.
        committed: Tables with ``scan_id`` and ``version`` of what need not be done again.

    Raises:
        StorageError: No space, no access, no answer.
    """
    sieve = Sieve()
    files = []
    for number, table in enumerate(sieve.sift(entries, committed=committed)):
        sink = io.BytesIO()
        pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
        files.append(join(folder_uri, f"{number:06d}.parquet"))
        store.write(files[-1], sink.getvalue())
    plan = sieve.plan(files)
    store.write(_summary_uri(folder_uri), json.dumps(asdict(plan)).encode())
    return plan


def read_plan(store: Store, folder_uri: str) -> Plan | None:
    """Return the numbers of a plan; None where none was written to its end.

    Raises:
        ChecksumError: The file is not what ``write_plan`` wrote.
        StorageError: Storage did not answer.
    """
    if store.head(_summary_uri(folder_uri)) is None:
        return None
    try:
        value = json.loads(store.read(_summary_uri(folder_uri)))
        return Plan(**{**value, "files": tuple(value["files"])})
    except (ValueError, TypeError, KeyError):
        raise ChecksumError("the summary of a plan is not whole") from None


def estimate(entries: Iterable[Entry], *, committed: Iterable[pa.Table] = ()) -> Plan:
    """Count what a run would do, without writing anything but to the temporary folder.

    Raises:
        StorageError: No space for temporary files, or the listing fails.
    """
    sieve = Sieve()
    for _ in sieve.sift(entries, committed=committed):
        pass
    return sieve.plan(())


def _summary_uri(folder_uri: str) -> str:
    return join(folder_uri, "plan.json")  # written last: it says that the plan is whole


class Sieve:
    """Sorts and sifts entries, and counts what it sees. For one use."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._extensions: Counter[str] = Counter()

    def plan(self, files: Iterable[str]) -> Plan:
        """Return the numbers, once everything has been sifted."""
        return Plan(files=tuple(files), extensions=dict(self._extensions), **self._counts)

    def sift(
        self, entries: Iterable[Entry], *, committed: Iterable[pa.Table]
    ) -> Iterator[pa.Table]:
        """Yield tables of ``schema.PLAN``, at most ``FILE_ROWS`` rows each, by ``scan_id``."""
        with _space(), tempfile.TemporaryDirectory(prefix="ecgbatch-plan-") as folder:
            listed, done = Path(folder, "listed"), Path(folder, "done")
            _spill(self._chunks(entries), listed)
            _spill((table.select(["scan_id", "version"]) for table in committed), done)
            yield from batches(self._sifted(listed, done), rows=FILE_ROWS)

    def _chunks(self, entries: Iterable[Entry]) -> Iterator[pa.Table]:
        columns: tuple[list[Any], ...] = ([], [], [], [], [])
        ids, uris, versions, sizes, reasons = columns
        for uri, version, size_bytes, reason in entries:
            if size_bytes == 0 and uri.endswith("/"):
                self._counts["markers"] += 1
                continue
            ids.append(scan_id(uri))
            uris.append(uri)
            versions.append(version)
            sizes.append(size_bytes)
            reasons.append(reason)
            if len(ids) == CHUNK_ROWS:
                yield pa.table(dict(zip(_ROWS.names, columns, strict=True)), schema=_ROWS)
                for column in columns:
                    column.clear()
        yield pa.table(dict(zip(_ROWS.names, columns, strict=True)), schema=_ROWS)

    def _sifted(self, listed: Path, done: Path) -> Iterator[pa.Table]:
        for share in range(SHARES):
            rows = _share(listed, share)
            if rows is None:
                continue
            rows = rows.sort_by("scan_id")
            self._counts["duplicates"] += rows.num_rows
            rows = rows.filter(_last_of_each(rows["scan_id"]))
            self._counts["duplicates"] -= rows.num_rows
            self._counts["scans_listed"] += rows.num_rows
            finished = _share(done, share)
            if finished is not None:
                again = pc.is_in(_identity(rows), value_set=_identity(finished).combine_chunks())
                self._counts["scans_skipped"] += pc.sum(again, min_count=0).as_py()
                rows = rows.filter(pc.invert(again))
            self._count(rows)
            yield _planned(rows)

    def _count(self, rows: pa.Table) -> None:
        asked = rows.filter(pc.is_null(rows["reason"]))
        self._counts["scans_refused"] += rows.num_rows - asked.num_rows
        self._counts["size_bytes"] += pc.sum(asked["size_bytes"], min_count=0).as_py()
        for uri in asked["uri"].to_pylist():
            ending = uri.rpartition("/")[2].rpartition(".")[2].lower()
            self._extensions[ending if ending in EXTENSIONS else "other"] += 1


def _planned(rows: pa.Table) -> pa.Table:
    errors = [
        None if reason is None else error_value(PageError(Reason(reason)), stage="plan")
        for reason in rows["reason"].to_pylist()
    ]
    error = pa.array(errors, type=schema.ERROR)
    return rows.drop_columns("reason").append_column("error", error).cast(schema.PLAN)


def _identity(rows: pa.Table) -> pa.ChunkedArray:
    """Return id and version as one text; ids all have the same length, so no two can meet."""
    return pc.binary_join_element_wise(rows["scan_id"], rows["version"], "")


def _last_of_each(ordered: pa.ChunkedArray) -> pa.ChunkedArray:
    """Mark the last of equal values; of a scan that was listed twice, the newest row holds."""
    ids = ordered.combine_chunks()
    if len(ids) == 0:
        return pa.array([], pa.bool_())
    return pa.concat_arrays([pc.not_equal(ids[:-1], ids[1:]), pa.array([True])])


def _spill(chunks: Iterable[pa.Table], folder: Path) -> None:
    """Divide rows over the files of ``folder`` by the beginning of their ``scan_id``."""
    folder.mkdir()
    writers: dict[int, pa.ipc.RecordBatchStreamWriter] = {}
    with ExitStack() as open_files:
        for chunk in chunks:
            rows = chunk.sort_by("scan_id").combine_chunks()
            ids = rows["scan_id"].to_pylist()
            starts = [bisect_left(ids, boundary) for boundary in _BOUNDARIES]
            for share, (start, stop) in enumerate(
                zip(starts, [*starts[1:], len(ids)], strict=True)
            ):
                if start == stop:
                    continue
                if share not in writers:
                    sink = open_files.enter_context(pa.OSFile(str(folder / f"{share}"), "wb"))
                    writer = pa.ipc.new_stream(sink, rows.schema)
                    writers[share] = open_files.enter_context(writer)
                writers[share].write_table(rows.slice(start, stop - start))


def _share(folder: Path, share: int) -> pa.Table | None:
    path = folder / f"{share}"
    if not path.exists():
        return None
    with pa.OSFile(str(path), "rb") as source, pa.ipc.open_stream(source) as stream:
        return stream.read_all()


@contextmanager
def _space() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise StorageError(
            "the temporary folder has no space for the listing: set TMPDIR to a larger one"
        ) from None
