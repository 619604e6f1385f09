"""Row functions, and the rule that no row disappears.

``map_rows`` is how every stage walks a table. A row that fails becomes a row with ``error`` set; a
row that failed earlier passes through untouched; a row function that yields nothing is a defect.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePath
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ecgbatch import schema
from ecgbatch.errors import PageError, Reason, RunError
from ecgbatch.types import ByteArray


class Row:
    """One row of a table, read column by column, without copying what is large."""

    def __init__(self, table: pa.Table, index: int) -> None:
        self._table = table
        self._index = index

    @property
    def index(self) -> int:
        """Its number in the table, from 0."""
        return self._index

    def __getitem__(self, name: str) -> Any:
        """Return the value as Python sees it; None for null."""
        return self._table.column(name)[self._index].as_py()

    def array(self, name: str) -> npt.NDArray[Any]:
        """Return a list of numbers as a read-only array; empty where the column is null."""
        return _numbers(self._table.column(name)[self._index])

    def pixels(self, name: str = "pixels") -> ByteArray | None:
        """Return ``pixels``, or what lies over them, in their shape; None on a page without any.

        It is a read-only view.
        """
        (cell,) = (chunk for chunk in self.cell(name).chunks if len(chunk))
        if cell.null_count:
            return None
        _, offsets, data = cell.buffers()  # a scalar of it would be a copy
        start, stop = np.frombuffer(offsets, np.int64)[cell.offset : cell.offset + 2]
        flat = np.frombuffer(data, np.uint8)[start:stop]
        flat.flags.writeable = False
        return flat.reshape(self["pixels_shape"])

    def structs(self, name: str) -> list[dict[str, Any]]:
        """Return a list of structs as dictionaries whose own lists are arrays; [] for null."""
        scalar = self._table.column(name)[self._index]
        if not scalar.is_valid:
            return []
        return [
            {
                key: _numbers(item[key]) if pa.types.is_list(item[key].type) else item[key].as_py()
                for key in item
            }
            for item in scalar.values
        ]

    def cell(self, name: str) -> pa.ChunkedArray:
        """Return one cell as a column of one row, sharing memory with this table."""
        return self._table.column(name).slice(self._index, 1)


def _numbers(scalar: Any) -> npt.NDArray[Any]:
    if not scalar.is_valid:
        return np.empty(0, dtype=np.float32)
    return np.asarray(scalar.values.to_numpy(zero_copy_only=False))


Values: TypeAlias = Mapping[str, Any]
RowFunction: TypeAlias = Callable[[Row], Iterator[Values]]


def map_rows(
    table: pa.Table,
    function: RowFunction,
    *,
    stage: str,
    reads: pa.Schema,
    writes: pa.Schema,
) -> Iterator[pa.Table]:
    """Run ``function`` on every row and yield what it gives, as tables of one row.

    Args:
        table: Rows with exactly the columns of ``reads``.
        function: Yields a mapping of new or changed columns for each row it makes. Columns it
            does not name are carried over when ``reads`` has them, and are null otherwise.
        stage: Name that goes into error rows and timings.
        reads: Columns of ``table``.
        writes: Columns of what is yielded.

    Yields:
        Tables of one row with the columns of ``writes``, at least one per row of ``table``.

    Raises:
        SchemaError: ``table`` is not what ``reads`` says.
        RunError: Raised by ``function``; it concerns us and not the page.
    """
    schema.require(table, reads, stage=stage)
    for index in range(table.num_rows):
        row = Row(table, index)
        if "error" in reads.names and row["error"] is not None:
            yield _build(row, {}, reads=reads, writes=writes)
            continue
        yield from _run(row, function, stage=stage, reads=reads, writes=writes)


def _run(
    row: Row, function: RowFunction, *, stage: str, reads: pa.Schema, writes: pa.Schema
) -> Iterator[pa.Table]:
    started = time.perf_counter()
    made = 0
    try:
        for values in function(row):
            now = time.perf_counter()
            spent = _spent(row, reads, stage, 1000 * (now - started))
            yield _build(row, {**values, "stage_ms": spent}, reads=reads, writes=writes)
            made += 1
            started = time.perf_counter()  # the time of whoever pulls is not ours
        if made == 0:
            raise PageError(Reason.DEFECT)
    except RunError:
        raise
    except Exception as error:
        spent = _spent(row, reads, stage, 1000 * (time.perf_counter() - started))
        failed: dict[str, Any] = {"error": error_value(error, stage=stage), "stage_ms": spent}
        if made:  # the pages that came before stand; the file as a whole did not end well
            failed |= {"page_no": 0, "page_count": made}
        yield _build(row, failed, reads=reads, writes=writes)


def _spent(row: Row, reads: pa.Schema, stage: str, ms: float) -> list[dict[str, Any]]:
    before = (row["stage_ms"] or []) if "stage_ms" in reads.names else []
    return [*before, {"stage": stage, "ms": ms}]


def _build(row: Row, values: Values, *, reads: pa.Schema, writes: pa.Schema) -> pa.Table:
    unknown = set(values) - set(writes.names)
    if unknown:
        raise PageError(Reason.DEFECT, unknown_columns=len(unknown))
    columns = []
    for field in writes:
        if field.name in values:
            columns.append(_as_column(values[field.name], field))
        elif field.name in reads.names:
            columns.append(row.cell(field.name))
        else:
            columns.append(_as_column(_IDENTITY_DEFAULTS.get(field.name), field))
    return pa.Table.from_arrays(columns, schema=writes)


_IDENTITY_DEFAULTS = {"page_no": 0, "page_count": 0}  # a file that could not be opened


def _as_column(value: Any, field: pa.Field) -> pa.Array:
    if pa.types.is_large_binary(field.type) and value is not None:
        data = np.ascontiguousarray(value)
        offsets = np.array([0, data.nbytes], dtype=np.int64)
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
        return pa.Array.from_buffers(field.type, 1, buffers)
    return pa.array([value], type=field.type)


_BY_CLASS = {
    "MemoryError": Reason.MEMORY_LIMIT,
    "ArrowMemoryError": Reason.MEMORY_LIMIT,
    "OutOfMemoryError": Reason.DEVICE_ERROR,
    "AcceleratorError": Reason.DEVICE_ERROR,
}
"""Failures of a machine, by the names of their classes: those of torch are not imported here."""


def error_value(error: Exception, *, stage: str, attempts: int = 1) -> dict[str, Any]:
    """Turn an exception into the struct ``schema.ERROR``; messages are dropped, see ``errors``."""
    facts: Mapping[str, float] = {}
    if isinstance(error, PageError):
        reason, facts = error.reason, error.facts
    else:
        names = (base.__name__ for base in type(error).__mro__)
        reason = next((_BY_CLASS[name] for name in names if name in _BY_CLASS), Reason.DEFECT)
    where = _place(error) if reason is Reason.DEFECT else None
    return {
        "stage": stage,
        "reason": reason.value,
        "attempts": attempts,
        "where": where,
        "facts": list(facts.items()),
    }


def _place(error: Exception) -> str:
    """Say where an exception came from: its class and the innermost line of this package."""
    place = ""
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if "ecgbatch" in PurePath(code.co_filename).parts:
            place = f" at {PurePath(code.co_filename).stem}.{code.co_name}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return f"{type(error).__name__}{place}"
