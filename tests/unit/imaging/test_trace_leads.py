from dataclasses import replace

import numpy as np
import pytest

from ecgbatch.imaging.trace import trace_leads
from tests.factories_ink import beats_mv, draw_ink, region

PX_PER_MM = 10.0
PEN_PX = 2.6  # 0.75 pt, a usual line, at 10 px/mm


def strip(mv, *, left_px=0.0, baseline_px=150.0):
    """Points of a lead printed at 25 mm/s and 10 mm/mV, sampled at 500 Hz."""
    x_px = left_px + np.arange(mv.size) / 500 * 25 * PX_PER_MM
    return x_px, baseline_px - mv * 10 * PX_PER_MM


def heights(trace, x_px):
    places = trace.x0_px + np.arange(trace.y_px.size) * trace.step_px
    return np.interp(x_px, places, trace.y_px)


def test_peaks_keep_their_height():
    x_px, y_px = strip(beats_mv(1200))
    ink = draw_ink([(x_px, y_px)], shape=(300, 600), width_px=PEN_PX)
    (trace,) = trace_leads(ink, [region()], px_per_mm=PX_PER_MM)
    read = heights(trace, x_px)
    inner = slice(10, -10)
    assert np.sqrt(np.mean((read - y_px)[inner] ** 2)) < 0.4  # 4 microvolts at 10 mm/mV
    assert 150 - read.min() == pytest.approx(150 - y_px.min(), rel=0.01)
    assert read.max() - 150 == pytest.approx(y_px.max() - 150, rel=0.03)
    assert not trace.overlap.any()


@pytest.mark.parametrize("pen_px", [1.3, 2.0, 4.0])
def test_the_pen_is_measured_on_the_page(pen_px):
    x_px, y_px = strip(beats_mv(1200))
    ink = draw_ink([(x_px, y_px)], shape=(300, 600), width_px=pen_px)
    (trace,) = trace_leads(ink, [region()], px_per_mm=PX_PER_MM)
    assert 150 - np.nanmin(trace.y_px) == pytest.approx(150 - y_px.min(), rel=0.02)


def test_missing_ink_stays_missing():
    x_px, y_px = strip(beats_mv(1200))
    ink = draw_ink([(x_px, y_px)], shape=(300, 600), width_px=PEN_PX)
    ink[:, 300:304] = 0
    (trace,) = trace_leads(ink, [region()], px_per_mm=PX_PER_MM)
    places = trace.x0_px + np.arange(trace.y_px.size) * trace.step_px
    assert np.isnan(trace.y_px[(places > 299) & (places < 304)]).all()
    assert np.isfinite(trace.y_px[(places < 299) | (places > 304)]).all()


def test_a_region_without_ink_has_no_trace():
    x_px, y_px = strip(beats_mv(600))
    ink = draw_ink([(x_px, y_px)], shape=(300, 600), width_px=PEN_PX)
    (trace,) = trace_leads(ink, [region(left_px=400)], px_per_mm=PX_PER_MM)
    assert trace.y_px.size > 0
    assert np.isnan(trace.y_px).all()


def test_a_blank_page_has_no_trace():
    (trace,) = trace_leads(np.zeros((300, 600), np.uint8), [region()], px_per_mm=PX_PER_MM)
    assert np.isnan(trace.y_px).all()


def test_a_peak_may_leave_its_band():
    x_px, y_px = strip(beats_mv(1200))
    ink = draw_ink([(x_px, y_px)], shape=(300, 600), width_px=PEN_PX)
    low = region(top_px=100, bottom_px=200)
    (trace,) = trace_leads(ink, [low], px_per_mm=PX_PER_MM)
    assert np.nanmin(trace.y_px) == pytest.approx(y_px.min(), abs=1.5)


def test_remains_of_text_are_left_aside():
    x_px, y_px = strip(beats_mv(1200))
    word = (np.array([40.0, 60, 60, 80]), np.array([220.0, 220, 200, 200]))
    ink = draw_ink([(x_px, y_px), word], shape=(300, 600), width_px=PEN_PX)
    (trace,) = trace_leads(ink, [region()], px_per_mm=PX_PER_MM)
    inner = slice(10, -10)
    assert np.abs(heights(trace, x_px) - y_px)[inner].max() < 5  # a millimetre is 10


def two_rows(*, tall_mv):
    """Two rows 15 mm apart; the beats of the lower one reach into the upper one."""
    flat = 0.1 * np.sin(np.arange(1200) / 90)
    upper = strip(flat, baseline_px=150)
    lower = strip(tall_mv * beats_mv(1200) / 1.2, baseline_px=300)
    ink = draw_ink([upper, lower], shape=(400, 600), width_px=PEN_PX)
    regions = [
        region("I", bottom_px=300, baseline_px=150),
        region("II", top_px=100, bottom_px=400, baseline_px=300),
    ]
    return upper, lower, trace_leads(ink, regions, px_per_mm=PX_PER_MM)


@pytest.mark.parametrize("tall_mv", [1.2, 1.5, 2.0, 2.5])
def test_beats_of_the_next_row_do_not_pull_a_trace_along(tall_mv):
    upper, lower, (first, second) = two_rows(tall_mv=tall_mv)
    inner = slice(10, -10)
    error = np.abs(heights(first, upper[0]) - upper[1])[inner]
    alone = heights(replace(first, y_px=first.overlap.astype(np.float32)), upper[0])[inner] == 0
    assert np.nanmax(error[alone]) < 2
    assert np.nanmax(error) < 25  # a sixth of the way to the other row
    assert np.nanmin(second.y_px) == pytest.approx(lower[1].min(), abs=4)


def test_where_rows_meet_both_traces_say_so():
    upper, lower, (first, second) = two_rows(tall_mv=2.0)
    at_peak = np.argmin(lower[1])
    for trace in (first, second):
        near = int((lower[0][at_peak] - trace.x0_px) / trace.step_px)
        assert trace.overlap[near - 20 : near + 20].any()
        assert trace.overlap.mean() < 0.2
    assert upper[0].size == lower[0].size


def test_a_mark_between_columns_is_not_read():
    x_px, y_px = strip(beats_mv(1200))
    ink = draw_ink([(x_px, y_px)], shape=(300, 600), width_px=PEN_PX)
    ink[115:185, 300:308] = 255
    (trace,) = trace_leads(ink, [region()], px_per_mm=PX_PER_MM)
    places = trace.x0_px + np.arange(trace.y_px.size) * trace.step_px
    assert np.isnan(trace.y_px[(places > 299) & (places < 308)]).all()
    assert np.isfinite(trace.y_px[(places < 294) | (places > 314)]).all()
    beside = np.abs(places - 304) < 14
    assert np.nanmax(np.abs(trace.y_px - np.interp(places, x_px, y_px))[beside]) < 5


def test_a_pacemaker_spike_is_no_mark():
    x_px, y_px = strip(beats_mv(1200))
    spike = (np.array([100.0, 100.0, 100.5]), np.array([150.0, 60.0, 150.0]))
    ink = draw_ink([(x_px, y_px), spike], shape=(300, 600), width_px=PEN_PX)
    (trace,) = trace_leads(ink, [region()], px_per_mm=PX_PER_MM)
    near = np.abs(trace.x0_px + np.arange(trace.y_px.size) * trace.step_px - 100) < 5
    assert np.isfinite(trace.y_px[near]).all()
    # Its sides stand between two columns, so up to a quarter of its height is lost.
    assert 58 < trace.y_px[near].min() < 84
