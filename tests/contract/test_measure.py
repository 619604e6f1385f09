"""Stage ``measure`` and what is published of it."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from ecgbatch import schema
from ecgbatch.config import DiagnoseSettings
from ecgbatch.signal.kinds import KINDS
from ecgbatch.stages.base import chain
from ecgbatch.stages.diagnose import Diagnose
from ecgbatch.stages.measure import Measure
from ecgbatch.stages.publish import published
from tests.factories_hearts import columns, full, heart, page

ABOUT = {"run_id": "run-1", "fingerprint": "f" * 16, "software_version": "0", "models": []}


def measured(*rows):
    table = pa.Table.from_pylist(list(rows), schema=schema.CALIBRATED)
    run = chain([Measure(), Diagnose(DiagnoseSettings(enabled=False))])
    return pa.concat_tables(run(table))


def tables(*rows):
    return published(measured(*rows), **ABOUT)


def test_a_page_has_one_measurement_and_a_row_for_each_beat_that_a_segment_shows():
    made = tables(page(0, full(heart(1))), page(1, columns(heart(2))), page(2, []))
    assert made["measurements"]["scan_id"].to_pylist() == [f"{n:032x}" for n in range(3)]
    counts = made["measurements"]["beats"].to_pylist()
    per_page = [
        made["beats"].filter(pa.compute.equal(made["beats"]["scan_id"], f"{n:032x}")).num_rows
        for n in range(3)
    ]
    assert 10 * counts[0] < per_page[0] <= 12 * counts[0]
    # Four leads show each beat, unless a border of columns runs through it.
    assert 3 * counts[1] <= per_page[1] <= 4 * counts[1]
    assert (counts[2], per_page[2]) == (0, 0)


def test_what_cannot_be_measured_is_null():
    row = tables(page(0, [full(heart(1))[0]]))["measurements"].to_pylist()[0]
    assert row["hr_bpm"] is not None
    for name in ("qrs_axis_deg", "sokolow_lyon_uv", "cornell_uv", "p_terminal_v1_uv_ms"):
        assert row[name] is None, name
    silent = tables(page(0, []))["measurements"].to_pylist()[0]
    for field in schema.MEASUREMENTS:
        assert (silent[field.name] is None) == field.nullable, field.name


def test_no_column_that_must_hold_a_value_is_null():
    made = tables(page(0, full(heart(3, condition="AFIB"))), page(1, columns(heart(4))))
    for name in ("measurements", "beats"):
        assert made[name].schema.equals(schema.PUBLISHED[name])
        made[name].validate(full=True)
        for field in schema.PUBLISHED[name]:
            if not field.nullable:
                assert made[name][field.name].null_count == 0, (name, field.name)


def test_times_of_beats_are_those_of_the_segment_that_shows_them():
    leads = columns(heart(5))
    made = tables(page(0, leads))
    ends = {}
    for each in leads:
        segment = sum(name == each.lead for name, _ in ends)
        last_ms = each.t0_ms + 1000 * each.signal_uv.size / each.fs_hz
        ends[each.lead, segment] = (each.t0_ms, last_ms)
    rows = made["beats"].to_pylist()
    assert {row["kind"] for row in rows} <= set(KINDS)
    assert {(row["lead"], row["segment"]) for row in rows} == set(ends)
    for row in rows:
        begin_ms, end_ms = ends[row["lead"], row["segment"]]
        assert begin_ms <= row["qrs_on_ms"] < row["qrs_peak_ms"] < row["qrs_off_ms"] <= end_ms
        for name in ("p_on_ms", "t_off_ms"):
            assert row[name] is None or begin_ms - 2 <= row[name] <= end_ms + 2


def test_heights_of_beats_are_those_of_the_samples():
    record = heart(6, noise=0.0)
    made = tables(page(0, full(record)))
    for row in made["beats"].to_pylist():
        if row["r_uv"] is not None and row["lead"] == "V5" and row["r2_uv"] is None:
            peak = record.by_name()["V5"][row["qrs_peak_ms"] // 2]
            before = record.by_name()["V5"][
                row["qrs_on_ms"] // 2 - 4 : row["qrs_on_ms"] // 2
            ].mean()
            assert row["r_uv"] == pytest.approx(peak - before, abs=25)


def test_a_page_without_leads_stays_a_page():
    (row,) = measured(page(0, [])).to_pylist()
    assert row["error"] is None
    assert row["measurement"]["beats"] == 0
    assert np.isnan(row["measurement"]["hr_bpm"])


@pytest.mark.parametrize(
    ("source", "every", "given", "quality_class"),
    [
        pytest.param("pulse", 2, None, "review", id="twice as fast"),
        pytest.param("pulse", 1, None, "good", id="as fast as hearts are"),
        pytest.param("printed", 2, None, "good", id="the page says so in words"),
        pytest.param("pulse", 2, [{"page_no": 1, "verdict": "accepted"}], "good", id="reviewed"),
    ],
)
def test_a_heart_that_is_too_fast_makes_a_speed_doubtful_that_only_pulses_tell(
    source, every, given, quality_class
):
    record = heart(1)
    leads = [
        replace(each, signal_uv=np.ascontiguousarray(each.signal_uv[::every]))
        for each in full(record)
    ]
    row = page(0, leads, speed_source=source, quality_class="good", flags=["curved"], given=given)
    made = measured(row).to_pylist()[0]
    assert made["error"] is None
    assert made["quality_class"] == quality_class
    assert made["flags"] == ["curved", *(["speed_ambiguous"] if quality_class != "good" else [])]
