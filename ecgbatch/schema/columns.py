"""What every published table is made of: columns with a sentence each, and the shared keys."""

from __future__ import annotations

import pyarrow as pa

TABLES_VERSION = "1"


def column(name: str, dtype: pa.DataType, text: str, *, null: bool = False) -> pa.Field:
    """Return a column.

    Args:
        name: With its unit at the end.
        dtype: Of its values.
        text: One sentence on what it holds; ``docs/tables.md`` prints it.
        null: Whether it may be missing.
    """
    return pa.field(name, dtype, nullable=null, metadata={"text": text})


def table(name: str, text: str, fields: list[pa.Field]) -> pa.Schema:
    """Return a published table, with one sentence on what a row is."""
    return pa.schema(fields, metadata={"table": name, "text": text, "version": TABLES_VERSION})


SCAN_ID = column("scan_id", pa.string(), "32 hexadecimal digits that name the archived file.")
VERSION = column("version", pa.string(), "Entity tag, or size and time: which bytes were read.")
PAGE_NO = column("page_no", pa.int32(), "Page within the file, from 1; 0 is the file as a whole.")
RUN_ID = column("run_id", pa.string(), "The run that wrote the row.")
