"""Tables that travel between stages, one row per page; nobody publishes what they hold."""

from __future__ import annotations

import pyarrow as pa

from ecgbatch.schema.labels import LABELS
from ecgbatch.schema.review import GIVEN
from ecgbatch.schema.waves import BEATS, MEASUREMENTS

ERROR = pa.struct(
    [
        pa.field("stage", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("attempts", pa.int32()),
        pa.field("where", pa.string()),
        pa.field("facts", pa.map_(pa.string(), pa.float64())),
    ]
)

PLAN = pa.schema(
    [
        pa.field("scan_id", pa.string(), nullable=False),
        pa.field("uri", pa.string(), nullable=False),
        pa.field("version", pa.string(), nullable=False),  # "" where a manifest has none
        pa.field("size_bytes", pa.int64()),  # null where a manifest has none
        pa.field("error", ERROR),  # a row of a manifest that is refused before any request
        pa.field("given", pa.list_(GIVEN)),  # what reviewers said of its pages
    ]
)
"""What a listing gives, and what the first stage reads; ``map_rows`` hands errors through."""

STAGE_MS = pa.list_(pa.struct([pa.field("stage", pa.string()), pa.field("ms", pa.float32())]))
"""Time that each stage spent on a row; feeds summaries, never a published row."""

LEAD = pa.struct(
    [
        pa.field("lead", pa.string()),
        pa.field("role", pa.string()),
        pa.field("name_source", pa.string()),
        pa.field("t0_ms", pa.float64()),
        pa.field("fs_hz", pa.float32()),
        pa.field("native_fs_hz", pa.float32()),
        pa.field("signal_uv", pa.list_(pa.float32())),  # NaN where nothing was printed
        pa.field("overlap", pa.float32()),
        pa.field("quality", pa.float32()),
        pa.field("box_px", pa.list_(pa.float32())),
        pa.field("origin_px", pa.list_(pa.float32())),
        pa.field("confidence", pa.list_(pa.float32())),  # NaN where nothing was read
        pa.field("overlap_s", pa.list_(pa.float32())),
        pa.field("repaired_uv", pa.list_(pa.float32())),  # NaN where nothing was repaired
    ]
)

READ_FROM_INK = ("confidence", "overlap_s", "repaired_uv")
"""Fields of ``LEAD`` that leads do not have whose samples the file held."""

REGION = pa.struct(
    [
        pa.field("lead", pa.string()),
        pa.field("role", pa.string()),
        pa.field("name_source", pa.string()),
        pa.field("left_px", pa.float32()),
        pa.field("top_px", pa.float32()),
        pa.field("right_px", pa.float32()),
        pa.field("bottom_px", pa.float32()),
        pa.field("baseline_px", pa.float32()),
        pa.field("t0_ms", pa.float64()),
        pa.field("inverted", pa.bool_()),
    ]
)

TRACE = pa.struct(
    [
        *REGION.fields,
        pa.field("x0_px", pa.float32()),
        pa.field("step_px", pa.float32()),
        pa.field("y_px", pa.list_(pa.float32())),  # NaN where there is no ink
        pa.field("near", pa.list_(pa.bool_())),  # another trace within a line's width
        pa.field("doubt_mm", pa.list_(pa.float32())),  # how far the height may be off
    ]
)

_KEYS = ("scan_id", "page_no", "run_id")

MEASUREMENT = pa.struct(
    [pa.field(field.name, field.type) for field in MEASUREMENTS if field.name not in _KEYS]
)
"""NaN where a value cannot be measured."""

BEAT_LISTS = pa.struct(
    [
        pa.field(field.name, pa.list_(pa.string() if field.type == pa.string() else pa.float32()))
        for field in BEATS
        if field.name not in _KEYS
    ]
)
"""All rows of ``beats`` of a page, column by column; NaN where a value cannot be measured."""

LABEL = pa.struct([pa.field(field.name, field.type) for field in LABELS if field.name not in _KEYS])
"""NaN where there is no probability."""

_IDENTITY = [
    pa.field("scan_id", pa.string(), nullable=False),
    pa.field("version", pa.string(), nullable=False),
    pa.field("page_no", pa.int32(), nullable=False),
    pa.field("page_count", pa.int32(), nullable=False),
]
_SOURCE = [
    pa.field("source_kind", pa.string()),
    pa.field("source_format", pa.string()),
    pa.field("content_id", pa.string()),
    pa.field("width_px", pa.int32()),
    pa.field("height_px", pa.int32()),
    pa.field("dpi_x", pa.float32()),
    pa.field("dpi_y", pa.float32()),
    pa.field("flags", pa.list_(pa.string())),
    pa.field("given", pa.list_(GIVEN)),  # on this page alone; at most one
]
_PIXELS = [
    pa.field("pixels", pa.large_binary()),  # (row, column[, channel]) uint8, C order
    pa.field("pixels_shape", pa.list_(pa.int32())),
]
_SCALE = [
    pa.field("speed_mm_per_s", pa.float32()),
    pa.field("speed_source", pa.string()),
    pa.field("gain_mm_per_mv", pa.float32()),
    pa.field("gain_source", pa.string()),
]
_GEOMETRY = [
    pa.field("px_per_mm_x", pa.float32()),
    pa.field("px_per_mm_y", pa.float32()),
    pa.field("px_per_mm_source", pa.string()),
    pa.field("grid_confidence", pa.float32()),
    pa.field("rotation_deg", pa.float32()),
    pa.field("homography", pa.list_(pa.float64())),
    pa.field("rectified_px_per_mm", pa.float32()),
]
_LEADS = [pa.field("layout", pa.string()), pa.field("leads", pa.list_(LEAD))]
_QUALITY = [
    pa.field("einthoven_uv", pa.float32()),
    pa.field("goldberger_uv", pa.float32()),
    pa.field("quality_score", pa.float32()),
    pa.field("quality_class", pa.string()),
]
_WAVES = [pa.field("measurement", MEASUREMENT), pa.field("beats", BEAT_LISTS)]
GLANCE = pa.struct(
    [
        pa.field("shown_s", pa.list_(pa.float32())),  # of each standard lead
        pa.field("seconds", pa.float32()),  # in which any of them is shown
        pa.field("logits", pa.list_(pa.float32())),  # (member, target), NaN where one saw nothing
    ]
)
"""What members of the diagnosis say that see pixels; null where none was asked."""

_GLANCE = [pa.field("glance", GLANCE)]
_OUTCOME = [pa.field("stage_ms", STAGE_MS), pa.field("error", ERROR)]

DECODED = pa.schema([*_IDENTITY, *_SOURCE, *_SCALE, *_PIXELS, *_LEADS, *_OUTCOME])
"""After ``read``: one row per page. Digital and vector pages bring ``leads`` and no pixels."""

RECTIFIED = pa.schema([*_IDENTITY, *_SOURCE, *_SCALE, *_GEOMETRY, *_PIXELS, *_LEADS, *_OUTCOME])
"""After ``rectify``: ``pixels`` is the upright grey page at a fixed scale."""

LOCATED = pa.schema(
    [
        *RECTIFIED,
        pa.field("page", pa.large_binary()),  # what ``pixels`` was before, and of the same shape
        pa.field("whole_ink", pa.large_binary()),  # its ink, text and dirt included
        pa.field("regions", pa.list_(REGION)),
        *_GLANCE,
    ]
)
"""After ``locate``: where each lead is printed; speed and gain where a pulse told them. ``pixels``
is the ink of traces alone. ``glance`` fills the column of its name."""

TRACED = pa.schema(
    [
        *_IDENTITY,
        *_SOURCE,
        *_SCALE,
        *_GEOMETRY,
        *_LEADS,
        pa.field("traces", pa.list_(TRACE)),
        *_GLANCE,
        *_OUTCOME,
    ]
)
"""After ``trace``: the pixels are gone."""

_FINISHED = [*_IDENTITY, *_SOURCE, *_SCALE, *_GEOMETRY, *_LEADS, *_QUALITY]
CALIBRATED = pa.schema([*_FINISHED, *_GLANCE, *_OUTCOME])
"""After ``calibrate``: finished leads and how good they are."""

MEASURED = pa.schema(
    [
        *CALIBRATED,
        *_WAVES,
        pa.field("facts", pa.list_(pa.float32())),  # as signal.facts.FACTS names them
        pa.field("shapes_uv", pa.list_(pa.float32())),  # of signal.shapes, lead by lead
    ]
)
"""After ``measure``; NaN where something cannot be measured or is not shown."""

READ = pa.schema([*_FINISHED, *_OUTCOME, *_WAVES, pa.field("labels", pa.list_(LABEL))])
"""After ``diagnose``: everything that is known of a page, ready to be published."""
