"""Records that lie somewhere: listed once, kept as a table, read one at a time.

The list is part of a data set: what is added to the source later changes no page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pyarrow as pa

from ecgbatch.errors import ConfigError
from ecgbatch.synth.sources.record import RecordRef
from ecgbatch.types import DoubleArray

_TEXTS = pa.list_(pa.string())
_TIMES = pa.list_(pa.float64())
RECORDS = pa.schema(
    [
        pa.field("record_id", pa.string(), nullable=False),
        pa.field("patient_id", pa.string(), nullable=False),
        pa.field("fs_hz", pa.float64(), nullable=False),
        pa.field("leads", _TEXTS, nullable=False),
        pa.field("begins_s", _TIMES, nullable=False),
        pa.field("ends_s", _TIMES, nullable=False),
        pa.field("labels", _TEXTS, nullable=False),
        pa.field("place", pa.string(), nullable=False),
    ]
)
"""One row per record; see ``RecordRef``."""


def table_of(refs: Iterable[RecordRef]) -> pa.Table:
    """Return records as a table of ``RECORDS``, sorted by their id.

    Raises:
        ConfigError: There is none, or two have one id.
    """
    rows = [{name: _plain(getattr(ref, name)) for name in RECORDS.names} for ref in refs]
    if not rows:
        raise ConfigError("source: no record stands there")
    table = pa.Table.from_pylist(rows, RECORDS).sort_by("record_id")
    ids = table["record_id"].to_pylist()
    for before, after in pairwise(ids):
        if before == after:
            raise ConfigError(f"source: two records are called {after}")
    return table


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """A source whose records stand in a table.

    Attributes:
        table: Rows of ``RECORDS``.
        read: Gives the window of one record; see ``Source.load``.
    """

    table: pa.Table
    read: Callable[[RecordRef, float, float], Mapping[str, DoubleArray]]

    def __len__(self) -> int:
        """Return how many records there are."""
        return int(self.table.num_rows)

    def ref(self, number: int) -> RecordRef:
        """Return one record by its number."""
        [row] = self.table.slice(number, 1).to_pylist()
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in row.items()
        }
        return RecordRef(**values)

    def load(self, ref: RecordRef, *, start_s: float, seconds: float) -> Mapping[str, DoubleArray]:
        """Read the window of one record."""
        return self.read(ref, start_s, seconds)
