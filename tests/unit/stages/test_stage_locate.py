"""The stage: what it says of pages on which no order of leads can be seen."""

import cv2
import numpy as np
import pyarrow as pa
import pytest

from ecgbatch import schema
from ecgbatch.config import LocateSettings
from ecgbatch.stages.locate import Locate

PX_PER_MM = 10


def twenty_rows() -> np.ndarray:
    """Twenty long rows below each other: no ECG has so many leads."""
    page = np.full((280 * PX_PER_MM, 200 * PX_PER_MM), 255, np.uint8)
    x = np.arange(20 * PX_PER_MM, 180 * PX_PER_MM)
    beat = 40 * np.exp(-(((x - x[0]) % 200 - 100) ** 2) / 50)
    for row in range(20):
        y = (20 + 12 * row) * PX_PER_MM - beat
        points = np.stack([x, y], axis=1).round().astype(np.int32)
        cv2.polylines(page, [points], isClosed=False, color=0, thickness=3)
    return page


def reason_of(flags: list[str]) -> str | None:
    page = twenty_rows()
    row = {
        "scan_id": "0" * 32,
        "version": "1",
        "page_no": 1,
        "page_count": 1,
        "flags": flags,
        "pixels": page.tobytes(),
        "pixels_shape": list(page.shape),
        "rectified_px_per_mm": float(PX_PER_MM),
    }
    rows = pa.Table.from_pylist([row], schema=schema.RECTIFIED)
    (out,) = Locate(LocateSettings()).open()(rows)
    error = out.to_pylist()[0]["error"]
    return error and error["reason"]


@pytest.mark.parametrize(
    ("flags", "reason"), [([], "layout_unknown"), (["grid_absent"], "not_ecg")]
)
def test_without_a_grid_and_without_an_order_of_leads_a_page_is_no_ecg(flags, reason):
    assert reason_of(flags) == reason
