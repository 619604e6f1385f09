"""The stage: pages in, upright grey pages out, and digital ones untouched."""

import numpy as np
import pyarrow as pa
import pytest

from ecgbatch import schema
from ecgbatch.config import RectifySettings
from ecgbatch.stages.rectify import Rectify
from tests.factories_pages import Sheet, View, draw

STAGE = Rectify(RectifySettings(px_per_mm=5.0))


def decoded(pixels: np.ndarray | None, **values) -> pa.Table:
    row = {
        "scan_id": "0" * 32,
        "version": "1",
        "page_no": 1,
        "page_count": 1,
        "flags": ["polyglot"],
    }
    if pixels is not None:
        row |= {"pixels": pixels.tobytes(), "pixels_shape": list(pixels.shape)}
    return pa.Table.from_pylist([row | values], schema=schema.DECODED)


def test_a_page_comes_out_grey_upright_and_measured():
    page = draw(Sheet(), View(px_per_mm=(4.0, 4.0), turn_deg=180))
    (out,) = STAGE.open()(decoded(page.pixels))
    row = out.to_pylist()[0]
    assert out.schema.equals(schema.RECTIFIED)
    assert row["error"] is None
    assert row["px_per_mm_source"] == "grid"
    assert row["px_per_mm_x"] == pytest.approx(4.0, rel=0.005)
    assert row["px_per_mm_y"] == pytest.approx(4.0, rel=0.005)
    assert abs(row["rotation_deg"]) == pytest.approx(180, abs=0.1)
    assert len(row["homography"]) == 9
    rows, columns = row["pixels_shape"]
    assert len(row["pixels"]) == rows * columns
    assert (columns, rows) == pytest.approx((279 * 5, 216 * 5), abs=5 * 5 + 2)
    assert "polyglot" in row["flags"]


def test_a_digital_page_passes_through():
    (out,) = STAGE.open()(decoded(None, source_kind="digital", layout="12x1"))
    row = out.to_pylist()[0]
    assert row["error"] is None
    assert row["px_per_mm_source"] == "file"
    assert row["layout"] == "12x1"


def test_a_blank_page_becomes_an_error_row():
    (out,) = STAGE.open()(decoded(np.full((500, 400, 3), 250, np.uint8)))
    assert out.to_pylist()[0]["error"]["reason"] == "blank_page"
