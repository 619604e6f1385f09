"""Sifting a listing: every scan once, without what is done, and what is missing from it.

An archive may hold more names than fit into memory, so rows go through a temporary folder, divided
by the beginning of their ``scan_id``; each share is then sifted by itself. The shares in order make
a plan that is sorted by ``scan_id``: hashes, which spread large files and slow prefixes evenly.
"""

from __future__ import annotations

import errno
import tempfile
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ecgbatch import schema
from ecgbatch.errors import PageError, Reason, StorageError
from ecgbatch.flow.manifest import Entry
from ecgbatch.stages.base import batches
from ecgbatch.stages.rows import error_value
from ecgbatch.storage import scan_id

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
        pa.field("due", pa.bool_(), nullable=False),
    ]
)

_IDS = pa.schema([_ROWS.field("scan_id")])


class Sieve:
    """Sorts and sifts entries, and counts what it sees. For one use.

    Args:
        due: Whether what changed at a Unix time (NaN: nobody knows when) is to be planned; what is
            not counts as if it had not been listed, but not as missing. Default: everything.
        watched: Tables with ``scan_id`` of scans that are missed if they are not listed.
        anyway: Ids of scans that are to be planned whenever they changed.
    """

    def __init__(
        self,
        *,
        due: Callable[[float], bool] = lambda _: True,
        watched: Iterable[pa.Table] = (),
        anyway: pa.Array | None = None,
    ) -> None:
        self._due = due
        self._watched = watched
        self._anyway = pa.array([], pa.string()) if anyway is None else anyway
        self._counts: Counter[str] = Counter()
        self._extensions: Counter[str] = Counter()
        self._missing: list[pa.Array] = []
        self.scans_seen = 0
        """Scans that were listed, those that are not due included."""

    @property
    def counts(self) -> Mapping[str, int]:
        """Numbers by the names that ``plan.Plan`` has for them, once everything is sifted."""
        return self._counts

    @property
    def extensions(self) -> dict[str, int]:
        """Scans to be read by the ending of their names."""
        return dict(self._extensions)

    @property
    def missing(self) -> pa.Array:
        """The ids that were watched for and not listed, once everything is sifted."""
        return pa.concat_arrays([pa.array([], pa.string()), *self._missing])

    def sift(
        self, entries: Iterable[Entry], *, committed: Iterable[pa.Table]
    ) -> Iterator[pa.Table]:
        """Yield tables of ``schema.PLAN``, at most ``FILE_ROWS`` rows each, by ``scan_id``."""
        with _space(), tempfile.TemporaryDirectory(prefix="ecgbatch-plan-") as folder:
            listed, done, watched = (Path(folder, name) for name in ("listed", "done", "watched"))
            _spill(self._chunks(entries), listed)
            _spill((table.select(["scan_id", "version"]) for table in committed), done)
            _spill((table.select(["scan_id"]).cast(_IDS) for table in self._watched), watched)
            yield from batches(self._sifted(listed, done, watched), rows=FILE_ROWS)

    def _chunks(self, entries: Iterable[Entry]) -> Iterator[pa.Table]:
        columns: tuple[list[Any], ...] = ([], [], [], [], [], [])
        ids, uris, versions, sizes, reasons, due = columns
        for uri, version, size_bytes, reason, modified_s in entries:
            if size_bytes == 0 and uri.endswith("/"):
                self._counts["markers"] += 1
                continue
            ids.append(scan_id(uri))
            uris.append(uri)
            versions.append(version)
            sizes.append(size_bytes)
            reasons.append(reason)
            due.append(self._due(modified_s))
            if len(ids) == CHUNK_ROWS:
                yield pa.table(dict(zip(_ROWS.names, columns, strict=True)), schema=_ROWS)
                for column in columns:
                    column.clear()
        yield pa.table(dict(zip(_ROWS.names, columns, strict=True)), schema=_ROWS)

    def _sifted(self, listed: Path, done: Path, watched: Path) -> Iterator[pa.Table]:
        for share in range(SHARES):
            rows = _share(listed, share)
            self._miss(_share(watched, share), rows)
            if rows is None:
                continue
            self.scans_seen += rows.num_rows
            due = pc.or_(rows["due"], pc.is_in(rows["scan_id"], value_set=self._anyway))
            rows = rows.filter(due).drop_columns("due").sort_by("scan_id")
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

    def _miss(self, watched: pa.Table | None, rows: pa.Table | None) -> None:
        if watched is None:
            return
        ids = watched["scan_id"].unique()
        if rows is not None:
            ids = ids.filter(pc.invert(pc.is_in(ids, value_set=rows["scan_id"].combine_chunks())))
        self._missing.append(ids)

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
    rows = rows.drop_columns("reason").append_column("error", error)
    nothing = pa.nulls(rows.num_rows, schema.PLAN.field("given").type)
    return rows.append_column("given", nothing).cast(schema.PLAN)


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
