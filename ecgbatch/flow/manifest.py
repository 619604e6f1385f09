"""A list of scans made by others: CSV or Parquet with a column ``uri``.

Columns ``version`` (entity tag) and ``size_bytes`` may stand beside it, any other is passed over.
Nothing of a row is believed: a row that is none, or points somewhere else, becomes an entry with a
reason and reaches ``quarantine`` like any other scan that cannot be read.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from ecgbatch.errors import ConfigError, PageError, Reason
from ecgbatch.storage import Store, too_long

LINE_CHARS = 2**20  # a line of an honest manifest holds one address
BATCH_ROWS = 16_384
_COLUMNS = ("uri", "version", "size_bytes")


class Entry(NamedTuple):
    """One scan of a listing or manifest.

    Attributes:
        uri: Its exact address; of a bad row, text that names the row.
        version: Entity tag, or size and time; "" where it is not known.
        size_bytes: Its length; None where it is not known.
        reason: Why it is refused before any request; None for scans to be read.
        modified_s: Unix time of its last change; NaN where the input does not say.
    """

    uri: str
    version: str
    size_bytes: int | None
    reason: Reason | None = None
    modified_s: float = float("nan")


def read_manifest(store: Store) -> Iterator[Entry]:
    """Yield one entry for every row of the manifest that ``store`` was opened at.

    Raises:
        ConfigError: The file has no single column ``uri``, or is no such file.
        StorageError: Storage did not answer.
    """
    uri = store.root_uri
    try:
        with store.open(uri) as file:
            rows = _parquet_rows(file) if uri.lower().endswith(".parquet") else _csv_rows(file)
            for number, row in enumerate(rows, start=1):
                yield _entry(store, number, row)
    except PageError as error:  # of the manifest itself
        raise ConfigError(f"the manifest cannot be read ({error.reason.value})") from None


Row: TypeAlias = tuple[Any, Any, Any] | None
"""uri, version and size as the file gives them; None for a line that is no row."""

Places: TypeAlias = tuple[int | None, int | None, int | None]
"""In which columns these stand."""


def _entry(store: Store, number: int, row: Row) -> Entry:
    try:
        uri, version, size_bytes = _typed(row)
    except (ValueError, TypeError, OverflowError):
        return _bad(store, number)
    if too_long(uri) or too_long(version):
        return _bad(store, number)
    try:
        store.require_allowed(uri)
    except PageError as error:
        return Entry(uri, "", None, error.reason)
    return Entry(uri, version, size_bytes)


def _typed(row: Row) -> tuple[str, str, int | None]:
    if row is None or not isinstance(row[0], str) or not row[0]:
        raise ValueError
    uri, version, size = row
    version = "" if version is None else str(version).strip('"')
    for text in (uri, version):
        text.encode()  # bytes that are no UTF-8 are no key
    if size is None or size == "":
        return uri, version, None
    size_bytes = int(size)
    if not 0 <= size_bytes < 2**62:
        raise ValueError
    return uri, version, size_bytes


def _bad(store: Store, number: int) -> Entry:
    """Name a bad row by its number: what it holds may be megabytes, or nothing."""
    return Entry(f"{store.root_uri}#row={number}", "", None, Reason.BAD_MANIFEST_ROW)


def _csv_rows(file: io.BufferedReader) -> Iterator[Row]:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    reader = csv.reader(_lines(text), strict=True)
    places: Places | None = None
    columns = 0
    while True:
        before = reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error:
            if places is None or reader.line_num - before > 1:  # rows would be lost inside
                raise ConfigError(
                    f"line {before + 1} of the manifest opens a quote that nothing closes properly"
                ) from None
            yield None
            continue
        if places is None:
            places, columns = _places([name.strip() for name in cells]), len(cells)
        elif len(cells) == columns:
            uri, version, size = (None if place is None else cells[place] for place in places)
            yield uri, version, size
        elif cells:  # an empty line is none
            yield None
    if places is None:
        raise ConfigError("the manifest is empty: its first line must name a column uri")


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Yield lines, of an endless one only the beginning, which then is no row."""
    while line := text.readline(LINE_CHARS):
        rest = line
        while len(rest) == LINE_CHARS and not rest.endswith("\n"):
            rest = text.readline(LINE_CHARS)
        yield line


def _parquet_rows(file: io.BufferedReader) -> Iterator[Row]:
    try:
        parquet = pq.ParquetFile(file)
        places = _places(parquet.schema_arrow.names)
        names = [parquet.schema_arrow.names[place] for place in places if place is not None]
        for batch in parquet.iter_batches(batch_size=BATCH_ROWS, columns=names):
            columns = [
                [None] * batch.num_rows if place is None else batch.column(name).to_pylist()
                for name, place in zip(_COLUMNS, places, strict=True)
            ]
            yield from zip(*columns, strict=True)
    except (pa.ArrowException, OSError):
        raise ConfigError("the manifest is not a whole Parquet file") from None


def _places(names: Sequence[str]) -> Places:
    """Return where uri, version and size stand; names are not quoted, they may be a first row."""
    for name in _COLUMNS:
        if names.count(name) > 1:
            raise ConfigError(f"the manifest has more than one column {name}")
    if "uri" not in names:
        raise ConfigError(f"none of the manifest's {len(names)} columns is named uri")
    uri, version, size = (names.index(name) if name in names else None for name in _COLUMNS)
    return uri, version, size
