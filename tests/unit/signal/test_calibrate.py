import numpy as np
import pytest

from ecgbatch.signal.calibrate import to_microvolts, zero_line


def test_one_centimetre_up_is_one_millivolt():
    signal = to_microvolts(
        np.array([200, 100, 250], np.float32), zero_px=200, px_per_mm=10, gain_mm_per_mv=10
    )
    assert signal.tolist() == [0.0, 1000.0, -500.0]


def test_at_double_gain_the_same_height_is_half_the_voltage():
    (value,) = to_microvolts(
        np.array([100], np.float32), zero_px=200, px_per_mm=10, gain_mm_per_mv=20
    )
    assert value == 500


def test_gaps_stay_gaps():
    y = np.array([10, np.nan, 10], np.float32)
    signal = to_microvolts(y, zero_px=10, px_per_mm=10, gain_mm_per_mv=10)
    assert np.isnan(signal).tolist() == [False, True, False]


def test_the_baseline_of_the_layout_is_the_zero_line():
    y = np.full(10, 80, np.float32)
    assert zero_line(y, baseline_px=70.5, px_per_mm=10) == 70.5


def test_without_a_baseline_zero_is_where_the_trace_mostly_runs():
    y = np.concatenate([np.full(700, 150.2), np.linspace(150, 30, 100), np.full(200, 120)])
    zero = zero_line(y.astype(np.float32), baseline_px=np.nan, px_per_mm=10)
    assert zero == pytest.approx(150.2, abs=0.1)


def test_without_ink_there_is_no_zero_line():
    nothing = np.full(5, np.nan, np.float32)
    assert np.isnan(zero_line(nothing, baseline_px=np.nan, px_per_mm=10))
