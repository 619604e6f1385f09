"""The tables of a data set: one row per page or crop, and one per printed lead with its samples."""

from __future__ import annotations

import pyarrow as pa

CLASSES = (
    "region",
    "I", "II", "III", "aVR", "aVL", "aVF",
    "V1", "V2", "V3", "V4", "V5", "V6",
)  # fmt: skip
"""YOLO classes in their order: 0 is the place of a lead, the others are printed names."""


def _column(name: str, dtype: pa.DataType, text: str, *, null: bool = False) -> pa.Field:
    return pa.field(name, dtype, nullable=null, metadata={"text": text})


BOX = pa.struct(
    [
        pa.field("class", pa.int8(), nullable=False),
        pa.field("left", pa.float32(), nullable=False),
        pa.field("top", pa.float32(), nullable=False),
        pa.field("right", pa.float32(), nullable=False),
        pa.field("bottom", pa.float32(), nullable=False),
    ]
)

INDEX = pa.schema(
    [
        _column("item_id", pa.string(), "Name of the page or crop, as in its files."),
        _column("page_id", pa.string(), "The page: eight digits, its number in the data set."),
        _column("record_id", pa.string(), "The record that was printed."),
        _column("patient_id", pa.string(), "Whose it is; no patient is in two splits."),
        _column("split", pa.string(), "Part of the data set, by patient."),
        _column("labels", pa.list_(pa.string()), "Statements that hold for the record."),
        _column("layout", pa.string(), "Arrangement of the leads."),
        _column("style", pa.string(), "Look of the page."),
        _column("profile", pa.string(), "Damage."),
        _column("dpi", pa.float32(), "Dots per inch of the page as printed."),
        _column("speed_mm_per_s", pa.float32(), "Paper speed."),
        _column("gain_mm_per_mv", pa.float32(), "Gain of the limb leads."),
        _column("chest_gain_mm_per_mv", pa.float32(), "Gain of the chest leads."),
        _column("fs_hz", pa.float32(), "Rate of the printed samples."),
        _column("start_s", pa.float64(), "Where in the record the page begins."),
        _column("seed", pa.int64(), "What lettering and damage were drawn from."),
        _column("width_px", pa.int32(), "Columns of the picture."),
        _column("height_px", pa.int32(), "Rows of the picture."),
        _column("image", pa.string(), "Path of the picture."),
        _column("image_sha256", pa.string(), "Of its bytes."),
        _column("truth", pa.string(), "Path of the JSON with everything known."),
        _column("truth_sha256", pa.string(), "Of its bytes."),
        _column("boxes", pa.list_(BOX), "Class and place in px of each box.", null=True),
        _column("region", pa.int32(), "Crops: which of the page's regions it is.", null=True),
        _column("lead", pa.string(), "Crops: its lead.", null=True),
        _column("role", pa.string(), "Crops: `strip` or `rhythm`.", null=True),
        _column("mask", pa.string(), "Crops: path of the mask.", null=True),
        _column("mask_sha256", pa.string(), "Crops: of its bytes.", null=True),
        _column(
            "overlap",
            pa.float32(),
            "Crops: share of samples within a line's width of another trace's ink.",
            null=True,
        ),
        _column(
            "overlap_per_s",
            pa.list_(pa.float32()),
            "Crops: the same, second by second from the lead's first sample; null where no sample "
            "of that second is on the page.",
            null=True,
        ),
    ]
)

SIGNALS = pa.schema(
    [
        _column("page_id", pa.string(), "The page."),
        _column("region", pa.int32(), "Which of its printed leads, in the order of the truth."),
        _column("lead", pa.string(), "Its name."),
        _column("role", pa.string(), "`strip` or `rhythm`."),
        _column("t0_ms", pa.float64(), "Its start on the page's time axis."),
        _column("first_sample", pa.int32(), "Its first sample, counted from the page's `start_s`."),
        _column("fs_hz", pa.float32(), "Samples per second."),
        _column(
            "samples_uv",
            pa.list_(pa.float32()),
            "Microvolts; null where the record has none, or the paper is gone.",
        ),
    ]
)

ARCHIVE = pa.schema(
    [
        _column("path", pa.string(), "Path of the file below `archive/`."),
        _column("sha256", pa.string(), "Of its bytes."),
        _column("size_bytes", pa.int64(), "Length of the file."),
        _column("format", pa.string(), "What it was written as, or `other`."),
        _column("page_no", pa.int32(), "Page within the file, from 1; 0 where it is no page."),
        _column(
            "special",
            pa.string(),
            "`cover`, `blank`, or how the file was damaged: `truncated`, `zeroed`, `scrambled`, "
            "`empty`, `html`.",
            null=True,
        ),
        _column("duplicate_of", pa.string(), "Path of the file it is a copy of.", null=True),
        _column("page_id", pa.string(), "The ECG on the page; its WFDB record.", null=True),
        _column("record_id", pa.string(), "The record of the source.", null=True),
        _column("patient_id", pa.string(), "Whose it is.", null=True),
        _column("split", pa.string(), "Part of the data set, by patient.", null=True),
        _column("labels", pa.list_(pa.string()), "Statements that hold for it.", null=True),
        _column("layout", pa.string(), "Arrangement of the leads.", null=True),
        _column("style", pa.string(), "Look of the page.", null=True),
        _column("profile", pa.string(), "Damage of the page.", null=True),
        _column("dpi", pa.float32(), "Dots per inch as printed.", null=True),
        _column("start_s", pa.float64(), "Where in the record the page begins.", null=True),
        _column("seed", pa.int64(), "What lettering and damage were drawn from.", null=True),
    ]
)
