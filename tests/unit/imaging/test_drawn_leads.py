"""Grid, names, pulses and samples of drawings, with numbers from paper and ruler."""

import numpy as np
import pytest

from ecgbatch.imaging.decode.drawn_grid import PT_PER_MM, find_grid
from ecgbatch.imaging.decode.drawn_names import Label, Span, lead_name, match
from ecgbatch.imaging.decode.drawn_pulse import find_pulse
from ecgbatch.imaging.decode.drawn_samples import sample
from ecgbatch.imaging.decode.pdf_paths import Stroke
from ecgbatch.imaging.decode.pdf_text import Word, printed_scale

THIN, HEAVY = (250, 180, 180, 0.2), (250, 180, 180, 0.6)


def ruled(step_pt, *, count=60, style=THIN, skip=0):
    """Return vertical and horizontal lines at one distance; every ``skip``-th is left out."""
    length = step_pt * count
    strokes = []
    for index in range(count + 1):
        if skip and index % skip == 0:
            continue
        place = index * step_pt
        strokes.append(Stroke(np.array([[place, 0.0], [place, length]]), style))
        strokes.append(Stroke(np.array([[0.0, place], [length, place]]), style))
    return strokes


def test_two_weights_of_lines_are_one_and_five_millimetres_on_any_scale():
    grid = find_grid(ruled(4.0, skip=5) + ruled(20.0, count=12, style=HEAVY))
    assert grid.drawn
    assert grid.scaled
    assert grid.pt_per_mm_x == pytest.approx(4.0, rel=1e-6)
    assert grid.pt_per_mm_y == pytest.approx(4.0, rel=1e-6)


@pytest.mark.parametrize("millimetres", [1, 5])
def test_one_weight_of_lines_is_told_by_the_size_of_the_page(millimetres):
    grid = find_grid(ruled(millimetres * PT_PER_MM))
    assert grid.pt_per_mm_x == pytest.approx(PT_PER_MM, rel=1e-6)
    assert not grid.scaled


def test_a_page_without_lines_is_measured_by_its_size():
    grid = find_grid([])
    assert not grid.drawn
    assert grid.pt_per_mm_x == pytest.approx(72 / 25.4)


def test_lines_at_odd_places_are_no_grid():
    places = np.cumsum([0, 7, 30, 11, 60, 25, 80])
    table = [Stroke(np.array([[x, 0.0], [x, 300.0]]), THIN) for x in places.astype(float)]
    assert not find_grid(table).drawn


@pytest.mark.parametrize(
    ("text", "lead"),
    [("I", "I"), ("aVR", "aVR"), ("AVF", "aVF"), ("v4", "V4"), ("V3R", "V3R"), ("II:", "II"),
     ("DIII", "III"), ("-aVR", None), ("i", None), ("V", None), ("VI", None), ("I.", "I")],
)  # fmt: skip
def test_names_of_leads_in_their_spellings(text, lead):
    assert lead_name(text) == lead


def test_a_name_between_two_rows_goes_to_the_row_that_all_names_fit():
    """Rows 20 mm apart, names 12 mm above their own row: nearer to the row above."""
    spans = [Span(10, 260, 40.0 + 20 * row) for row in range(4)]
    labels = [Label(f"V{row + 1}", 11, 28.0 + 20 * row) for row in range(4)]
    named = match(labels, spans)
    assert [[label.lead for label in names] for names in named] == [["V1"], ["V2"], ["V3"], ["V4"]]


def test_a_name_before_its_trace_is_not_taken_for_the_end_of_the_one_before():
    spans = [Span(10, 72, 50), Span(85, 147, 50)]
    named = match([Label("I", 5, 48), Label("aVR", 78, 48)], spans)
    assert [[label.lead for label in names] for names in named] == [["I"], ["aVR"]]


def test_a_word_far_from_every_trace_names_none():
    assert match([Label("I", 11, 5)], [Span(10, 260, 90)]) == [[]]


def test_a_pulse_of_ten_millimetres_and_its_foot():
    points = np.array([[0, 3], [1, 3], [1, 13], [6, 13], [6, 3], [7, 3]], float)
    pulse = find_pulse(points)
    assert (pulse.gain_mm_per_mv, pulse.foot_mm) == (10.0, 3.0)


def test_a_sampled_pulse_before_a_trace():
    x = np.arange(0, 60, 0.1)
    y = np.where((x >= 2) & (x < 7), 5.0, 0.0) + np.where(x > 9, 3 * np.sin(x), 0)
    pulse = find_pulse(np.stack([x, y], axis=1))
    assert pulse.gain_mm_per_mv == 5.0
    assert x[pulse.end] == pytest.approx(7.0)


def test_an_r_wave_is_no_pulse():
    x = np.arange(0, 60, 0.1)
    y = 10 * np.exp(-(((x - 5) / 1.0) ** 2))
    assert find_pulse(np.stack([x, y], axis=1)) is None


def test_points_at_even_steps_are_the_samples():
    x = np.arange(100) * 0.05  # 500 per second at 25 mm/s
    y = np.sin(x)
    samples = sample(np.stack([x, y], axis=1), speed_mm_per_s=25.0)
    assert samples.fs_hz == samples.native_fs_hz == 500.0
    assert np.array_equal(samples.values_mm, y)


def test_points_left_out_of_straight_stretches_come_back():
    x = np.arange(101) * 0.1  # 250 per second
    y = np.interp(x, [0, 2, 2.5, 10], [0, 1, 8, 0])
    kept = [0, 20, 21, 22, 23, 24, 25, 60, 100]
    samples = sample(np.stack([x, y], axis=1)[kept], speed_mm_per_s=25.0)
    assert samples.fs_hz == 250.0
    assert np.abs(samples.values_mm - y).max() < 1e-9


def test_points_without_a_clock_keep_their_shape():
    x = np.sort(np.random.default_rng(0).uniform(0, 25, 300))
    x[0], x[-1] = 0, 25
    samples = sample(np.stack([x, 2 * x], axis=1), speed_mm_per_s=25.0)
    assert samples.fs_hz == 1000.0
    assert samples.native_fs_hz == pytest.approx(299)
    assert np.abs(samples.values_mm - 2 * 25 * np.arange(1000) / 1000).max() < 1e-9


@pytest.mark.parametrize(
    ("text", "speed", "gain"),
    [
        ("25mm/s 10mm/mV", 25, 10),
        ("25 mm/sec 10 mm / mV", 25, 10),
        ("Vel: 50,0 MM/S  Ampl. 20 mm/mv", 50, 20),
        ("25 mm/seg 1 cm/mV", 25, 10),
        ("Speed: 25 mm/sec Limb: 10 mm/mV Chest: 10.0 mm/mV", 25, 10),
        ("Limb: 10 mm/mV Chest: 5 mm/mV", None, None),
        ("0.1 mV/mm", None, 10),
        ("12.5 mm/s", 12.5, None),
        ("33 mm/s 7 mm/mV", None, None),
        ("125 mm/s", None, None),
        ("QRS 80 ms 25 mmol/l", None, None),
    ],
)
def test_speed_and_gain_in_many_spellings(text, speed, gain):
    scale = printed_scale([Word(word, 0.0, 0.0) for word in text.split()])
    assert scale.speed_source == ("printed" if speed else "")
    assert scale.gain_source == ("printed" if gain else "")
    assert speed is None or scale.speed_mm_per_s == speed
    assert gain is None or scale.gain_mm_per_mv == gain
