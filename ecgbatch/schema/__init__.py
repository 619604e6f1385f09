"""Every table: the single source of truth.

Two families live here. *Published* tables (``PUBLISHED``) are what analysts query; each column
states whether it may be null and has one sentence, from which ``docs/tables.md`` is generated.
*In-flight* tables (``between``) travel between stages, one row per page; they hold pixels, boxes
and traces that nobody publishes.
"""

from __future__ import annotations

import pyarrow as pa

from ecgbatch.errors import SchemaError
from ecgbatch.schema.between import (
    BEAT_LISTS,
    CALIBRATED,
    DECODED,
    ERROR,
    LABEL,
    LEAD,
    LOCATED,
    MEASURED,
    MEASUREMENT,
    PLAN,
    READ,
    READ_FROM_INK,
    RECTIFIED,
    REGION,
    STAGE_MS,
    TRACE,
    TRACED,
)
from ecgbatch.schema.columns import TABLES_VERSION
from ecgbatch.schema.labels import LABELS
from ecgbatch.schema.marks import SUPERSEDED, WITHDRAWN
from ecgbatch.schema.outcomes import QUARANTINE, RUNS
from ecgbatch.schema.pages import PAGES, SIGNALS
from ecgbatch.schema.review import GIVEN, QUEUE, VERDICTS
from ecgbatch.schema.waves import BEATS, MEASUREMENTS

__all__ = [
    "BEATS",
    "BEAT_LISTS",
    "CALIBRATED",
    "DECODED",
    "ERROR",
    "GIVEN",
    "LABEL",
    "LABELS",
    "LEAD",
    "LOCATED",
    "MARKS",
    "MEASURED",
    "MEASUREMENT",
    "MEASUREMENTS",
    "PAGES",
    "PLAN",
    "PUBLISHED",
    "QUARANTINE",
    "QUEUE",
    "READ",
    "READ_FROM_INK",
    "RECTIFIED",
    "REGION",
    "RUNS",
    "SIGNALS",
    "STAGE_MS",
    "SUPERSEDED",
    "TABLES_VERSION",
    "TRACE",
    "TRACED",
    "VERDICTS",
    "WITHDRAWN",
    "require",
]

PUBLISHED = {
    "pages": PAGES,
    "signals": SIGNALS,
    "measurements": MEASUREMENTS,
    "beats": BEATS,
    "labels": LABELS,
    "quarantine": QUARANTINE,
    "runs": RUNS,
}
"""By name, in the order in which docs list them."""

MARKS = {"withdrawn": WITHDRAWN, "superseded": SUPERSEDED}
"""Tables beside them, of one small file per release, which most outputs never have."""


def require(table: pa.Table, schema: pa.Schema, *, stage: str) -> pa.Table:
    """Return ``table`` unchanged, or raise ``SchemaError`` naming the first column that differs."""
    if table.schema.equals(schema, check_metadata=False):
        return table
    for name in schema.names:
        if name not in table.schema.names:
            raise SchemaError(f"{stage}: the column {name!r} is missing")
    for field in table.schema:
        if field.name not in schema.names:
            raise SchemaError(f"{stage}: the column {field.name!r} was not promised")
        if field.type != schema.field(field.name).type:
            raise SchemaError(
                f"{stage}: {field.name!r} is {field.type}, not {schema.field(field.name).type}"
            )
    raise SchemaError(f"{stage}: columns stand in another order or nullability than promised")
