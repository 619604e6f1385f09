"""Beats against the simulator's truth, in every layout and rhythm."""

import numpy as np
import pytest

from ecgbatch.signal.beats import find_beats
from ecgbatch.signal.sheet import SHEET_HZ, lay_out
from tests.factories_hearts import columns, full, heart, lead

RHYTHMS = ["NORM", "AFIB", "CLBBB", "CRBBB", "PVC", "BIGU", "PAC", "SBRAD", "STACH", "3AVB"]


def found_s(leads):
    sheet = lay_out(leads)
    return sheet.to_ms(find_beats(sheet).astype(np.float64)) / 1000


def counts(found, record, *, margin_s=0.15, tolerance_s=0.1):
    """Beats that were found, missed and invented, the record's ends left out."""
    seconds = record.signal_uv.shape[1] / record.fs_hz
    truth = np.array([beat.r_s for beat in record.beats])
    truth = truth[(truth > margin_s) & (truth < seconds - margin_s)]
    apart = np.abs(found[:, None] - np.array([beat.r_s for beat in record.beats]))
    invented = (apart.min(axis=1) > tolerance_s).sum()
    missed = (np.abs(found[:, None] - truth).min(axis=0) > tolerance_s).sum()
    return len(truth), int(missed), int(invented)


@pytest.mark.parametrize("printed", [full, columns, lambda r: columns(r, rhythm=())])
def test_every_beat_is_found_however_the_page_is_printed(printed):
    total, missed, invented = 0, 0, 0
    for seed, condition in enumerate(RHYTHMS * 2):
        record = heart(seed, condition=condition)
        result = counts(found_s(printed(record)), record)
        total, missed, invented = total + result[0], missed + result[1], invented + result[2]
    assert total > 200
    assert missed + invented <= 0.02 * total


def test_one_lead_is_enough():
    for name in ("I", "aVR", "V2"):
        record = heart(3)
        assert counts(found_s(full(record, names=[name])), record)[1:] == (0, 0)


def train(rate_bpm, seconds=10.0, width_s=0.012):
    time_s = np.arange(round(seconds * SHEET_HZ)) / SHEET_HZ
    beats_s = np.arange(0.1, seconds - 0.1, 60 / rate_bpm)
    return 1000 * np.exp(-0.5 * ((time_s[:, None] - beats_s) / width_s) ** 2).sum(axis=1), beats_s


@pytest.mark.parametrize("rate_bpm", [15, 40, 150, 220, 300])
def test_slow_and_fast_hearts_are_counted(rate_bpm):
    signal_uv, beats_s = train(rate_bpm)
    assert found_s([lead("II", signal_uv)]) == pytest.approx(beats_s, abs=0.02)


def test_another_rate_and_a_later_start_move_no_beat():
    record = heart(2, fs_hz=250.0)
    shifted = [lead(each.lead, each.signal_uv, t0_ms=730.0, fs_hz=250.0) for each in full(record)]
    at = found_s(shifted)
    assert at == pytest.approx(found_s(full(record)) + 0.73, abs=0.005)


def test_pacing_spikes_are_no_beats():
    signal_uv, beats_s = train(60, width_s=0.03)
    for beat_s in beats_s:
        signal_uv[round((beat_s - 0.1) * SHEET_HZ)] += 3000
    assert found_s([lead("II", signal_uv)]) == pytest.approx(beats_s, abs=0.02)


@pytest.mark.parametrize("level_uv", [0.5, 5.0, 30.0, 200.0])
def test_noise_has_no_beats(level_uv):
    noise = np.random.default_rng(1).normal(0, level_uv, (3, 5000))
    assert found_s([lead("II", noise[0])]).size == 0
    leads = [lead(name, row) for name, row in zip(("I", "II", "V1"), noise, strict=True)]
    assert found_s(leads).size == 0


def test_ventricular_fibrillation_has_no_beats():
    time_s = np.arange(5000) / SHEET_HZ
    rng = np.random.default_rng(2)
    leads = []
    for name in ("I", "II", "V1"):
        phase = 2 * np.pi * (5 * time_s + 0.3 * np.cumsum(rng.normal(0, 0.06, 5000)))
        leads.append(lead(name, 400 * np.sin(phase + rng.uniform(0, 6))))
    assert found_s(leads).size == 0
