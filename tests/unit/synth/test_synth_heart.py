"""Simulated records against what holds for every ECG, and against textbook figures."""

from itertools import pairwise

import numpy as np
import pytest

from ecgbatch.errors import ConfigError
from ecgbatch.synth.heart import simulate
from ecgbatch.synth.patient import condition_names
from ecgbatch.types import LEADS


def lead(record, name):
    return record.signal_uv[LEADS.index(name)]


@pytest.mark.parametrize("condition", condition_names())
def test_einthoven_and_goldberger_hold_exactly_in_every_condition(condition):
    record = simulate(5, condition=condition)
    one, two = lead(record, "I"), lead(record, "II")
    assert record.signal_uv.shape == (12, 5000)
    assert np.isfinite(record.signal_uv).all()
    assert (one + lead(record, "III") == two).all()
    assert (lead(record, "aVR") == -(one + two) / 2).all()
    assert (lead(record, "aVL") == one - two / 2).all()
    assert (lead(record, "aVF") == two - one / 2).all()
    assert 300 < np.ptp(record.signal_uv) < 15_000


def test_the_same_seed_gives_the_same_record_and_another_one_another():
    assert (simulate(3).signal_uv == simulate(3).signal_uv).all()
    assert (simulate(3).signal_uv != simulate(4).signal_uv).any()


def test_beats_lie_where_the_truth_says():
    for seed in range(6):
        record = simulate(seed, noise=0.0)
        steep = np.abs(np.diff(record.signal_uv[6:], axis=1)).sum(axis=0)
        for beat in record.beats[1:-1]:
            around = slice(round(beat.r_s * 500) - 150, round(beat.r_s * 500) + 150)
            fastest = (around.start + steep[around].argmax()) / 500
            assert beat.qrs_on_s < fastest < beat.qrs_off_s
            assert beat.p_on_s < beat.p_off_s < beat.r_s < beat.t_peak_s < beat.t_off_s


def test_normal_records_have_normal_intervals_and_rates():
    # Adult normal limits: PR 120-200 ms, QRS under 120 ms, rate 50-100 per minute.
    for seed in range(20):
        record = simulate(seed)
        beat = record.beats[3]
        assert 0.115 < beat.qrs_on_s - beat.p_on_s < 0.205
        assert 0.05 < beat.qrs_off_s - beat.qrs_on_s < 0.12
        assert 0.30 < beat.t_off_s - beat.qrs_on_s < 0.48
        assert 48 < record.rate_bpm < 100


def test_normal_amplitudes_agree_with_the_medians_of_normal_records():
    # PTB-XL, NORM, 0.5-40 Hz, quartiles measured by benchmarks/heart.py on real records, in mV.
    quartiles = {
        ("II", "max"): (0.65, 1.10),
        ("V5", "max"): (1.03, 1.59),
        ("V1", "min"): (-1.02, -0.62),
    }
    records = [simulate(seed, band_hz=(0.5, 40.0)) for seed in range(24)]
    for (name, extreme), (low, high) in quartiles.items():
        heights = []
        for record in records:
            signal = lead(record, name) / 1000
            beats = [round(beat.r_s * 500) for beat in record.beats[1:-1]]
            heights += [np.median([getattr(signal[r - 40 : r + 40], extreme)() for r in beats])]
        assert low < np.median(heights) < high


def test_a_fast_heart_keeps_its_qrs_and_shortens_its_qt():
    slow = simulate(9, condition="SBRAD").beats[2]
    fast = simulate(9, condition="STACH").beats[2]
    assert fast.qrs_off_s - fast.qrs_on_s == pytest.approx(slow.qrs_off_s - slow.qrs_on_s, abs=2e-3)
    assert fast.t_off_s - fast.qrs_on_s < 0.85 * (slow.t_off_s - slow.qrs_on_s)


def rr_spread(record):
    intervals = np.diff([beat.r_s for beat in record.beats])
    return intervals.std() / intervals.mean()


def test_rhythms_show_what_their_names_say():
    for seed in range(4):
        assert rr_spread(simulate(seed)) < 0.08
        assert rr_spread(simulate(seed, condition="AFIB")) > 0.08
        fibrillating = simulate(seed, condition="AFIB").beats
        assert all(np.isnan(beat.p_on_s) for beat in fibrillating)
        assert {"V"} <= {beat.kind for beat in simulate(seed, condition="PVC").beats}
        assert {"A"} <= {beat.kind for beat in simulate(seed, condition="PAC").beats}
        kinds = "".join(b.kind for b in simulate(seed, condition="BIGU").beats)
        assert "NVNVN" in kinds
        assert "VVV" in "".join(b.kind for b in simulate(seed, condition="VRUN").beats)
        assert simulate(seed, condition="SBRAD").rate_bpm < 60
        assert simulate(seed, condition="STACH").rate_bpm > 98
        assert simulate(seed, condition="3AVB").rate_bpm < 50


def test_ventricular_beats_are_wide_early_and_without_p():
    for seed in range(4):
        beats = simulate(seed, condition="PVC").beats
        for before, beat in pairwise(beats):
            if beat.kind == "V":
                normal = np.median(np.diff([b.r_s for b in beats if b.kind == "N"]))
                assert np.isnan(beat.p_on_s)
                assert beat.r_s - before.r_s < 0.9 * normal
                assert beat.qrs_off_s - beat.qrs_on_s > 0.12


def test_first_degree_block_is_a_long_pr_interval():
    beat = simulate(2, condition="1AVB").beats[3]
    assert beat.qrs_on_s - beat.p_on_s > 0.2


def mean_beat(record, name):
    beats = [round(beat.r_s * 500) for beat in record.beats[1:-1]]
    return np.median([lead(record, name)[r - 100 : r + 250] for r in beats], axis=0)


def test_bundle_branch_blocks_have_their_terminal_forces_in_v1():
    for seed in range(6):
        right = mean_beat(simulate(seed, condition="CRBBB", noise=0.2), "V1")
        left = mean_beat(simulate(seed, condition="CLBBB", noise=0.2), "V1")
        assert right[105:140].max() > 200  # R' after the R reference
        assert left[80:140].min() < -500  # a deep broad S or QS


def test_an_inferior_infarct_lifts_st_in_iii_and_lowers_it_in_avl():
    for seed in range(6):
        record = simulate(seed, condition="STEMI_INFERIOR", noise=0.2, band_hz=(0.05, 150.0))
        st = {}
        for name in ("III", "aVL"):
            beat = mean_beat(record, name)
            st[name] = beat[155:165].mean() - beat[60:75].mean()
        assert st["III"] > 60
        assert st["aVL"] < -20


@pytest.mark.parametrize("fs_hz", [250.0, 360.0, 1000.0, 1025.0])
def test_any_rate_gives_the_same_beats(fs_hz):
    record = simulate(1, fs_hz=fs_hz, seconds=8.0)
    assert record.signal_uv.shape == (12, round(8 * fs_hz))
    assert record.beats[0].r_s == pytest.approx(simulate(1, seconds=8.0).beats[0].r_s, abs=0.005)


def test_extra_leads_come_by_name():
    leads = simulate(1).by_name()
    assert {"V3R", "V4R", "V7", "V9"} <= set(leads)
    assert len(leads["V7"]) == 5000


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("condition", "FLU"),
        ("seconds", 0.0),
        ("fs_hz", 10.0),
        ("noise", -1.0),
        ("band_hz", (50.0, 5.0)),
    ],
)
def test_an_impossible_option_is_refused_by_its_name(option, value):
    with pytest.raises(ConfigError, match=option):
        simulate(1, **{option: value})
