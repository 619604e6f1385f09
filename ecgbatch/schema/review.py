"""What a person said of a page, and how it travels to the stages that obey."""

from __future__ import annotations

import pyarrow as pa

from ecgbatch.schema.columns import PAGE_NO, SCAN_ID, VERSION, column, table

ACCEPTED, CORRECTED, REJECTED = "accepted", "corrected", "rejected"
VERDICT_KINDS = (ACCEPTED, CORRECTED, REJECTED)
"""What a reviewer can say: it is right; it is right like this; it is not to be used."""

_NAMED = pa.struct(
    [
        pa.field("x_mm", pa.float32()),
        pa.field("y_mm", pa.float32()),
        pa.field("lead", pa.string()),
    ]
)
"""A trace by the place of its start, from the top left of the upright page, and its name.

Without places where a person stated another layout than was found: its leads row by row.
"""

GIVEN = pa.struct(
    [
        pa.field("page_no", pa.int32()),
        pa.field("review_id", pa.string()),
        pa.field("verdict", pa.string()),
        pa.field("layout", pa.string()),
        pa.field("speed_mm_per_s", pa.float32()),
        pa.field("gain_mm_per_mv", pa.float32()),
        pa.field("names", pa.list_(_NAMED)),
    ]
)
"""A verdict on one page, as stages see it; null where the reviewer says nothing."""

VERDICTS = table(
    "verdicts",
    "One row per verdict of a reviewer; of several on one page the newest holds.",
    [
        SCAN_ID,
        VERSION,
        PAGE_NO,
        column("review_id", pa.string(), "Names the verdict; rows that follow it carry it."),
        column("reviewed_at", pa.timestamp("us", tz="UTC"), "When it was taken in."),
        column("reviewer", pa.string(), "Who gave it, as they call themselves."),
        column("verdict", pa.string(), "`accepted`, `corrected` or `rejected`."),
        column("layout", pa.string(), "As it holds from now on.", null=True),
        column("speed_mm_per_s", pa.float32(), "As it holds from now on.", null=True),
        column("gain_mm_per_mv", pa.float32(), "As it holds from now on.", null=True),
        column(
            "names",
            pa.list_(_NAMED),
            "Every lead by its place and name; without places, row by row, where the page is to be "
            "read again in `layout`.",
            null=True,
        ),
    ],
)

QUEUE = table(
    "queue",
    "One row per page of class `review` on which no verdict was given.",
    [
        SCAN_ID,
        VERSION,
        PAGE_NO,
        column("release", pa.string(), "Partition of the tables."),
        column("quality_score", pa.float32(), "0 to 1; the queue begins with the lowest."),
        column("flags", pa.list_(pa.string()), "Why a person should look."),
        column("layout", pa.string(), "As it was read or guessed."),
        column("speed_mm_per_s", pa.float32(), "As it was taken.", null=True),
        column("speed_source", pa.string(), "How it was known."),
        column("gain_mm_per_mv", pa.float32(), "As it was taken.", null=True),
        column("gain_source", pa.string(), "How it was known."),
        column("names", pa.list_(pa.string()), "Leads from the top left, row by row."),
        column("picture", pa.string(), "File beside the queue, blanked.", null=True),
    ],
)
