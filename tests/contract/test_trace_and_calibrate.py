import pickle

import numpy as np
import pyarrow as pa
import pytest

from ecgbatch import schema
from ecgbatch.config import CalibrateSettings, TraceSettings
from ecgbatch.errors import PageError, Reason
from ecgbatch.models.trace_reader import Reading
from ecgbatch.stages.base import chain
from ecgbatch.stages.calibrate import Calibrate
from ecgbatch.stages.rows import error_value
from ecgbatch.stages.trace import Trace, trace
from tests.factories_ink import beats_mv, draw_ink

STAGES = [Trace(TraceSettings()), Calibrate(CalibrateSettings())]
IDENTITY = {"scan_id": "0" * 32, "version": "v1", "page_no": 1, "page_count": 1}


def located(*rows):
    return pa.Table.from_pylist(list(rows), schema=schema.LOCATED)


def raster(**changes):
    """One row of 2.5 s of lead II at 10 px/mm, from column 20 on, zero line at row 150."""
    mv = beats_mv(1250)
    x_px, y_px = 20 + np.arange(1250) / 2, 150 - 100 * mv
    ink = draw_ink([(x_px, y_px)], shape=(300, 680), width_px=2.6)
    region = {
        "lead": "II",
        "role": "strip",
        "name_source": "read",
        "left_px": 20.0,
        "top_px": 0.0,
        "right_px": 645.0,
        "bottom_px": 300.0,
        "baseline_px": 150.0,
        "t0_ms": 0.0,
    }
    values = {
        **IDENTITY,
        "source_kind": "raster",
        "flags": [],
        "speed_mm_per_s": 25.0,
        "speed_source": "pulse",
        "gain_mm_per_mv": 10.0,
        "gain_source": "pulse",
        "px_per_mm_x": 8.0,
        "px_per_mm_source": "grid",
        "rectified_px_per_mm": 10.0,
        "pixels": ink.tobytes(),
        "page": (255 - ink).tobytes(),
        "whole_ink": ink.tobytes(),
        "pixels_shape": list(ink.shape),
        "layout": "1x1",
        "regions": [region],
    }
    return values | changes


def digital(**changes):
    signal_uv = (1000 * beats_mv(1000, fs_hz=400)).astype(np.float32)
    lead = {
        "lead": "V1",
        "role": "strip",
        "name_source": "digital",
        "t0_ms": 0.0,
        "fs_hz": 400.0,
        "native_fs_hz": 400.0,
        "signal_uv": signal_uv,
        "overlap": 0.0,
        "quality": 0.0,
    }
    values = {
        **IDENTITY,
        "source_kind": "digital",
        "flags": [],
        "layout": "1x1",
        "leads": [lead, lead | {"lead": "I"}],
    }
    return values | changes


def run(*rows):
    return pa.concat_tables(chain(STAGES)(located(*rows)))


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_stage_travels_to_its_worker(stage):
    assert pickle.loads(pickle.dumps(stage)) == stage


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_no_rows_give_no_rows(stage):
    assert list(stage.open()(stage.reads.empty_table())) == []


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_row_that_failed_earlier_passes_through(stage):
    error = error_value(PageError(Reason.BLANK_PAGE), stage="rectify")
    table = pa.Table.from_pylist([{**IDENTITY, "error": error}], schema=stage.reads)
    (out,) = stage.open()(table)
    assert out.schema.equals(stage.writes)
    assert out["error"][0].as_py()["reason"] == "blank_page"
    assert out["scan_id"].to_pylist() == [IDENTITY["scan_id"]]


def test_ink_becomes_microvolts():
    (row,) = run(raster()).to_pylist()
    assert row["error"] is None
    (lead,) = row["leads"]
    truth = 1000 * beats_mv(1250)
    read = np.array(lead["signal_uv"])
    assert read.size == pytest.approx(1250, abs=2)
    inner = slice(10, 1240)
    error = read[inner] - truth[inner]
    assert np.sqrt(np.mean(error**2)) < 8  # a twelfth of a millimetre
    assert read.max() == pytest.approx(truth.max(), rel=0.02)
    assert lead["native_fs_hz"] == 200
    assert lead["quality"] > 0.9


def test_a_page_of_empty_regions_holds_no_trace():
    blank = np.zeros((300, 680), np.uint8)
    (row,) = run(raster(pixels=blank.tobytes(), whole_ink=blank.tobytes())).to_pylist()
    assert row["error"]["reason"] == "no_trace"
    assert row["error"]["stage"] == "calibrate"


class Shy:
    """A network that counts what it is asked, and fails at windows that hold a certain level."""

    px_per_mm, height_px, least_height_px, align_px = 10.0, 512, 256, 64

    def __init__(self, *, fails_at=None, nan_at=None):
        self.asked, self._fails_at, self._nan_at = [], fails_at, nan_at

    def read(self, planes, baselines_px):
        self.asked.append(len(planes))
        if any((window[1] == self._fails_at).any() for window in planes):
            raise PageError(Reason.DEVICE_ERROR)
        return [self._said(window) for window in planes]

    def _said(self, window):
        steps = 2 * window.shape[2]
        y = np.full(steps, window.shape[1] / 2, np.float32)
        if (window[1] == self._nan_at).any():
            y[:] = np.nan
        ink = np.zeros(window.shape[1:], np.uint8)
        return Reading(ink, y, np.full(steps, 9.0, np.float32), np.zeros(steps, np.float32))


def blotted(level):
    """A page with a smear, so that a network is asked; ``level`` marks it for ``Shy``."""
    row = raster()
    ink = np.frombuffer(row["pixels"], np.uint8).reshape(row["pixels_shape"]).copy()
    ink[60:240, 300:330] = level
    return row | {"pixels": ink.tobytes(), "whole_ink": ink.tobytes()}


def traced(network, *rows):
    return pa.concat_tables(trace(located(*rows), network=network)).drop_columns("stage_ms")


def words(table):
    """All that stands in a table; NaN, which equals nothing, is a word like another."""
    return repr(table.to_pylist())


def test_pages_of_a_batch_are_one_question_and_give_the_rows_of_single_ones():
    rows = [blotted(250), digital(), blotted(240), raster(), blotted(230)]
    network = Shy()
    together = traced(network, *rows)
    assert len(network.asked) == 1
    assert network.asked[0] >= 3
    assert words(together) == words(pa.concat_tables([traced(Shy(), row) for row in rows]))


def test_a_device_that_gives_out_costs_the_page_that_was_too_much_and_no_other():
    rows = [blotted(250), blotted(240), raster()]
    found = traced(Shy(fails_at=240), *rows)
    assert [error and error["reason"] for error in found["error"].to_pylist()] == [
        None,
        "device_error",
        None,
    ]
    assert Reason.DEVICE_ERROR.retriable
    assert words(found.slice(0, 1)) == words(traced(Shy(), rows[0]))


def test_a_network_that_gives_no_numbers_leaves_its_page_to_the_ink_and_to_a_flag():
    blind, told = traced(None, blotted(240)), traced(Shy(nan_at=240), blotted(240))
    assert told["flags"].to_pylist() == [["network_not_finite"]]
    ink, read = (np.array(table["traces"][0].as_py()[0]["y_px"]) for table in (blind, told))
    far = np.r_[0:1000, 1400 : ink.size]
    np.testing.assert_array_equal(ink[far], read[far])
    assert traced(Shy(), blotted(240))["flags"].to_pylist() == [[]]


def test_samples_of_the_file_keep_their_rate_and_their_values():
    (row,) = run(digital()).to_pylist()
    assert row["error"] is None
    assert [lead["lead"] for lead in row["leads"]] == ["I", "V1"]
    assert {lead["fs_hz"] for lead in row["leads"]} == {400.0}
    truth = (1000 * beats_mv(1000, fs_hz=400)).astype(np.float32)
    assert row["leads"][0]["signal_uv"] == truth.tolist()
    assert row["leads"][0]["box_px"] is None
    assert row["px_per_mm_source"] == "file"
    assert row["quality_class"] == "good"


def test_one_bad_page_leaves_its_neighbours_alone():
    alone = run(raster()).drop_columns("stage_ms")
    beside = run(digital(leads=[]), raster(), raster(regions=[])).drop_columns("stage_ms")
    assert [error is None for error in beside["error"].to_pylist()] == [False, True, False]
    assert beside.slice(1, 1).equals(alone)


def test_flags_of_earlier_stages_are_kept():
    (row,) = run(raster(flags=["curved", "gain_assumed"], gain_source="assumed")).to_pylist()
    assert row["flags"] == ["curved", "gain_assumed"]
