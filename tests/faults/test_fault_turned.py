"""Faults of how a page lies and of its scale, through every stage; ids carry their numbers.

Either a lead is right, by its name, its time and its height, or the page is not ``good``.
"""

import cv2
import numpy as np
import pyarrow as pa
import pytest

from ecgbatch import schema
from ecgbatch.config import CalibrateSettings, LocateSettings, TraceSettings
from ecgbatch.stages.base import chain
from ecgbatch.stages.calibrate import Calibrate
from ecgbatch.stages.locate import Locate
from ecgbatch.stages.trace import Trace
from ecgbatch.synth.heart import simulate
from tests.pages_published import published, sheet


def likeness(found, lead, *, seed=3):
    """Return the correlation of a published lead with what was printed, and their ratio."""
    row = next(row for row in found.signals if row["lead"] == lead and row["role"] == "strip")
    samples = np.array(
        [np.nan if sample is None else sample for sample in row["samples_uv"]], float
    )
    truth = simulate(seed).by_name()[lead]
    start = round(row["t0_ms"] * 0.5)  # samples of 500 Hz
    printed = truth[start : start + samples.size]
    known = np.isfinite(samples[: printed.size])
    one, other = samples[: printed.size][known], printed[known]
    ratio = np.std(one) / np.std(other)
    best = max(
        np.corrcoef(np.roll(one, shift)[25:-25], other[25:-25])[0, 1] for shift in range(-20, 21)
    )
    return best, ratio


def assert_right_or_not_good(found, leads=("I", "aVF", "V2", "V6")):
    if not found.pages:
        assert len(found.quarantine) == 1
        return
    for lead in leads:
        alike, ratio = likeness(found, lead)
        right = alike > 0.95 and 0.85 < ratio < 1.15
        assert right or found.page["quality_class"] != "good", lead


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_fault_53_a_page_that_lies_on_its_side_or_head_is_stood_upright(tmp_path, turns):
    found = published(tmp_path, "a.png", np.rot90(sheet().pixels, turns).copy())
    away = (found.page["rotation_deg"] + 90 * turns) % 360
    assert min(away, 360 - away) < 1
    for lead in ("I", "aVF", "V2", "V6"):
        alike, ratio = likeness(found, lead)
        assert alike > 0.95
        assert 0.85 < ratio < 1.15


def test_fault_53_a_page_seen_through_its_back_is_not_good(tmp_path):
    found = published(tmp_path, "a.png", sheet().pixels[:, ::-1].copy())
    assert not [row for row in found.pages if row["quality_class"] == "good"]


@pytest.mark.parametrize("degrees", [-5.0, 5.0])
def test_fault_54_a_page_laid_askew_is_read_or_not_good(tmp_path, degrees):
    pixels = sheet().pixels
    height, width = pixels.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 0.9)
    askew = cv2.warpAffine(pixels, turn, (width, height), borderValue=(255, 255, 255))
    found = published(tmp_path, "a.png", askew)
    assert found.pages
    assert_right_or_not_good(found)


def test_fault_54_a_page_photographed_from_below_is_read_or_not_good(tmp_path):
    pixels = sheet().pixels
    height, width = pixels.shape[:2]
    corners = np.float32([[0, 0], [width, 0], [width, height], [0, height]])
    seen = corners + np.float32([[90, 60], [-90, 60], [-20, -20], [20, -20]])
    lens = cv2.getPerspectiveTransform(corners, seen)
    photo = cv2.warpPerspective(pixels, lens, (width, height), borderValue=(120, 110, 100))
    assert_right_or_not_good(published(tmp_path, "a.png", photo))


SCALES = {
    "50 mm/s": {"speed_mm_per_s": 50.0, "column_s": 1.25, "pulse_width_mm": 10.0},
    "12.5 mm/s": {"speed_mm_per_s": 12.5, "pulse_width_mm": 2.5},
    "5 mm/mV": {"gain_mm_per_mv": 5.0},
    "20 mm/mV": {"gain_mm_per_mv": 20.0},
    "split": {"gain_mm_per_mv": 10.0, "chest_gain_mm_per_mv": 5.0},
}


@pytest.mark.parametrize("name", SCALES)
def test_fault_55_an_unusual_scale_is_read_or_the_page_is_not_good(tmp_path, name):
    printed = {"speed_mm_per_s": 25.0, "gain_mm_per_mv": 10.0, **SCALES[name]}
    found = published(tmp_path, "a.png", sheet(**SCALES[name]).pixels)
    for page in found.pages:
        right = (
            page["speed_mm_per_s"] == printed["speed_mm_per_s"]
            and page["gain_mm_per_mv"] == printed["gain_mm_per_mv"]
            and name != "split"  # one gain stands for all leads
        )
        told = {"speed_source", "gain_source"} if right else set()
        assert right or page["quality_class"] != "good"
        assert all(page[source] != "assumed" or page["quality_class"] != "good" for source in told)


@pytest.mark.parametrize(
    ("printed", "flag"),
    [
        ({"speed_mm_per_s": 25.0, "speed_source": "printed"}, "speed_conflict"),
        ({"gain_mm_per_mv": 20.0, "gain_source": "printed"}, "gain_conflict"),
    ],
)
def test_fault_56_print_and_pulse_that_disagree_are_a_flag_and_no_good_page(printed, flag):
    drawn = sheet(**SCALES["50 mm/s"], dpi=254.0)
    page = cv2.cvtColor(drawn.pixels, cv2.COLOR_RGB2GRAY)
    row = {
        "scan_id": "0" * 32,
        "version": "1",
        "page_no": 1,
        "page_count": 1,
        "flags": [],
        "pixels": page.tobytes(),
        "pixels_shape": list(page.shape),
        "rectified_px_per_mm": 10.0,
        **printed,
    }
    stages = [
        Locate(LocateSettings(networks=False)),
        Trace(TraceSettings(network=False)),
        Calibrate(CalibrateSettings()),
    ]
    (found,) = chain(stages)(pa.Table.from_pylist([row], schema=schema.RECTIFIED))
    (read,) = found.to_pylist()
    assert flag in read["flags"]
    assert read["quality_class"] != "good"
    for name, value in printed.items():
        assert read[name] == value  # print is believed, and said to be doubtful
