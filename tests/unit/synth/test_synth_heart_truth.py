"""What the simulator says of a record beside its signal, against the signal itself."""

from itertools import pairwise

import numpy as np
import pytest

from ecgbatch.errors import ConfigError
from ecgbatch.synth.electrodes import FAULTS
from ecgbatch.synth.heart import simulate
from ecgbatch.synth.patient import condition_names, find_condition
from ecgbatch.types import LEADS

BAND = (0.05, 150.0)


def quiet(seed, condition="NORM", **more):
    return simulate(seed, condition=condition, noise=0.0, band_hz=BAND, **more)


def row(record, name):
    return record.signal_uv[LEADS.index(name)]


@pytest.mark.parametrize("condition", condition_names())
def test_stretches_of_rhythm_cover_the_record_without_gap(condition):
    record = simulate(3, condition=condition)
    assert record.rhythms[0].begin_s == 0
    assert record.rhythms[-1].end_s == 10
    for before, after in pairwise(record.rhythms):
        assert before.end_s == after.begin_s
        assert before.name != after.name


def test_a_run_of_ventricular_beats_is_a_rhythm_and_a_couplet_is_not():
    run = simulate(2, condition="VRUN")
    assert [span.name for span in run.rhythms] == [
        "ventricular_run",
        "ventricular_tachycardia",
        "ventricular_run",
    ]
    inside = [beat for beat in run.beats if beat.kind == "V"]
    assert run.rhythms[1].begin_s <= inside[0].r_s + 0.01
    assert run.rhythms[1].end_s > inside[-1].r_s
    couplet = simulate(2, condition="COUPLET")
    kinds = "".join(beat.kind for beat in couplet.beats)
    assert "NVVN" in kinds
    assert len(couplet.rhythms) == 1


def test_waves_of_the_signal_peak_where_the_truth_says():
    for seed in range(5):
        record = quiet(seed)
        for beat in record.beats[1:-1]:
            limb = row(record, "II")
            on, off = round(500 * beat.p_on_s), round(500 * beat.p_off_s)
            straight = np.linspace(limb[on], limb[off], off - on + 1)
            hump = np.abs(limb[on : off + 1] - straight)
            assert abs((on + hump.argmax()) / 500 - beat.p_peak_s) < 0.03
            assert beat.p_on_s < beat.p_peak_s < beat.p_off_s
            assert beat.qrs_off_s <= beat.t_on_s < beat.t_peak_s < beat.t_off_s


def test_dropped_beats_leave_their_atrial_wave_in_the_truth():
    record = quiet(4, "2AVB_MOBITZ")
    assert record.blocked_p
    for wave in record.blocked_p:
        after = [beat for beat in record.beats if 0 < beat.r_s - wave.peak_s < 0.4]
        assert not after
        assert wave.on_s < wave.peak_s < wave.off_s
    assert not quiet(4).blocked_p


def test_intervals_are_those_of_the_conditions():
    def median_of(condition, name):
        return np.median([getattr(quiet(s, condition).intervals, name) for s in range(12)])

    assert 115 < median_of("NORM", "pr_ms") < 205
    assert median_of("1AVB", "pr_ms") > 200
    assert median_of("WPW", "pr_ms") < 120
    assert median_of("CLBBB", "qrs_ms") > 120 > median_of("NORM", "qrs_ms")
    assert 100 < median_of("ILBBB", "qrs_ms") < median_of("CLBBB", "qrs_ms")
    assert median_of("LNGQT", "qtc_ms") > 460 > median_of("NORM", "qtc_ms")
    assert median_of("HYPERCALCAEMIA", "qtc_ms") < median_of("NORM", "qtc_ms") - 50
    assert median_of("HYPOCALCAEMIA", "qtc_ms") > median_of("NORM", "qtc_ms") + 30
    assert np.isnan(quiet(0, "AFIB").intervals.pr_ms)


def test_conditions_go_together_or_are_refused():
    both = find_condition("AFIB+CRBBB")
    assert (both.rhythm, both.kernels) == ("fibrillation", "RBBB")
    assert both.labels == ("AFIB", "CRBBB")
    assert find_condition("1AVB+LAFB").labels == ("1AVB", "SR", "LAFB")
    assert find_condition("AFIB+INVT").t == pytest.approx((-0.72, -0.12))
    record = simulate(1, condition="AFIB+CRBBB")
    assert {beat.kind for beat in record.beats} == {"N"}
    assert record.intervals.qrs_ms > 110
    for wrong in ("AFIB+AFLT", "CLBBB+CRBBB", "SBRAD+STACH"):
        with pytest.raises(ConfigError, match="exclude each other"):
            find_condition(wrong)
    with pytest.raises(ConfigError, match="'XYZ'"):
        find_condition("AFIB+XYZ")


def test_old_posterior_and_lateral_infarcts_show_their_signs():
    def median_of(condition, name, extreme):
        heights = []
        for seed in range(12):
            record = quiet(seed, condition)
            at = [round(500 * beat.r_s) for beat in record.beats[1:-1]]
            heights.append(np.median([extreme(row(record, name)[r - 30 : r + 30]) for r in at]))
        return np.median(heights)

    # A dominant R wave in V2 is what is left to see of the posterior wall.
    assert median_of("PMI", "V2", np.max) > -median_of("PMI", "V2", np.min)
    assert median_of("NORM", "V2", np.max) < -median_of("NORM", "V2", np.min)
    assert median_of("LMI", "I", np.min) < median_of("NORM", "I", np.min) - 100


def test_swapped_arms_turn_lead_one_over_and_leave_the_chest_alone():
    right, wrong = quiet(7), quiet(7, fault="swap RA-LA")
    assert np.abs(row(wrong, "I") + row(right, "I")).max() <= 1
    assert np.abs(row(wrong, "II") - row(right, "III")).max() <= 2
    assert np.abs(row(wrong, "aVF") - row(right, "aVF")).max() <= 2
    assert np.abs(wrong.signal_uv[6:] - right.signal_uv[6:]).max() <= 1
    assert wrong.beats == right.beats
    assert (wrong.fault, wrong.fault_span_s) == ("swap RA-LA", (0.0, 10.0))


def test_swapped_chest_electrodes_change_places():
    right, wrong = quiet(7), quiet(7, fault="swap V1-V2")
    assert np.abs(row(wrong, "V1") - row(right, "V2")).max() <= 1
    assert np.abs(row(wrong, "V3") - row(right, "V3")).max() <= 1


def test_a_loose_electrode_spoils_its_leads_while_it_is_off():
    right = quiet(7)
    spans = set()
    for seed in range(8):
        wrong = simulate(seed, noise=0.0, band_hz=BAND, fault="loose V3")
        good = simulate(seed, noise=0.0, band_hz=BAND)
        begin, end = wrong.fault_span_s
        spans.add(end - begin < 9.9)
        off = slice(round(500 * begin) + 1, round(500 * end) - 1)
        change = np.abs(row(wrong, "V3") - row(good, "V3"))
        assert change[off].mean() > 50
        assert np.abs(row(wrong, "V4") - row(good, "V4")).max() <= 1
    assert spans == {True, False}
    foot = quiet(7, fault="loose LL")
    assert np.abs(row(foot, "I") - row(right, "I")).max() <= 1
    assert np.abs(row(foot, "II") - row(right, "II")).max() > 100


@pytest.mark.parametrize("fault", FAULTS)
def test_einthoven_holds_with_every_fault(fault):
    record = simulate(5, fault=fault)
    assert (row(record, "I") + row(record, "III") == row(record, "II")).all()
    assert np.isfinite(record.signal_uv).all()


def test_an_unknown_fault_is_refused_by_name():
    with pytest.raises(ConfigError, match=r"fault.*'loose V9'"):
        simulate(0, fault="loose V9")


def test_normal_hearts_begin_with_an_r_or_a_q_and_without_variety_all_alike():
    def early_uv(seed, variety):
        record = quiet(seed, variety=variety)
        at = [round(500 * beat.r_s) for beat in record.beats[1:-1]]
        lead = row(record, "III")
        return np.median([lead[r - 12] - lead[r - 30] for r in at])

    own, alike = (np.array([early_uv(seed, v) for seed in range(40)]) for v in (1.0, 0.0))
    assert own.std() > 1.3 * alike.std()
    assert 0.1 < (own > 0).mean() < 0.9


def test_variety_leaves_the_beats_where_they_are():
    for seed in range(4):
        mine, usual = quiet(seed, variety=1.0), quiet(seed)
        assert [b.r_s for b in mine.beats] == pytest.approx([b.r_s for b in usual.beats], abs=1e-9)
        assert mine.intervals.pr_ms == pytest.approx(usual.intervals.pr_ms, abs=12)
    with pytest.raises(ConfigError, match="variety"):
        simulate(0, variety=3.0)
