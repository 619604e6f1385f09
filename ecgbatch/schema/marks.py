"""Tables that say of published rows that they are no longer the last word."""

from __future__ import annotations

import pyarrow as pa

from ecgbatch.schema.columns import SCAN_ID, VERSION, column, table

WITHDRAWN = table(
    "withdrawn",
    "One row per file that was converted and is no longer in its archive.",
    [
        SCAN_ID,
        VERSION,
        column(
            "noticed_at", pa.timestamp("ms", tz="UTC"), "When a backfill first missed the file."
        ),
        column("removed", pa.bool_(), "Whether its rows were taken out of the other tables."),
    ],
)

SUPERSEDED = table(
    "superseded",
    "One row per release whose every file stands in a newer one; readers use that one.",
    [
        column("superseded_by", pa.string(), "The newer release."),
        column("superseded_at", pa.timestamp("ms", tz="UTC"), "When that was complete."),
        column("scans", pa.int64(), "Files of the older release."),
        column(
            "differences",
            pa.list_(pa.string()),
            "Settings, models and versions that differ, as `name: old -> new`.",
        ),
    ],
)
