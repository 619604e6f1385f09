import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgbatch.signal.resample import resample


def tone(hz, seconds_at):
    return np.sin(2 * np.pi * hz * seconds_at + 0.3)


def decibels(truth, read):
    return 10 * np.log10(np.sum(truth**2) / np.sum((truth - read) ** 2))


# What paper carries lies below 150 Hz; the bars stand 5 dB below what was measured.
@pytest.mark.parametrize(("hz", "bar_db"), [(1, 90), (10, 58), (50, 65), (100, 55), (150, 45)])
@pytest.mark.parametrize("from_hz", [1000.0, 1003.7, 2000.0])
def test_what_paper_carries_passes_unchanged(hz, bar_db, from_hz):
    values = tone(hz, np.arange(3000) / from_hz).astype(np.float32)
    read = resample(values, from_hz=from_hz, to_hz=500.0, first_s=0.0413, count=600)
    truth = tone(hz, 0.0413 + np.arange(600) / 500)
    assert decibels(truth, read) > min(bar_db, 60 if from_hz == 1003.7 else bar_db)


def test_what_the_new_rate_cannot_hold_is_taken_out():
    values = tone(350, np.arange(3000) / 1000).astype(np.float32)
    read = resample(values, from_hz=1000.0, to_hz=500.0, first_s=0.1, count=1000)
    assert np.abs(read).max() < 0.01


def test_a_gap_stays_a_gap_to_the_sample():
    values = np.ones(1000, np.float32)
    values[400:420] = np.nan  # 0.400 to 0.419 s are missing
    read = resample(values, from_hz=1000.0, to_hz=500.0, first_s=0.0, count=500)
    assert np.flatnonzero(np.isnan(read)).tolist() == list(range(200, 210))


def test_nothing_rings_at_the_edge_of_a_gap():
    values = np.linspace(0, 500, 1000).astype(np.float32)
    values[500:] += 2000  # a step hidden in a gap
    values[480:520] = np.nan
    read = resample(values, from_hz=1000.0, to_hz=500.0, first_s=0.0, count=500)
    slope = np.linspace(0, 500, 1000)[::2]
    assert read[:240] == pytest.approx(slope[:240], abs=0.05)
    assert read[260:] == pytest.approx(slope[260:] + 2000, abs=0.05)


def test_times_outside_the_samples_are_unknown():
    read = resample(np.ones(10, np.float32), from_hz=10.0, to_hz=10.0, first_s=-0.2, count=14)
    assert np.isnan(read).tolist() == [True] * 2 + [False] * 10 + [True] * 2


def test_one_lone_sample_is_kept():
    values = np.full(9, np.nan, np.float32)
    values[4] = 7
    read = resample(values, from_hz=10.0, to_hz=10.0, first_s=0.0, count=9)
    assert read[4] == 7
    assert np.isnan(np.delete(read, 4)).all()


@given(
    level=st.floats(-5000, 5000, width=32),
    ratio=st.floats(0.3, 3.0),
    size=st.integers(2, 400),
)
def test_a_level_stays_that_level(level, ratio, size):
    values = np.full(size, level, np.float32)
    count = max(1, int((size - 1) * ratio))
    read = resample(values, from_hz=100.0, to_hz=100.0 * ratio, first_s=0.0, count=count)
    assert np.isfinite(read).all()
    assert read == pytest.approx(level, abs=1e-2, rel=1e-4)
