"""Published tables as files; every default is a healthy row."""

import pyarrow as pa
import pyarrow.parquet as pq

from ecgbatch import schema

SCAN = "9f3c6a0f5cf04b1faa2f6b9d4d1e0c77"
RELEASE = "0.1.0-0123456789abcdef"

_PAGE = {
    "scan_id": SCAN,
    "version": "v1",
    "page_no": 1,
    "run_id": "run",
    "page_count": 1,
    "source_kind": "raster",
    "source_format": "jpeg",
    "content_id": "c" * 32,
    "width_px": 2200,
    "height_px": 1700,
    "dpi_x": 200.0,
    "dpi_y": 200.0,
    "layout": "3x4+1R",
    "n_leads": 12,
    "speed_mm_per_s": 25.0,
    "speed_source": "pulse",
    "gain_mm_per_mv": 10.0,
    "gain_source": "pulse",
    "px_per_mm_x": 7.874,
    "px_per_mm_y": 7.874,
    "px_per_mm_source": "grid",
    "rotation_deg": 0.0,
    "homography": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
    "rectified_px_per_mm": 10.0,
    "einthoven_uv": 10.0,
    "goldberger_uv": 10.0,
    "quality_score": 0.9,
    "quality_class": "good",
    "flags": [],
    "software_version": "0.1.0",
    "fingerprint": "0123456789abcdef",
    "models": [],
}
_SIGNAL = {
    "scan_id": SCAN,
    "page_no": 1,
    "run_id": "run",
    "lead": "II",
    "segment": 0,
    "role": "strip",
    "name_source": "read",
    "t0_ms": 0.0,
    "fs_hz": 500.0,
    "native_fs_hz": 197.0,
    "samples_uv": [0, 100, None, -100],
    "coverage": 0.75,
    "overlap": 0.0,
    "quality": 0.9,
    "box_px": [100.0, 200.0, 725.0, 500.0],
    "origin_px": [100.0, 400.0],
}
_QUARANTINE = {
    "scan_id": SCAN,
    "version": "v1",
    "page_no": 1,
    "run_id": "run",
    "page_count": 1,
    "stage": "locate",
    "reason": "no_trace",
    "retriable": False,
    "attempts": 1,
    "facts": [("rows", 0.0)],
    "where": None,
    "fingerprint": "0123456789abcdef",
}
_HEALTHY = {"pages": _PAGE, "signals": _SIGNAL, "quarantine": _QUARANTINE}


def row(table, **changes):
    """Return one row; columns that the schema has gained since are null or empty."""
    return {**_HEALTHY[table], **changes}


def write_part(out, *, part="part-0", release=RELEASE, **rows_of):
    """Write one part below ``out``; tables that are not named get no rows."""
    for name in ("pages", "signals", "measurements", "beats", "labels", "quarantine"):
        folder = out / "tables" / name / f"release={release}" / "ingest_date=2026-01-02"
        folder.mkdir(parents=True, exist_ok=True)
        table = pa.Table.from_pylist(rows_of.get(name, []), schema=schema.PUBLISHED[name])
        pq.write_table(table, folder / f"{part}.parquet", write_page_checksum=True)
