"""Table files: how they are encoded, and that they are what was written.

A file is read back before anything relies on it. A store that lost or cut a body is found here and
not by an analyst.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ecgbatch import schema
from ecgbatch.errors import ChecksumError, PageError, Reason, StorageError
from ecgbatch.flow.output import Output
from ecgbatch.storage import Store

_ENCODINGS = {"samples_uv.list.element": "DELTA_BINARY_PACKED"}
"""Neighbouring samples differ little: 0.8 bytes each, against 1.3 in Parquet's default encoding."""

_COLUMNS = {**schema.PUBLISHED, **schema.MARKS}

_ROWS_PER_GROUP = 4096
"""About 300 pages of signals: one page is read in milliseconds, and groups still compress well."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a receipt keeps of one file.

    Attributes:
        path: Relative to the output.
        rows: Rows of the table.
        size_bytes: Length of the file.
        sha256: 64 hexadecimal digits of all its bytes.
    """

    path: str
    rows: int
    size_bytes: int
    sha256: str

    def as_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> FileFacts:
        """Take up what ``as_json`` gave."""
        return cls(**value)


def encode(table: pa.Table) -> bytes:
    """Return a table as the bytes of a Parquet file: zstd, a checksum for every data page."""
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        compression="zstd",
        use_dictionary=[name for name in table.schema.names if _is_text(table.schema, name)],
        column_encoding=_ENCODINGS if _has_whole_microvolts(table.schema) else None,
        row_group_size=_ROWS_PER_GROUP,
        write_page_checksum=True,
    )
    return bytes(sink.getvalue())


def put_table(store: Store, output: Output, path: str, table: pa.Table) -> FileFacts:
    """Write one table file whole, read it back, and return its facts.

    Raises:
        ChecksumError: What the store holds is not what it was given.
        StorageError: The store refused or is full.
    """
    data = encode(table)
    store.write(output.uri(path), data)
    if get_bytes(store, output, path) != data:
        raise ChecksumError(f"{path}: the store gave back other bytes than it was given")
    return facts_of(path, data, rows=table.num_rows)


def facts_of(path: str, data: bytes, *, rows: int) -> FileFacts:
    """Return what a receipt keeps of a file with these bytes."""
    return FileFacts(
        path=path, rows=rows, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest()
    )


def get_bytes(store: Store, output: Output, path: str) -> bytes | None:
    """Return the bytes of one file of the output; None where there is none."""
    try:
        return store.read(output.uri(path))
    except PageError as error:
        if error.reason is Reason.SOURCE_GONE:
            return None
        raise StorageError(f"{path} of the output cannot be read: {error}") from error


def decode(data: bytes, path: str, *, table: str) -> pa.Table:
    """Return the rows of a table file, every data page's checksum compared.

    Raises:
        ChecksumError: The file is cut short, empty, changed, or has other columns than ``table``.
    """
    try:
        rows = pq.read_table(
            pa.BufferReader(data), page_checksum_verification=True, partitioning=None
        )
    except (pa.ArrowException, OSError) as error:
        raise ChecksumError(f"{path} is not a whole Parquet file") from error
    if not rows.schema.equals(_COLUMNS[table], check_metadata=False):
        raise ChecksumError(f"{path} does not have the columns of {table}")
    return rows


def _has_whole_microvolts(columns: pa.Schema) -> bool:
    if "samples_uv" not in columns.names:
        return False
    return bool(pa.types.is_integer(columns.field("samples_uv").type.value_type))


def _is_text(columns: pa.Schema, name: str) -> bool:
    return bool(pa.types.is_string(columns.field(name).type))  # these repeat; numbers rarely do
