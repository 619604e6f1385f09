import numpy as np
import pytest

from ecgbatch.evaluation.metrics import lead_error, time_scale
from ecgbatch.evaluation.shifts import best_shift, shift_to
from ecgbatch.evaluation.snr import (
    score_competition_2025,
    snr_challenge_2024,
    snr_competition_2025,
    snr_plain,
)
from tests.factories_ink import beats_mv

FS_HZ = 500.0
NAN = float("nan")


def truth(seconds=2.5):
    return beats_mv(round(seconds * FS_HZ))


def noise(size, *, rms):
    values = np.random.default_rng(5).normal(size=size)
    return values * rms / np.sqrt(np.mean(values**2))


def energy(values):
    return float(values @ values)


# ------------------------------------------------------------------------------- plain


def test_an_error_of_a_tenth_of_the_signal_is_20_db():
    reference = truth()
    estimate = reference + noise(reference.size, rms=0.1 * np.sqrt(np.mean(reference**2)))
    assert snr_plain(reference, estimate) == pytest.approx(20)


def test_leaving_samples_out_never_pays():
    reference = truth()
    bad = -reference
    half = bad.copy()
    half[::2] = NAN
    assert snr_plain(reference, half) == pytest.approx(10 * np.log10(1 / 2.5), abs=0.1)
    assert snr_plain(reference, np.full_like(reference, NAN)) == 0
    good = reference * 0.99
    torn = good.copy()
    torn[600:] = NAN
    assert snr_plain(reference, torn) < snr_plain(reference, good)


def test_no_error_is_infinite_and_no_signal_is_nothing():
    assert snr_plain(truth(), truth()) == float("inf")
    assert np.isnan(snr_plain(np.zeros(10), np.ones(10)))


# --------------------------------------------------------------------- challenge of 2024


def test_the_challenge_forgives_a_shift_and_an_offset():
    reference = truth()
    estimate = shift_to(reference, 40) + 0.3 + noise(reference.size, rms=0.01)
    score = snr_challenge_2024(reference, estimate, fs_hz=FS_HZ)
    assert score > 20
    assert snr_plain(reference, estimate) < 0


def test_the_challenge_does_not_forgive_more_than_half_a_second_or_a_millivolt():
    reference = truth(10)
    bump = np.zeros_like(reference)
    bump[1000:1100] = np.hanning(100)
    far = shift_to(bump, 400) + noise(bump.size, rms=0.001)
    near = shift_to(bump, 200) + noise(bump.size, rms=0.001)
    assert snr_challenge_2024(bump, far, fs_hz=FS_HZ) < 1
    assert snr_challenge_2024(bump, near, fs_hz=FS_HZ) > 20
    assert snr_challenge_2024(reference, reference + 3.0, fs_hz=FS_HZ) < 0


def test_quirk_leaving_out_a_bad_lead_pays_in_the_challenge():
    reference = truth()
    bad = 4 * reference[::-1]
    half = bad.copy()
    half[:1000] = NAN
    assert snr_challenge_2024(reference, bad, fs_hz=FS_HZ) < 0
    assert snr_challenge_2024(reference, half, fs_hz=FS_HZ) > snr_challenge_2024(
        reference, bad, fs_hz=FS_HZ
    )
    assert snr_challenge_2024(reference, np.full_like(bad, NAN), fs_hz=FS_HZ) == 0


def test_quirk_a_perfect_lead_has_no_figure_in_the_challenge():
    assert np.isnan(snr_challenge_2024(truth(), truth(), fs_hz=FS_HZ))


def test_quirk_coverage_multiplies_decibels_in_the_challenge():
    reference = truth()
    estimate = reference + noise(reference.size, rms=0.02)
    half = estimate.copy()
    half[625:] = NAN
    kept = slice(0, 625)
    expected = 0.5 * 10 * np.log10(energy(reference[kept]) / energy((reference - estimate)[kept]))
    assert snr_challenge_2024(reference, half, fs_hz=FS_HZ) == pytest.approx(expected, abs=0.2)


# ------------------------------------------------------------------- competition of 2025-26


def test_the_competition_forgives_a_shift_of_a_fifth_of_a_second_and_an_offset():
    reference = np.zeros(1250)
    reference[500:600] = np.hanning(100)
    moved = shift_to(reference, 90)
    moved = np.nan_to_num(moved) + 0.5
    ratio = snr_competition_2025([reference], [moved + noise(1250, rms=0.01)], fs_hz=FS_HZ)
    assert 10 * np.log10(ratio) > 20
    too_far = np.nan_to_num(shift_to(reference, 300))
    assert 10 * np.log10(snr_competition_2025([reference], [too_far], fs_hz=FS_HZ)) < 1


def test_in_the_competition_missing_is_zero():
    reference = truth() - truth().mean()
    nothing = np.full_like(reference, NAN)
    assert snr_competition_2025([reference], [nothing], fs_hz=FS_HZ) == pytest.approx(1)


def test_the_leads_of_a_page_share_one_ratio_in_the_competition():
    first, second = truth(), 0.5 * truth()
    estimates = [first + noise(1250, rms=0.1), second + noise(1250, rms=0.1)]
    together = snr_competition_2025([first, second], estimates, fs_hz=FS_HZ)
    expected = (energy(first) + energy(second)) / (2 * 1250 * 0.01)
    assert together == pytest.approx(expected, rel=0.05)


def test_quirk_one_easy_page_decides_the_competition():
    ordinary = [10**1.8] * 100
    assert score_competition_2025(ordinary) == pytest.approx(18)
    assert score_competition_2025([10**4.0, *ordinary[1:]]) > 22


# ---------------------------------------------------------------------------- lead errors


def test_a_lead_at_nine_tenths_has_that_gain_and_full_correlation():
    error = lead_error(truth(), 0.9 * truth() + 0.2, fs_hz=FS_HZ)
    assert error.gain == pytest.approx(0.9)
    assert error.pearson_r == pytest.approx(1)
    assert error.snr_db == pytest.approx(20)
    assert error.offset_mv == pytest.approx(0.2 - 0.1 * truth().mean())
    assert error.coverage == 1
    assert error.mse_mv2 == pytest.approx(error.rmse_mv**2)


def test_a_late_lead_is_moved_and_its_delay_is_told():
    around = truth(4)
    estimate = around[250 - 20 : 250 - 20 + 1250]
    error = lead_error(around[150:1600], estimate, fs_hz=FS_HZ, margin=100)
    assert error.offset_ms == pytest.approx(40)
    assert error.coverage == 1
    assert error.snr_db > 100


def test_half_a_lead_has_half_the_coverage():
    half = truth()
    half[:625] = NAN
    error = lead_error(truth(), half, fs_hz=FS_HZ)
    assert error.coverage == 0.5
    assert error.pearson_r == pytest.approx(1)
    assert error.snr_db < 5


def test_a_lead_that_was_not_read_has_0_db():
    error = lead_error(truth(), np.full(1250, NAN), fs_hz=FS_HZ)
    assert (error.snr_db, error.coverage) == (0.0, 0.0)
    assert np.isnan(error.pearson_r)


@pytest.mark.parametrize("scale", [0.99, 1.0, 1.005, 1.02])
def test_a_stretched_second_is_measured(scale):
    t = np.arange(5000) / FS_HZ
    whole = beats_mv(6000)
    reference = whole[:5000]
    estimate = np.interp(t / scale, np.arange(6000) / FS_HZ, whole)
    assert time_scale(reference, estimate, fs_hz=FS_HZ) == pytest.approx(scale, abs=0.0015)


def test_a_shift_is_found_in_either_direction():
    reference = truth()
    for shift in (-60, 0, 45):
        assert best_shift(reference, np.nan_to_num(shift_to(reference, -shift)), most=100) == shift


def test_a_lead_that_fits_its_record_nowhere_was_not_read():
    reference = np.full(100 + 1000 + 100, np.nan)
    reference[100:102] = 1.0, 0.0  # the record ends two samples after the lead begins, and falls
    estimate = np.full(1000, -0.2)
    estimate[:110] = np.linspace(1.0, 2.0, 110)
    error = lead_error(reference, estimate, fs_hz=500.0, margin=100)
    assert (error.snr_db, error.coverage) == (0.0, 0.0)
