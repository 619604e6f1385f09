"""Pages that did not become an ECG, and the runs that tried."""

from __future__ import annotations

import pyarrow as pa

from ecgbatch.schema.columns import PAGE_NO, RUN_ID, SCAN_ID, VERSION, column, table

QUARANTINE = table(
    "quarantine",
    "One row per page, or per file that could not be opened, that did not become an ECG.",
    [
        SCAN_ID,
        VERSION,
        PAGE_NO,
        RUN_ID,
        column(
            "page_count",
            pa.int32(),
            "Pages in the file; where `page_no` is 0, the pages that came before it failed.",
        ),
        column("stage", pa.string(), "Where it failed."),
        column("reason", pa.string(), "A stable code; `docs/operating.md` has a line on each."),
        column("retriable", pa.bool_(), "Whether the same bytes may succeed another time."),
        column("attempts", pa.int32(), "How often it was tried in this run."),
        column(
            "facts",
            pa.map_(pa.string(), pa.float64()),
            "Numbers that explain the reason. Numbers only: text could name a patient.",
        ),
        column("where", pa.string(), "Place in our code, for defects.", null=True),
        column(
            "review_id",
            pa.string(),
            "The verdict of a reviewer that the row follows; null without one.",
            null=True,
        ),
        column(
            "key_id",
            pa.string(),
            "Names the secret from which the row's ids are derived; null where there was none.",
            null=True,
        ),
        column("fingerprint", pa.string(), "Hash of every setting that can change a row."),
    ],
)

RUNS = table(
    "runs",
    "One row per finished run.",
    [
        RUN_ID,
        column(
            "key_id",
            pa.string(),
            "Names the secret from which ids are derived; null where there was none.",
            null=True,
        ),
        column("fingerprint", pa.string(), "Hash of every setting that can change a row."),
        column("settings", pa.string(), "Those settings, as JSON."),
        column("software_version", pa.string(), "Version of ecgbatch."),
        column("models", pa.list_(pa.string()), "`name@version` of every network that was used."),
        column("started_at", pa.timestamp("ms", tz="UTC"), "First start of the run."),
        column("ended_at", pa.timestamp("ms", tz="UTC"), "When its last receipt was written."),
        column("resumed", pa.int32(), "How often it was taken up again."),
        column("scans_listed", pa.int64(), "Files in the listing."),
        column("scans_skipped", pa.int64(), "Files that an earlier run of the release holds."),
        column(
            "pages_in", pa.int64(), "Pages found, a file that cannot be opened counting as one."
        ),
        column("pages_published", pa.int64(), "Rows written to `pages`."),
        column("pages_quarantined", pa.int64(), "Rows written to `quarantine`."),
        column("signals", pa.int64(), "Rows written to `signals`."),
        column("reasons", pa.map_(pa.string(), pa.int64()), "Quarantined pages by reason."),
        column("seconds", pa.float64(), "Time that workers were busy, start-up left out."),
    ],
)
