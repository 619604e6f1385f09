"""Pages that became an ECG, and their signals."""

from __future__ import annotations

import pyarrow as pa

from ecgbatch.schema.columns import PAGE_NO, RUN_ID, SCAN_ID, VERSION, column, table

PAGES = table(
    "pages",
    "One row per page that became an ECG.",
    [
        SCAN_ID,
        VERSION,
        PAGE_NO,
        RUN_ID,
        column("page_count", pa.int32(), "Pages in the file."),
        column(
            "source_kind",
            pa.string(),
            "`raster` (pixels were read), `vector` (drawn lines were read), `digital` (samples).",
        ),
        column("source_format", pa.string(), "`jpeg`, `png`, `tiff`, `pdf` or `dicom`."),
        column(
            "content_id",
            pa.string(),
            "Equal for files with equal bytes, wherever they are stored; keyed like `scan_id`. "
            "After `ecgbatch rekey`, among rows that were there before it.",
        ),
        column(
            "key_id",
            pa.string(),
            "Names the secret from which the row's ids are derived; null where there was none.",
            null=True,
        ),
        column("width_px", pa.int32(), "Width of the decoded page.", null=True),
        column("height_px", pa.int32(), "Height of the decoded page.", null=True),
        column("dpi_x", pa.float32(), "Dots per inch along rows, from the file's tags.", null=True),
        column("dpi_y", pa.float32(), "Dots per inch down columns, from the tags.", null=True),
        column("layout", pa.string(), "Rows x columns and rhythm rows, such as `3x4+1R`."),
        column("n_leads", pa.int32(), "Distinct leads with at least one sample."),
        column(
            "speed_mm_per_s",
            pa.float32(),
            "Paper speed; null where the file held samples and names none.",
            null=True,
        ),
        column(
            "speed_source",
            pa.string(),
            "`printed`, `pulse`, `grid`, `file`, `reviewed` or `assumed`.",
        ),
        column(
            "gain_mm_per_mv",
            pa.float32(),
            "Deflection of one millivolt; null where the file held samples and names none.",
            null=True,
        ),
        column(
            "gain_source",
            pa.string(),
            "`printed`, `pulse`, `grid`, `file`, `reviewed` or `assumed`.",
        ),
        column("px_per_mm_x", pa.float32(), "Grid pitch on the source, time axis.", null=True),
        column("px_per_mm_y", pa.float32(), "Grid pitch on the source, voltage axis.", null=True),
        column("px_per_mm_source", pa.string(), "`grid`, `dpi`, `pulse`, `assumed` or `file`."),
        column(
            "rotation_deg",
            pa.float32(),
            "How far the source page was turned from upright, clockwise, quarter turns included.",
            null=True,
        ),
        column(
            "homography",
            pa.list_(pa.float64()),
            "Nine numbers, row by row: rectified (x, y, 1) in px to the source page.",
            null=True,
        ),
        column("rectified_px_per_mm", pa.float32(), "Scale of the rectified page.", null=True),
        column(
            "einthoven_uv",
            pa.float32(),
            "RMS of II - I - III where the three are printed at the same time.",
            null=True,
        ),
        column(
            "goldberger_uv",
            pa.float32(),
            "RMS of aVR + aVL + aVF where the three are printed at the same time.",
            null=True,
        ),
        column(
            "quality_score",
            pa.float32(),
            "0 to 1; null for a page that was not digitized.",
            null=True,
        ),
        column(
            "quality_class",
            pa.string(),
            "`good`, `review` or `poor`; `unread` for a page that was not digitized. `good`: "
            "names, places and scale were read or confirmed, and all but a few seconds are surely "
            "traced; those have a `confidence` below 0.5, or nulls.",
        ),
        column("flags", pa.list_(pa.string()), "What a reader should know; a closed list."),
        column(
            "review_id",
            pa.string(),
            "The verdict of a reviewer that the row follows; null without one.",
            null=True,
        ),
        column("software_version", pa.string(), "Version of ecgbatch."),
        column("fingerprint", pa.string(), "Hash of every setting that can change a row."),
        column("models", pa.list_(pa.string()), "`name@version` of every network that was used."),
    ],
)

SIGNALS = table(
    "signals",
    "One row per page, lead and printed segment, ordered by page.",
    [
        SCAN_ID,
        PAGE_NO,
        RUN_ID,
        column("lead", pa.string(), "I, II, III, aVR, aVL, aVF, V1 to V6, or an extra position."),
        column("segment", pa.int32(), "Counts the printings of one lead on a page, from 0."),
        column("role", pa.string(), "`strip` (part of the layout's matrix) or `rhythm`."),
        column(
            "name_source",
            pa.string(),
            "`read`, `guessed` from the layout, `reviewed`, or `digital`.",
        ),
        column("t0_ms", pa.float64(), "Start on the page's time axis."),
        column("fs_hz", pa.float32(), "Samples per second."),
        column("native_fs_hz", pa.float32(), "Columns per second that the page really held."),
        column(
            "samples_uv",
            pa.list_(pa.field("element", pa.int16(), nullable=True)),
            "Microvolts; null where nothing was printed or readable.",
        ),
        column("coverage", pa.float32(), "Share of samples that are not null."),
        column("overlap", pa.float32(), "Share of samples within a line's width of another trace."),
        column("quality", pa.float32(), "0 to 1."),
        column(
            "box_px",
            pa.list_(pa.float32()),
            "left, top, right, bottom on the rectified page; null for digital leads.",
            null=True,
        ),
        column(
            "origin_px",
            pa.list_(pa.float32()),
            "x of the first sample and y of zero microvolts on the rectified page, so that the "
            "samples can be drawn where they were read; null for digital leads.",
            null=True,
        ),
        column(
            "confidence",
            pa.list_(pa.field("element", pa.float32(), nullable=True)),
            "For each started second from `t0_ms` on, 0 to 1: how likely its samples are right "
            "within half a millimetre of paper, if name, place and scale are; null where none was "
            "read, and for digital leads.",
            null=True,
        ),
        column(
            "overlap_s",
            pa.list_(pa.float32()),
            "For each started second, how long in it another trace runs within a line's width; "
            "null for digital leads.",
            null=True,
        ),
        column(
            "repaired_uv",
            pa.list_(pa.field("element", pa.int16(), nullable=True)),
            "Microvolts of missing samples that other limb leads tell, sample by sample as "
            "`samples_uv`, null elsewhere; null without any. Never a part of `samples_uv`.",
            null=True,
        ),
    ],
)
