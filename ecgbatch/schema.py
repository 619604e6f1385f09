"""Every table: the single source of truth.

Two families live here. *Published* tables (``PAGES``, ``SIGNALS``, ``QUARANTINE``, ``RUNS``) are
what analysts query; each column states whether it may be null and has one sentence, from which
``docs/tables.md`` is generated. *In-flight* tables travel between stages, one row per page; they
hold pixels, boxes and traces that nobody publishes.
"""

from __future__ import annotations

import pyarrow as pa

from ecgbatch.errors import SchemaError

TABLES_VERSION = "1"


def _column(name: str, dtype: pa.DataType, text: str, *, null: bool = False) -> pa.Field:
    return pa.field(name, dtype, nullable=null, metadata={"text": text})


def _table(name: str, text: str, fields: list[pa.Field]) -> pa.Schema:
    return pa.schema(fields, metadata={"table": name, "text": text, "version": TABLES_VERSION})


_SCAN_ID = _column("scan_id", pa.string(), "32 hexadecimal digits that name the archived file.")
_VERSION = _column("version", pa.string(), "Entity tag, or size and time: which bytes were read.")
_PAGE_NO = _column("page_no", pa.int32(), "Page within the file, from 1; 0 is the file as a whole.")
_RUN_ID = _column("run_id", pa.string(), "The run that wrote the row.")

# --------------------------------------------------------------------------- published tables

PAGES = _table(
    "pages",
    "One row per page that became an ECG.",
    [
        _SCAN_ID,
        _VERSION,
        _PAGE_NO,
        _RUN_ID,
        _column("page_count", pa.int32(), "Pages in the file."),
        _column(
            "source_kind",
            pa.string(),
            "`raster` (pixels were read), `vector` (drawn lines were read), `digital` (samples).",
        ),
        _column("source_format", pa.string(), "`jpeg`, `png`, `tiff`, `pdf` or `dicom`."),
        _column(
            "content_id",
            pa.string(),
            "Equal for files with equal bytes, wherever they are stored; keyed like `scan_id`.",
        ),
        _column("width_px", pa.int32(), "Width of the decoded page.", null=True),
        _column("height_px", pa.int32(), "Height of the decoded page.", null=True),
        _column(
            "dpi_x", pa.float32(), "Dots per inch along rows, from the file's tags.", null=True
        ),
        _column("dpi_y", pa.float32(), "Dots per inch down columns, from the tags.", null=True),
        _column("layout", pa.string(), "Rows x columns and rhythm rows, such as `3x4+1R`."),
        _column("n_leads", pa.int32(), "Distinct leads with at least one sample."),
        _column(
            "speed_mm_per_s",
            pa.float32(),
            "Paper speed; null where the file held samples and names none.",
            null=True,
        ),
        _column("speed_source", pa.string(), "`printed`, `pulse`, `grid`, `file` or `assumed`."),
        _column(
            "gain_mm_per_mv",
            pa.float32(),
            "Deflection of one millivolt; null where the file held samples and names none.",
            null=True,
        ),
        _column("gain_source", pa.string(), "`printed`, `pulse`, `grid`, `file` or `assumed`."),
        _column("px_per_mm_x", pa.float32(), "Grid pitch on the source, time axis.", null=True),
        _column("px_per_mm_y", pa.float32(), "Grid pitch on the source, voltage axis.", null=True),
        _column("px_per_mm_source", pa.string(), "`grid`, `dpi`, `assumed` or `file`."),
        _column(
            "rotation_deg",
            pa.float32(),
            "How far the source page was turned from upright, clockwise, quarter turns included.",
            null=True,
        ),
        _column(
            "homography",
            pa.list_(pa.float64()),
            "Nine numbers, row by row: rectified (x, y, 1) in px to the source page.",
            null=True,
        ),
        _column("rectified_px_per_mm", pa.float32(), "Scale of the rectified page.", null=True),
        _column(
            "einthoven_uv",
            pa.float32(),
            "RMS of II - I - III where the three are printed at the same time.",
            null=True,
        ),
        _column(
            "goldberger_uv",
            pa.float32(),
            "RMS of aVR + aVL + aVF where the three are printed at the same time.",
            null=True,
        ),
        _column("quality_score", pa.float32(), "0 to 1."),
        _column("quality_class", pa.string(), "`good`, `review` or `poor`."),
        _column("flags", pa.list_(pa.string()), "What a reader should know; a closed list."),
        _column("software_version", pa.string(), "Version of ecgbatch."),
        _column("fingerprint", pa.string(), "Hash of every setting that can change a row."),
        _column("models", pa.list_(pa.string()), "`name@version` of every network that was used."),
    ],
)

SIGNALS = _table(
    "signals",
    "One row per page, lead and printed segment, ordered by page.",
    [
        _SCAN_ID,
        _PAGE_NO,
        _RUN_ID,
        _column("lead", pa.string(), "I, II, III, aVR, aVL, aVF, V1 to V6, or an extra position."),
        _column("segment", pa.int32(), "Counts the printings of one lead on a page, from 0."),
        _column("role", pa.string(), "`strip` (part of the layout's matrix) or `rhythm`."),
        _column("name_source", pa.string(), "`read`, `guessed` from the layout, or `digital`."),
        _column("t0_ms", pa.float64(), "Start on the page's time axis."),
        _column("fs_hz", pa.float32(), "Samples per second."),
        _column("native_fs_hz", pa.float32(), "Columns per second that the page really held."),
        _column(
            "samples_uv",
            pa.list_(pa.field("element", pa.int16(), nullable=True)),
            "Microvolts; null where nothing was printed or readable.",
        ),
        _column("coverage", pa.float32(), "Share of samples that are not null."),
        _column(
            "overlap", pa.float32(), "Share of samples within a line's width of another trace."
        ),
        _column("quality", pa.float32(), "0 to 1."),
        _column(
            "box_px",
            pa.list_(pa.float32()),
            "left, top, right, bottom on the rectified page; null for digital leads.",
            null=True,
        ),
        _column(
            "origin_px",
            pa.list_(pa.float32()),
            "x of the first sample and y of zero microvolts on the rectified page, so that the "
            "samples can be drawn where they were read; null for digital leads.",
            null=True,
        ),
    ],
)

MEASUREMENTS = _table(
    "measurements",
    "One row per page: what it measures over its usual beats, or over those of another kind where "
    "it has none; null where that cannot be measured.",
    [
        _SCAN_ID,
        _PAGE_NO,
        _RUN_ID,
        _column("beats", pa.int32(), "Ventricular complexes that were found on the page."),
        _column("usual_beats", pa.int32(), "Those of the usual form and in time."),
        _column("premature_beats", pa.int32(), "Those of the usual form and early."),
        _column("ventricular_beats", pa.int32(), "Wide ones of another form."),
        _column("paced_beats", pa.int32(), "Those that follow a pacing spike."),
        _column("leads", pa.int32(), "Distinct leads that show a whole complex."),
        _column("rr_count", pa.int32(), "RR intervals that the page shows without a break."),
        _column("hr_bpm", pa.float32(), "Ventricular rate, from the mean RR interval.", null=True),
        _column("rr_mean_ms", pa.float32(), "Mean RR interval.", null=True),
        _column("rr_sd_ms", pa.float32(), "Their standard deviation; needs three.", null=True),
        _column(
            "rmssd_ms",
            pa.float32(),
            "RMS of the differences of neighbouring RR intervals; needs three intervals.",
            null=True,
        ),
        _column(
            "rr_irregularity",
            pa.float32(),
            "Median difference of neighbouring RR intervals over the median interval, those beside "
            "ventricular beats left out.",
            null=True,
        ),
        _column(
            "p_share",
            pa.float32(),
            "Share of what stands before QRS that every beat repeats: near 1 with P waves, near 0 "
            "without.",
            null=True,
        ),
        _column("p_beats", pa.int32(), "Beats with a P wave, on which `p_ms` and `pr_ms` rest."),
        _column("p_ms", pa.float32(), "Duration of the P wave, median over leads.", null=True),
        _column("pr_ms", pa.float32(), "Begin of P to begin of QRS.", null=True),
        _column("qrs_ms", pa.float32(), "Duration of QRS, all leads together.", null=True),
        _column("qt_ms", pa.float32(), "Begin of QRS to the end of T.", null=True),
        _column("qt_beats", pa.int32(), "Beats on which `qt_ms` rests."),
        _column("qtc_bazett_ms", pa.float32(), "`qt_ms` over the root of RR in s.", null=True),
        _column(
            "qtc_fridericia_ms", pa.float32(), "`qt_ms` over the cube root of RR in s.", null=True
        ),
        _column(
            "p_axis_deg",
            pa.float32(),
            "Direction of P in the frontal plane: 0 left, 90 down.",
            null=True,
        ),
        _column("qrs_axis_deg", pa.float32(), "The same of QRS, by its area.", null=True),
        _column("t_axis_deg", pa.float32(), "The same of the top of T.", null=True),
        _column("axis_leads", pa.int32(), "Limb leads on which `qrs_axis_deg` rests."),
        _column(
            "sokolow_lyon_uv",
            pa.float32(),
            "Depth of S in V1 plus the higher R of V5, V6.",
            null=True,
        ),
        _column("cornell_uv", pa.float32(), "R in aVL plus depth of S in V3.", null=True),
        _column(
            "p_terminal_v1_uv_ms",
            pa.float32(),
            "Depth times duration of the late negative part of P in V1.",
            null=True,
        ),
        _column(
            "limb_span_uv", pa.float32(), "Largest QRS of the limb leads, peak to peak.", null=True
        ),
        _column("chest_span_uv", pa.float32(), "Largest QRS of V1 to V6, peak to peak.", null=True),
    ],
)

BEATS = _table(
    "beats",
    "One row per page, printed segment and beat that the segment shows whole. Times are on the "
    "page's axis, amplitudes above the level right before QRS.",
    [
        _SCAN_ID,
        _PAGE_NO,
        _RUN_ID,
        _column("lead", pa.string(), "Its name, as in `signals`."),
        _column("segment", pa.int32(), "Its number, as in `signals`."),
        _column("beat_no", pa.int32(), "Counts the beats of a page, from 0, in all leads alike."),
        _column(
            "kind",
            pa.string(),
            "`usual`, `premature` (usual form, early), `ventricular` (another form, wide), `paced` "
            "or `other`.",
        ),
        _column("rr_before_ms", pa.int32(), "From the beat before, if shown.", null=True),
        _column("rr_after_ms", pa.int32(), "To the next beat, if shown.", null=True),
        _column("p_on_ms", pa.int32(), "Begin of P; null without a P wave.", null=True),
        _column("p_peak_ms", pa.int32(), "Top of P.", null=True),
        _column("p_off_ms", pa.int32(), "End of P.", null=True),
        _column("qrs_on_ms", pa.int32(), "Begin of QRS in this lead."),
        _column("qrs_peak_ms", pa.int32(), "Largest deflection of QRS, up or down."),
        _column("qrs_off_ms", pa.int32(), "End of QRS in this lead, the J point."),
        _column("t_peak_ms", pa.int32(), "Top of T.", null=True),
        _column("t_off_ms", pa.int32(), "End of T.", null=True),
        _column("pr_ms", pa.int32(), "Begin of P to begin of QRS.", null=True),
        _column("qrs_ms", pa.int32(), "Duration of QRS."),
        _column("qt_ms", pa.int32(), "Begin of QRS to end of T.", null=True),
        _column(
            "qrs_form",
            pa.string(),
            "Letters of its waves, such as `qRs` or `QS`; capitals from 500 uV on.",
            null=True,
        ),
        _column("p_uv", pa.int32(), "Top of P over the level at its begin.", null=True),
        _column("q_uv", pa.int32(), "Q, the negative wave before R.", null=True),
        _column("r_uv", pa.int32(), "R, the first positive wave.", null=True),
        _column(
            "s_uv", pa.int32(), "S, after R; without an R the depth of the complex.", null=True
        ),
        _column("r2_uv", pa.int32(), "R', a positive wave after S.", null=True),
        _column("j_uv", pa.int32(), "At the J point.", null=True),
        _column("st60_uv", pa.int32(), "60 ms after the J point.", null=True),
        _column("st80_uv", pa.int32(), "80 ms after the J point.", null=True),
        _column("t_uv", pa.int32(), "Top of T.", null=True),
    ],
)

QUARANTINE = _table(
    "quarantine",
    "One row per page, or per file that could not be opened, that did not become an ECG.",
    [
        _SCAN_ID,
        _VERSION,
        _PAGE_NO,
        _RUN_ID,
        _column(
            "page_count",
            pa.int32(),
            "Pages in the file; where `page_no` is 0, the pages that came before it failed.",
        ),
        _column("stage", pa.string(), "Where it failed."),
        _column("reason", pa.string(), "A stable code; `docs/operating.md` has a line on each."),
        _column("retriable", pa.bool_(), "Whether the same bytes may succeed another time."),
        _column("attempts", pa.int32(), "How often it was tried in this run."),
        _column(
            "facts",
            pa.map_(pa.string(), pa.float64()),
            "Numbers that explain the reason. Numbers only: text could name a patient.",
        ),
        _column("where", pa.string(), "Place in our code, for defects.", null=True),
        _column("fingerprint", pa.string(), "Hash of every setting that can change a row."),
    ],
)

RUNS = _table(
    "runs",
    "One row per finished run.",
    [
        _RUN_ID,
        _column("fingerprint", pa.string(), "Hash of every setting that can change a row."),
        _column("settings", pa.string(), "Those settings, as JSON."),
        _column("software_version", pa.string(), "Version of ecgbatch."),
        _column("models", pa.list_(pa.string()), "`name@version` of every network that was used."),
        _column("started_at", pa.timestamp("ms", tz="UTC"), "First start of the run."),
        _column("ended_at", pa.timestamp("ms", tz="UTC"), "When its last receipt was written."),
        _column("resumed", pa.int32(), "How often it was taken up again."),
        _column("scans_listed", pa.int64(), "Files in the listing."),
        _column("scans_skipped", pa.int64(), "Files that an earlier run of the release holds."),
        _column(
            "pages_in", pa.int64(), "Pages found, a file that cannot be opened counting as one."
        ),
        _column("pages_published", pa.int64(), "Rows written to `pages`."),
        _column("pages_quarantined", pa.int64(), "Rows written to `quarantine`."),
        _column("signals", pa.int64(), "Rows written to `signals`."),
        _column("reasons", pa.map_(pa.string(), pa.int64()), "Quarantined pages by reason."),
        _column("seconds", pa.float64(), "Time that workers were busy, start-up left out."),
    ],
)

PUBLISHED = {
    "pages": PAGES,
    "signals": SIGNALS,
    "measurements": MEASUREMENTS,
    "beats": BEATS,
    "quarantine": QUARANTINE,
    "runs": RUNS,
}
"""By name, in the order in which docs list them."""

# ---------------------------------------------------------------------------- in-flight tables

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
    ]
)

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
    ]
)
"""After ``locate``: where each lead is printed; speed and gain where a pulse told them. ``pixels``
is the ink of traces alone."""

TRACED = pa.schema(
    [
        *_IDENTITY,
        *_SOURCE,
        *_SCALE,
        *_GEOMETRY,
        *_LEADS,
        pa.field("traces", pa.list_(TRACE)),
        *_OUTCOME,
    ]
)
"""After ``trace``: the pixels are gone."""

CALIBRATED = pa.schema([*_IDENTITY, *_SOURCE, *_SCALE, *_GEOMETRY, *_LEADS, *_QUALITY, *_OUTCOME])
"""After ``calibrate``: finished leads and how good they are."""

READ = pa.schema([*CALIBRATED, *_WAVES])
"""After ``measure``: everything that is known of a page, ready to be published."""


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
