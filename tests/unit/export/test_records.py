"""Leads of a page as one array on the page's time axis."""

import numpy as np
import pytest

from ecgbatch.export.records import records_of
from ecgbatch.types import LEADS, Lead
from tests.factories_tables import row


def lead(name="II", *, role="strip", t0_ms=0.0, fs_hz=500.0, samples=(0.0,)):
    return Lead(
        lead=name,
        role=role,
        name_source="read",
        t0_ms=t0_ms,
        fs_hz=fs_hz,
        native_fs_hz=200.0,
        signal_uv=np.array(samples, dtype=np.float32),
        overlap=0.0,
        quality=1.0,
    )


def only(leads):
    (record,) = records_of(row("pages"), leads)
    return record


def signal(record, name):
    return record.signal_uv[record.names.index(name)]


def test_the_twelve_leads_come_first_printed_or_not():
    record = only([lead("V7", samples=[1, 2]), lead("II", samples=[3, 4])])
    assert record.names[:12] == LEADS
    assert record.names[12:] == ("V7",)
    assert np.isnan(signal(record, "I")).all()


def test_a_lead_stands_at_the_time_at_which_it_was_printed():
    record = only([lead("I", samples=[1, 2, 3]), lead("aVR", t0_ms=6.0, samples=[7, 8])])
    # 6 ms at 500 Hz are three samples.
    np.testing.assert_array_equal(signal(record, "aVR"), [np.nan, np.nan, np.nan, 7, 8])
    np.testing.assert_array_equal(signal(record, "I"), [1, 2, 3, np.nan, np.nan])


def test_a_rhythm_row_beside_a_strip_is_a_signal_of_its_own():
    record = only([lead("II", samples=[1, 2]), lead("II", role="rhythm", samples=[5, 6, 7, 8])])
    np.testing.assert_array_equal(signal(record, "II"), [1, 2, np.nan, np.nan])
    np.testing.assert_array_equal(signal(record, "II-rhythm"), [5, 6, 7, 8])


def test_a_rhythm_row_without_a_strip_takes_the_plain_name():
    record = only([lead("II", role="rhythm", samples=[5, 6])])
    assert record.names == LEADS
    np.testing.assert_array_equal(signal(record, "II"), [5, 6])


def test_a_later_strip_of_a_lead_continues_it():
    record = only([lead("V1", t0_ms=4.0, samples=[3, 4]), lead("V1", samples=[1, 2])])
    np.testing.assert_array_equal(signal(record, "V1"), [1, 2, 3, 4])
    assert record.names == LEADS


def test_two_strips_of_a_lead_at_one_time_stay_apart():
    record = only([lead("V1", samples=[1, 2]), lead("V1", t0_ms=2.0, samples=[3, 4])])
    np.testing.assert_array_equal(signal(record, "V1"), [1, 2, np.nan])
    np.testing.assert_array_equal(signal(record, "V1-2"), [np.nan, 3, 4])


def test_gaps_stay_gaps():
    record = only([lead("I", samples=[1, np.nan, 3])])
    np.testing.assert_array_equal(signal(record, "I"), [1, np.nan, 3])


def test_a_lead_that_begins_before_the_page_axis_moves_the_first_sample():
    record = only([lead("II", role="rhythm", t0_ms=-4.0, samples=[1, 2, 3]), lead("I")])
    assert record.t0_ms == -4.0
    np.testing.assert_array_equal(signal(record, "I"), [np.nan, np.nan, 0])


def test_each_sampling_rate_gives_a_record_of_its_own():
    records = list(records_of(row("pages"), [lead("I"), lead("II", fs_hz=1000.0)]))
    assert [record.fs_hz for record in records] == [1000.0, 500.0]
    assert len({record.name for record in records}) == 2


@pytest.mark.parametrize("leads", [[], [lead(samples=[])]])
def test_a_page_without_samples_gives_no_record(leads):
    assert list(records_of(row("pages"), leads)) == []
