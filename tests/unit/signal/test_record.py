import numpy as np
import pytest

from ecgbatch.signal.record import (
    in_order,
    read_lead,
    together,
    without_specks,
    without_torn_ends,
)
from ecgbatch.types import Lead, Region, Trace


def trace(*, t0_ms=0.0, left_px=100.0, seconds=2.5, **changes):
    region = {
        "lead": "V1",
        "role": "strip",
        "name_source": "read",
        "left_px": left_px,
        "top_px": 0.0,
        "right_px": left_px + seconds * 250,
        "bottom_px": 200.0,
        "baseline_px": 100.0,
        "t0_ms": t0_ms,
    }
    samples = int(seconds * 1000)
    y_px = 100 - 50 * np.sin(2 * np.pi * np.arange(samples) / 1000)  # 1 Hz, 0.5 mV
    return Trace(
        region=Region(**(region | changes)),
        x0_px=left_px,
        step_px=0.25,
        y_px=y_px.astype(np.float32),
        overlap=np.zeros(samples, np.bool_),
        doubt_mm=np.zeros(samples, np.float32),
    )


SCALE = {
    "px_per_mm": 10.0,
    "source_px_per_mm": 8.0,
    "speed_mm_per_s": 25.0,
    "gain_mm_per_mv": 10.0,
    "fs_hz": 500.0,
}


def lead(name="I", *, role="strip", t0_ms=0.0, samples=10, fs_hz=500.0, values=None):
    signal = np.arange(samples) if values is None else values
    return Lead(
        lead=name,
        role=role,
        name_source="read",
        t0_ms=t0_ms,
        fs_hz=fs_hz,
        native_fs_hz=fs_hz,
        signal_uv=np.asarray(signal, np.float32),
        overlap=0.0,
        quality=1.0,
    )


def test_a_strip_of_two_and_a_half_seconds_is_read_at_500_hz():
    read = read_lead(trace(), **SCALE)
    t = np.arange(read.signal_uv.size) / 500
    assert read.signal_uv.size == 1250
    assert read.signal_uv == pytest.approx(500 * np.sin(2 * np.pi * t), abs=1)
    assert read.native_fs_hz == 200  # 8 px/mm on the source at 25 mm/s
    assert read.origin_px == (100.0, 100.0)


def test_samples_stand_on_the_clock_of_the_page():
    read = read_lead(trace(t0_ms=2500.7), **SCALE)
    assert read.t0_ms == 2502.0
    moved_s = (2502.0 - 2500.7) / 1000
    assert read.signal_uv[0] == pytest.approx(500 * np.sin(2 * np.pi * moved_s), abs=1)
    assert read.origin_px[0] == pytest.approx(100 + moved_s * 250)


def test_at_half_speed_the_same_paper_holds_twice_the_time():
    read = read_lead(trace(), **(SCALE | {"speed_mm_per_s": 12.5}))
    assert read.signal_uv.size == pytest.approx(2500, abs=1)


def test_leads_come_in_the_order_of_every_record():
    mixed = [lead("V6"), lead("II", role="rhythm"), lead("II"), lead("aVR"), lead("V7"), lead("I")]
    names = [(each.lead, each.role) for each in in_order(mixed)]
    assert names == [
        ("I", "strip"),
        ("II", "strip"),
        ("II", "rhythm"),
        ("aVR", "strip"),
        ("V6", "strip"),
        ("V7", "strip"),
    ]


def test_leads_are_cut_to_the_time_that_they_share():
    late, long = lead(t0_ms=8.0, samples=5), lead(samples=20)
    first, second = together([late, long])
    assert first.tolist() == [0, 1, 2, 3, 4]
    assert second.tolist() == [4, 5, 6, 7, 8]


def test_leads_of_different_columns_share_nothing():
    first, second = together([lead(samples=5), lead(t0_ms=2500.0)])
    assert first.size == second.size == 0


def test_pieces_between_gaps_that_are_shorter_than_a_line_is_wide_are_left_out():
    torn = np.zeros(100, np.float32)
    torn[20:80] = np.nan
    torn[30:33] = 900.0  # 6 ms
    torn[50:60] = 100.0  # 20 ms
    found = without_specks(torn, fs_hz=500.0)
    assert np.isnan(found[20:50]).all()
    np.testing.assert_array_equal(found[50:60], 100.0)
    assert np.isfinite(torn[30])  # what is given stays as it is
    whole = np.ones(10, np.float32)
    np.testing.assert_array_equal(without_specks(whole, fs_hz=500.0), whole)


def test_an_end_that_jumps_along_a_ruled_line_is_left_out():
    beat = (500 * np.sin(np.arange(1000) / 40)).astype(np.float32)
    torn = beat.copy()
    torn[:3], torn[-2:] = [9000, 6000, 3000], [-3000, 6000]
    cleaned = without_torn_ends(torn, fs_hz=1000.0)
    assert np.isnan(cleaned[:3]).all()
    assert np.isnan(cleaned[-2:]).all()
    np.testing.assert_array_equal(cleaned[3:-2], beat[3:-2])
    np.testing.assert_array_equal(without_torn_ends(beat, fs_hz=1000.0), beat)
