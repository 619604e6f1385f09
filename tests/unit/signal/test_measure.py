"""What pages measure, against the simulator's truth and with pen and ruler."""

from dataclasses import astuple, fields, replace

import numpy as np
import pytest

from ecgbatch.signal.beat_rows import beat_rows
from ecgbatch.signal.measure import Measurement, measure
from ecgbatch.synth.patient import condition_names
from tests.factories_hearts import columns, full, heart, lead


def truths(record, which):
    begin, end = which
    values = [getattr(b, end) - getattr(b, begin) for b in record.beats if b.kind == "N"]
    return 1000 * float(np.median(values))


@pytest.mark.parametrize("printed", [full, columns])
def test_intervals_come_near_the_truth(printed):
    errors = {"pr_ms": [], "qrs_ms": [], "qt_ms": []}
    for seed in range(12):
        record = heart(seed)
        page = measure(printed(record)).page
        errors["pr_ms"].append(page.pr_ms - truths(record, ("p_on_s", "qrs_on_s")))
        errors["qrs_ms"].append(page.qrs_ms - truths(record, ("qrs_on_s", "qrs_off_s")))
        errors["qt_ms"].append(page.qt_ms - truths(record, ("qrs_on_s", "t_off_s")))
        assert page.hr_bpm == pytest.approx(record.rate_bpm, rel=0.02)
    for name, limit_ms in (("pr_ms", 20), ("qrs_ms", 15), ("qt_ms", 25)):
        assert np.median(np.abs(errors[name])) < limit_ms, name


def test_fibrillation_has_no_p_waves_and_an_irregular_rhythm():
    for seed in range(6):
        fibrillating = measure(full(heart(seed, condition="AFIB"))).page
        sinus = measure(full(heart(seed))).page
        assert np.isnan(fibrillating.pr_ms)
        assert fibrillating.p_beats == 0
        assert sinus.p_beats >= sinus.usual_beats - 1  # the first may be cut off
        assert fibrillating.rr_irregularity > 2 * sinus.rr_irregularity


def test_ventricular_beats_are_told_apart_and_left_out():
    for seed in range(5):
        record = heart(seed, condition="PVC")
        measured = measure(full(record))
        true = sum(beat.kind == "V" for beat in record.beats if 0.2 < beat.r_s < 9.8)
        assert abs(measured.page.ventricular_beats - true) <= 1
        assert measured.page.qrs_ms < 120


def test_a_left_bundle_branch_block_is_wide():
    assert all(measure(full(heart(s, condition="CLBBB"))).page.qrs_ms > 120 for s in range(5))


def beats_of(heights_uv, *, seconds=10):
    """One beat a second: P 100 ms before, then Q, R and S with their tops at -12, 0 and 12 ms."""
    time_s = np.arange(500 * seconds) / 500
    signal = np.zeros(time_s.size)
    for beat_s in np.arange(0.5, seconds, 1.0):
        for height, at_s, sd_s in zip(
            heights_uv,
            (-0.16, -0.024, 0.0, 0.024, 0.28),
            (0.02, 0.005, 0.007, 0.006, 0.04),
            strict=True,
        ):
            signal += height * np.exp(-0.5 * ((time_s - beat_s - at_s) / sd_s) ** 2)
    return signal


def test_heights_are_those_of_the_pen():
    leads = [lead("II", beats_of([120, -150, 1200, -300, 350]))]
    measured = measure(leads)
    heights = measured.heights
    assert measured.of_lead("II", heights.p) == pytest.approx(120, abs=12)
    assert measured.of_lead("II", heights.q) == pytest.approx(-150, abs=25)
    assert measured.of_lead("II", heights.r) == pytest.approx(1200, abs=12)
    assert measured.of_lead("II", heights.s) == pytest.approx(-300, abs=25)
    assert measured.of_lead("II", heights.t) == pytest.approx(350, abs=12)
    assert measured.page.hr_bpm == pytest.approx(60, abs=0.1)


def test_a_complex_without_r_is_all_s():
    heights = measure([lead("V1", beats_of([50, 0, -900, 0, 200]))]).heights
    assert np.isnan(heights.r).all()
    assert np.nanmedian(heights.s) == pytest.approx(-900, abs=15)


def test_axes_follow_from_any_two_limb_leads():
    # A dipole of 1 mV at 60 degrees: I shows its half, aVF three quarters of its length.
    one, foot = beats_of([0, 0, 500, 0, 0]), beats_of([0, 0, 750, 0, 0])
    page = measure([lead("I", one), lead("aVF", foot)]).page
    assert page.qrs_axis_deg == pytest.approx(60, abs=1)
    assert page.axis_leads == 2
    assert np.isnan(measure([lead("I", one)]).page.qrs_axis_deg)


def test_voltage_sums_need_their_leads():
    v1, v5 = beats_of([0, 0, 0, -1500, 0]), beats_of([0, 0, 2500, 0, 0])
    page = measure([lead("V1", v1), lead("V5", v5)]).page
    assert page.sokolow_lyon_uv == pytest.approx(4000, rel=0.02)
    assert np.isnan(page.cornell_uv)
    assert np.isnan(measure([lead("V5", v5)]).page.sokolow_lyon_uv)


def test_a_gap_takes_the_beats_under_it_and_no_others():
    signal = beats_of([120, -150, 1200, -300, 350])
    signal[2480:2520] = np.nan  # the beat at 5.5 s lies outside of it, the T wave at 4.8 s as well
    whole = measure([lead("II", beats_of([120, -150, 1200, -300, 350]))])
    gapped = measure([lead("II", signal)])
    assert gapped.page.rr_count == whole.page.rr_count - 1
    signal[2700:2800] = np.nan
    signal[2730] = 5000.0  # an island
    assert np.nanmax(measure([lead("II", signal)]).heights.r) < 1300


def test_wide_gaps_between_beats_give_no_interval():
    signal = beats_of([120, -150, 1200, -300, 350])
    signal[1600:3400] = np.nan
    page = measure([lead("II", signal)]).page
    assert page.hr_bpm == pytest.approx(60, abs=0.5)
    assert page.rr_count == 4


def hard_pages():
    flat = np.zeros(5000)
    spiky = heart(1, condition="PVC")
    yield "nothing", []
    yield "no samples", [lead("II", [])]
    yield "all null", [lead("II", np.full(5000, np.nan)), lead("V1", np.full(10, np.nan))]
    yield "one sample", [lead("II", [100.0])]
    yield "two samples", [lead("II", [100.0, np.nan, 3.0])]
    yield "flat", [lead("II", flat), lead("V1", flat)]
    yield "half a second", [lead("II", full(spiky)[1].signal_uv[:250])]
    yield "thirty millivolts", [lead("II", 30 * full(spiky)[1].signal_uv)]
    yield "infinite", [lead("II", np.where(np.arange(5000) % 7 == 0, np.inf, 10.0))]
    yield "every other", [lead("II", np.where(np.arange(5000) % 2 == 0, np.nan, flat))]
    yield "a minute", [lead("II", np.tile(full(spiky)[1].signal_uv, 6), fs_hz=500.0)]
    yield "wrong rate", [lead("II", full(spiky)[1].signal_uv, fs_hz=50.0)]
    yield "one step", [lead("II", np.where(np.arange(5000) < 2500, 0.0, 1e4))]
    yield "far apart", [lead("II", full(spiky)[1].signal_uv),
                        lead("V1", full(spiky)[6].signal_uv, t0_ms=3e9)]  # fmt: skip
    yield "before zero", [lead("II", full(spiky)[1].signal_uv, t0_ms=-5000.0)]


@pytest.mark.parametrize(
    ("name", "leads"), list(hard_pages()), ids=lambda v: v if isinstance(v, str) else ""
)
def test_hard_pages_are_measured_or_not_and_never_fail(name, leads):
    page = measure(leads).page
    values = np.array(astuple(page), np.float64)
    assert not np.isinf(values).any()
    if name in {"nothing", "no samples", "all null", "one sample", "two samples", "flat",
                "every other", "one step"}:  # fmt: skip
        assert page.beats == 0
        floats = [f.name for f in fields(Measurement) if f.type == "float"]
        assert all(np.isnan(getattr(page, each)) for each in floats)


def test_extreme_amplitudes_scale_voltages_and_nothing_else():
    leads = full(heart(4))
    usual = measure(leads).page
    tall = measure([replace(each, signal_uv=20 * each.signal_uv) for each in leads]).page
    assert tall.limb_span_uv == pytest.approx(20 * usual.limb_span_uv, rel=0.02)
    assert tall.qt_ms == pytest.approx(usual.qt_ms, abs=4)
    assert tall.qrs_axis_deg == pytest.approx(usual.qrs_axis_deg, abs=1)


def test_a_column_that_starts_at_the_wrong_time_widens_no_complex():
    record = heart(3)
    page = columns(record)
    late = [
        replace(each, t0_ms=each.t0_ms + 60)
        if each.lead in {"I", "II", "III"} and each.role == "strip"
        else each
        for each in page
    ]
    right, wrong = measure(page), measure(late)
    assert wrong.page.qrs_ms == pytest.approx(right.page.qrs_ms, abs=4)
    assert wrong.page.beats == right.page.beats
    # The strip's own times stay those of the page.
    strips = wrong.sheet.moved[:3]
    assert strips == pytest.approx(-30, abs=2)
    assert np.count_nonzero(wrong.sheet.moved) == 3


def scrap(rng, signals):
    """A piece of a lead, cut anywhere, with holes, steps, noise, any gain, rate and start."""
    name = str(rng.choice(list(signals)))
    first = int(rng.integers(0, 4900))
    part = signals[name][first : first + int(rng.choice([1, 2, 5, 20, 100, 250, 700, 1250, 5000]))]
    part = part * rng.choice([0.0, 0.001, 1.0, 1.0, 1.0, 1.0, 50.0])
    part = part + rng.normal(0, rng.choice([0.0, 0.0, 1.0, 100.0, 1e4]), part.size)
    for _ in range(rng.integers(0, 4)):
        hole = int(rng.integers(0, part.size + 1))
        part[hole : hole + int(rng.integers(0, 200))] = rng.choice([np.nan, np.inf, 0.0, 3e4, 1e30])
    fs_hz = float(rng.choice([500.0, 500.0, 100.0, 250.0, 360.0, 1000.0]))
    t0_ms = float(rng.choice([0.0, 2.0 * first, 2 * first + 0.7, -500.0]))
    return lead(name, part, t0_ms=t0_ms, fs_hz=fs_hz)


@pytest.mark.parametrize("seed", range(40))
def test_any_heap_of_scraps_is_measured_in_order_or_not_at_all(seed):
    rng = np.random.default_rng(seed)
    signals = heart(seed, condition=str(rng.choice(condition_names()))).by_name()
    leads = [scrap(rng, signals) for _ in range(rng.integers(0, 14))]
    measured = measure(leads)
    rows = beat_rows(measured, segments=[0] * len(leads))
    assert len({len(column) for column in rows.values()}) == 1
    on, peak, off = (np.asarray(rows[f"qrs_{name}_ms"]) for name in ("on", "peak", "off"))
    assert (on <= peak + 1).all()
    assert (peak <= off + 1).all()
    values = np.array(astuple(measured.page), np.float64)
    assert not np.isinf(values).any()
    assert not (
        np.array([measured.page.pr_ms, measured.page.qt_ms, measured.page.hr_bpm]) < 0
    ).any()
