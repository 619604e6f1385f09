"""Geometry and a network on the same leads: who is believed where."""

from dataclasses import dataclass

import numpy as np
import pytest

from ecgbatch.imaging.settle import choose
from ecgbatch.imaging.telling import trace_with
from ecgbatch.imaging.trace import trace_leads
from ecgbatch.imaging.windows import at_scale, cut
from tests.factories_ink import beats_mv, draw_ink, region

STEPS_PER_MM = 40.0


def settled(candidates, expected, *, spread=0.05, certain=True):
    size = np.size(expected)
    return choose(
        np.array(candidates, float),
        np.asarray(expected, float),
        np.full(size, spread),
        np.full(size, certain),
        steps_per_mm=STEPS_PER_MM,
    )


def test_where_all_agree_the_ink_is_taken_and_the_exact_network_refines_it():
    flat = np.full(400, 5.0)
    np.testing.assert_allclose(settled([flat, flat, flat], flat + 0.1), flat + 0.05)
    np.testing.assert_allclose(settled([flat, flat, flat], flat + 0.1, spread=0.3), flat)


def test_a_stretch_on_another_trace_is_left_to_whoever_stays_on_the_own_one():
    own, astray = np.full(400, 5.0), np.full(400, 5.0)
    astray[100:200] = 12.0
    np.testing.assert_allclose(settled([astray, own, astray], own), own)
    np.testing.assert_allclose(settled([astray, astray, own], own), own)


def test_one_wild_step_of_the_network_decides_nothing():
    own, other = np.full(400, 5.0), np.full(400, 5.0)
    other[100:200] = 5.5
    told = own.copy()
    told[150] = 40.0
    np.testing.assert_allclose(settled([own, other, other], told), own)


def test_what_is_hidden_is_filled_where_the_network_is_sure_and_nowhere_else():
    own = np.full(400, 5.0)
    hidden = own.copy()
    hidden[100:300] = np.nan
    np.testing.assert_allclose(settled([hidden, hidden, hidden], own), own)
    unsure = settled([hidden, hidden, hidden], own, certain=False)
    assert np.isnan(unsure[100:300]).all()


@pytest.mark.parametrize(("lowest_mm", "kept"), [(30.0, True), (60.0, False)])
def test_a_peak_beyond_the_window_is_left_to_ink_where_the_network_sees_no_trace(lowest_mm, kept):
    deep, cut_off = np.full((2, 400), 5.0)
    deep[180:220], cut_off[180:220] = 40.0, np.nan
    certain = np.ones(400, np.bool_)
    certain[180:220] = False
    found = choose(
        np.array([deep, cut_off, cut_off]),
        np.full(400, 5.0),
        np.full(400, 0.05),
        certain,
        steps_per_mm=STEPS_PER_MM,
        window_mm=(-20.0, lowest_mm),
    )
    assert np.isfinite(found[200]) == kept


def test_a_trace_does_not_begin_before_its_ink_because_a_network_says_so():
    own = np.full(400, 5.0)
    late = own.copy()
    late[:100] = np.nan
    assert np.isnan(settled([late, late, late], own)[:100]).all()
    np.testing.assert_allclose(settled([late, own, late], own), own)  # there is ink where it is due
    other = own + 3
    assert np.isnan(settled([late, other, late], own)[:100]).all()


def test_without_any_ink_there_is_no_trace():
    nothing = np.full(400, np.nan)
    assert np.isnan(settled([nothing, nothing, nothing], np.full(400, 5.0))).all()


@pytest.mark.parametrize(("off_mm", "followed"), [(0.4, False), (0.9, True)])
def test_another_reading_must_be_better_than_the_ink_by_more_than_heights_are_off(off_mm, followed):
    ink, other = np.full(400, 5.0), np.full(400, 5.0 + off_mm)
    expected = other if followed else ink
    np.testing.assert_allclose(settled([ink, other, other], other), expected)


def test_peaks_are_not_pulled_to_the_mean_of_a_network_that_blurs_them():
    peak = np.r_[np.full(100, 5.0), np.linspace(5, 0, 20), np.linspace(0, 5, 20), np.full(100, 5.0)]
    blurred = np.convolve(np.pad(peak, 10, mode="edge"), np.ones(21) / 21, mode="valid")
    read = settled([peak, peak, peak], blurred, spread=0.5)
    assert read.min() == pytest.approx(0.0)


@dataclass
class Said:
    """What a network might say of a window."""

    ink: np.ndarray
    y_px: np.ndarray
    spread_px: np.ndarray
    certainty: np.ndarray
    finite: bool = True


class Oracle:
    """A network that knows where one line is, in millimetres of the page, whatever piece it sees.

    It finds the piece by the page's ink, which it knows, too.
    """

    px_per_mm, height_px, least_height_px, align_px = 10.0, 512, 256, 64

    def __init__(self, x_mm, y_mm, ink):
        self._x_mm, self._y_mm, self._ink = x_mm, y_mm, ink
        self.rows, self.columns = [], 0

    def read(self, planes, baselines_px):
        said = []
        for window, lines in zip(planes, baselines_px, strict=True):
            rows, columns = window.shape[1:]
            self.rows.append(rows)
            self.columns += columns
            top = round(BASELINE - lines[0])
            left = next(
                left
                for left in range(-64, self._ink.shape[1])
                if (cut(self._ink, top=top, left=left, shape=(rows, columns)) == window[1]).all()
            )
            x = (np.arange(2 * columns) + 0.5) / 2 - 0.5 + left
            y = np.interp(x, self._x_mm * 10, self._y_mm * 10) - top
            near = np.abs(np.arange(rows)[:, None] - y[::2])
            said.append(
                Said(
                    np.where(near < 2, 255, 0).astype(np.uint8),
                    y.astype(np.float32),
                    np.full(2 * columns, 0.5, np.float32),
                    np.ones(2 * columns, np.float32),
                )
            )
        return said


BASELINE = 150.0


def crossed_page(scale):
    """A lead, and a smear of ink that hides one of its beats."""
    mv = beats_mv(1200)
    x_px, y_px = np.arange(1200) / 2 * scale, (BASELINE - 100 * mv) * scale
    shape = (int(300 * scale), int(600 * scale))
    ink = draw_ink([(x_px, y_px)], shape=shape, width_px=2.6 * scale)
    first = int(np.argmax(mv)) / 2 * scale
    ink[int(40 * scale) : int(220 * scale), int(first - 12 * scale) : int(first + 12 * scale)] = 255
    return ink, x_px, y_px


@pytest.mark.parametrize("scale", [1.0, 0.8])
def test_a_beat_under_a_smear_is_read_by_a_network_and_not_without(scale):
    ink, x_px, y_px = crossed_page(scale)
    px_per_mm = 10 * scale
    place = region(
        left_px=0,
        right_px=600 * scale,
        top_px=0,
        bottom_px=300 * scale,
        baseline_px=BASELINE * scale,
    )
    oracle = Oracle(x_px / px_per_mm, y_px / px_per_mm, at_scale(ink, 10 / px_per_mm))
    page = 255 - ink
    (told,) = trace_with(oracle, page, ink, ink, [place], px_per_mm=px_per_mm)
    (alone,) = trace_leads(ink, [place], px_per_mm=px_per_mm)

    def error(trace):
        x = trace.x0_px + np.arange(trace.y_px.size) * trace.step_px
        known = np.isfinite(trace.y_px)
        read = np.interp(x_px, x[known], trace.y_px[known])
        return float(np.sqrt(np.mean((read - y_px)[10:-10] ** 2))) / scale

    assert told.region == place
    assert oracle.rows == [320]  # the smear reaches 11 mm, and 4 more are shown on either side
    assert oracle.columns < 200  # and the clean rest of the lead is no question
    assert error(told) < 2.0
    assert error(told) < error(alone) / 3


def test_a_pulse_never_becomes_signal_whatever_a_network_says_of_it():
    x_px, y_px = np.arange(1200) / 2, BASELINE - 100 * beats_mv(1200)
    x_px, y_px = x_px[120:], y_px[120:]  # the lead begins after 6 mm
    ink = draw_ink([(x_px, y_px)], shape=(300, 600), width_px=2.6)
    whole = ink.copy()
    whole[48:52, 8:58] = 255  # the plateau of a pulse of 1 mV, and its flanks
    whole[50:150, 6:10] = whole[50:150, 56:60] = 255
    told_x, told_y = np.r_[0.8, 5.8, x_px / 10], np.r_[5.0, 5.0, y_px / 10]
    (trace,) = trace_with(
        Oracle(told_x, told_y, whole), 255 - whole, whole, ink, [region()], px_per_mm=10.0
    )
    places = trace.x0_px + np.arange(trace.y_px.size) * trace.step_px
    assert np.isnan(trace.y_px[places < 58]).all()
    assert np.isfinite(trace.y_px[(places > 62) & (places < 590)]).all()


def test_a_clean_lead_asks_no_network():
    x_px, y_px = np.arange(1200) / 2, BASELINE - 100 * beats_mv(1200)
    ink = draw_ink([(x_px, y_px)], shape=(300, 600), width_px=2.6)
    place = region(left_px=2, right_px=596)
    oracle = Oracle(x_px / 10, y_px / 10, ink)
    (trace,) = trace_with(oracle, 255 - ink, ink, ink, [place], px_per_mm=10.0)
    assert oracle.rows == []
    np.testing.assert_array_equal(trace.y_px, trace_leads(ink, [place], px_per_mm=10.0)[0].y_px)
    assert not trace.doubt_mm.any()
