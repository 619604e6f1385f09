"""Leads on one clock of 100 Hz, as networks see them."""

import numpy as np

from ecgbatch.signal.frames import FRAME_SAMPLES, MOST_FRAMES, centred, frames_of
from ecgbatch.types import LEADS
from tests.factories_hearts import columns, full, heart, lead


def wave(seconds, *, fs_hz=500.0):
    return 1000 * np.sin(2 * np.pi * 1.3 * np.arange(int(seconds * fs_hz)) / fs_hz)


def test_columns_stay_at_their_true_times_and_nothing_is_filled():
    [frame] = frames_of(columns(heart(1), rhythm=()))
    for place in range(len(LEADS)):
        first = place // 3 * 250
        known = np.flatnonzero(np.isfinite(frame[place]))
        assert (known[0], known[-1]) == (first, first + 249)


def test_a_rhythm_row_fills_where_its_strip_is_not():
    record = heart(1)
    [frame] = frames_of(columns(record))
    [whole] = frames_of(full(record))
    assert np.isfinite(frame[1]).all()
    inside = slice(20, -20)
    assert np.abs(frame[1, inside] - whole[1, inside]).max() < 0.02


def test_samples_are_millivolts_whatever_the_rate():
    for fs_hz in (100.0, 250.0, 500.0, 1000.0):
        [frame] = frames_of([lead("II", wave(10, fs_hz=fs_hz), fs_hz=fs_hz)])
        expected = wave(10, fs_hz=100.0) / 1000
        assert np.abs(frame[1, 20:-20] - expected[20:-20]).max() < 0.01, fs_hz


def test_a_long_strip_is_seen_in_several_frames_and_a_very_long_one_in_few():
    assert len(frames_of([lead("II", wave(60))])) == 6
    assert len(frames_of([lead("II", wave(1800, fs_hz=100), fs_hz=100.0)])) == MOST_FRAMES


def test_a_frame_without_a_sample_is_none():
    assert frames_of([]).shape == (0, 12, FRAME_SAMPLES)
    hole = wave(30)
    hole[10 * 500 : 20 * 500] = np.nan
    assert len(frames_of([lead("II", hole)])) == 2
    assert not len(frames_of([lead("II", np.full(5000, np.nan))]))


def test_what_has_no_rate_or_time_or_other_leads_is_left_out():
    good = lead("II", wave(10))
    expected = frames_of([good])
    for bad in (
        lead("V1", wave(10), fs_hz=0.0),
        lead("V1", wave(10), fs_hz=float("nan")),
        lead("V1", wave(10), t0_ms=float("nan")),
        lead("V7", wave(10)),
        lead("V1", np.full(50, np.inf)),
    ):
        np.testing.assert_array_equal(frames_of([good, bad]), expected)


def test_leads_are_centred_on_what_is_known():
    frame = np.array([[1, 2, np.nan, 9], [np.nan] * 4], np.float32)
    np.testing.assert_array_equal(centred(frame), [[-1, 0, np.nan, 7], [np.nan] * 4])
