import cv2
import numpy as np
import pytest

from ecgbatch.imaging import pulse as pulse_module
from ecgbatch.imaging.marks import find_marks, find_uprights
from ecgbatch.imaging.pulse import Pulse, find_pulses
from ecgbatch.imaging.scale import read_scale

MM = 10.0


def sheet(*polylines_mm, width=3):
    """Ink of lines given in millimetres from the upper left corner."""
    ink = np.zeros((600, 900), np.uint8)
    for line in polylines_mm:
        points = np.rint(np.array(line) * MM * 16).astype(np.int32)
        cv2.polylines(
            ink,
            [points],
            isClosed=False,
            color=255,
            thickness=width,
            shift=4,
            lineType=cv2.LINE_AA,
        )
    return ink


def pulse_mm(*, x=5.0, foot=40.0, heights=(10.0,), width=5.0):
    """Corners of a pulse: a foot of 2 mm, plateaus, a foot of 2 mm."""
    steps = np.linspace(x + 2, x + 2 + width, len(heights) + 1)
    line = [(x, foot), (steps[0], foot)]
    for left, right, height in zip(steps[:-1], steps[1:], heights, strict=True):
        line += [(left, foot - height), (right, foot - height)]
    return [*line, (steps[-1], foot), (steps[-1] + 2, foot)]


def found_in(ink):
    marks = find_marks(ink, px_per_mm=MM)
    return find_pulses(ink, marks, find_uprights(marks), px_per_mm=MM)


@pytest.mark.parametrize("height", [5.0, 10.0, 20.0])
@pytest.mark.parametrize("width", [2.5, 5.0, 10.0])
def test_a_pulse_is_measured_with_ruler_accuracy(height, width):
    (pulse,) = found_in(sheet(pulse_mm(heights=(height,), width=width)))

    assert pulse.heights_mm == pytest.approx([height], abs=0.05)
    assert pulse.width_mm == pytest.approx(width, abs=0.05)
    assert pulse.left_px == pytest.approx(5.0 * MM, abs=0.6 * MM)
    assert pulse.right_px == pytest.approx((9.0 + width) * MM, abs=0.6 * MM)
    assert pulse.baseline_px == pytest.approx(40.0 * MM, abs=0.1 * MM)


@pytest.mark.parametrize("heights", [(10.0, 5.0), (5.0, 10.0)])
def test_a_stepped_pulse_has_both_heights(heights):
    (pulse,) = found_in(sheet(pulse_mm(heights=heights, width=5.0)))

    assert pulse.heights_mm == pytest.approx(heights, abs=0.1)


def test_a_pulse_that_runs_on_into_its_trace_ends_with_its_foot():
    trace = [(14.0, 40.0), (20.0, 40.2), (30.0, 39.5), (80.0, 40.5)]

    (pulse,) = found_in(sheet([*pulse_mm(), *trace]))

    assert pulse.heights_mm == pytest.approx([10.0], abs=0.1)
    assert pulse.right_px == pytest.approx(14.0 * MM, abs=0.8 * MM)


def test_an_outline_whose_plateau_has_no_line_is_no_pulse(monkeypatch):
    level = pulse_module._line_row  # of the feet; that of the plateau is asked for higher up
    monkeypatch.setattr(
        pulse_module,
        "_line_row",
        lambda ink, *, rows, columns: (
            np.nan if rows[0] < 350 else level(ink, rows=rows, columns=columns)
        ),
    )

    assert found_in(sheet(pulse_mm())) == ()


def test_waves_boxes_and_letters_are_no_pulses():
    x = np.linspace(5, 85, 800)
    complexes = 40 - 15 * np.exp(-(((x % 10) - 5) ** 2) / 0.08)
    wave = np.stack([x, complexes], axis=1)
    box = [(10, 10), (15, 10), (15, 20), (10, 20), (10, 10)]
    grid = [[(k, 45), (k, 58)] for k in (20, 25, 30)] + [[(20, k), (30, k)] for k in (45, 50, 55)]

    assert found_in(sheet(wave, box, *grid)) == ()


def pulses(height=10.0, width=5.0, *, more=()):
    return [Pulse(0, 0, 90, 100, width, (height, *more))] * 4


def scale_of(found, *, speed=None, gain=None):
    return read_scale(
        found,
        printed_speed_mm_per_s=speed,
        printed_gain_mm_per_mv=gain,
        assumed_speed_mm_per_s=25.0,
        assumed_gain_mm_per_mv=10.0,
    )


def test_without_pulses_the_scale_is_assumed_and_says_so():
    scale = scale_of([])

    assert (scale.speed_mm_per_s, scale.speed_source) == (25.0, "assumed")
    assert (scale.gain_mm_per_mv, scale.gain_source) == (10.0, "assumed")
    assert set(scale.flags) == {"speed_assumed", "gain_assumed"}


@pytest.mark.parametrize("gain", [5.0, 10.0, 20.0])
@pytest.mark.parametrize("speed", [25.0, 50.0])
def test_a_millivolt_during_a_fifth_of_a_second_tells_gain_and_speed(gain, speed):
    scale = scale_of(pulses(1.01 * gain, 0.2 * speed + 0.05))

    assert (scale.gain_mm_per_mv, scale.gain_source) == (gain, "pulse")
    assert (scale.speed_mm_per_s, scale.speed_source) == (speed, "pulse")
    assert scale.flags == ()


def test_a_narrow_pulse_may_be_a_slow_page_or_a_short_pulse_and_is_flagged():
    scale = scale_of(pulses(10.0, 2.5))

    assert (scale.speed_mm_per_s, scale.speed_source) == (25.0, "assumed")
    assert {"speed_ambiguous", "speed_assumed"} <= set(scale.flags)


def test_a_pulse_that_contradicts_the_printed_scale_is_flagged_and_print_wins():
    scale = scale_of(pulses(20.0, 10.0), speed=25.0, gain=10.0)

    assert (scale.speed_mm_per_s, scale.gain_mm_per_mv) == (25.0, 10.0)
    assert {"gain_conflict", "speed_conflict"} <= set(scale.flags)


def test_two_heights_are_a_split_gain():
    assert "gain_split" in scale_of(pulses(10.0, more=(5.0,))).flags
    assert "gain_split" in scale_of([*pulses(10.0)[:2], *pulses(5.0)[:2]]).flags


def test_a_height_that_no_cart_prints_is_kept_and_flagged():
    scale = scale_of(pulses(8.0))

    assert scale.gain_mm_per_mv == 8.0
    assert "gain_unusual" in scale.flags
