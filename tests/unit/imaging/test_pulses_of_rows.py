import cv2
import numpy as np
import pytest

from ecgbatch.imaging.baselines import Baseline, find_baselines
from ecgbatch.imaging.calibration import beside_rows
from ecgbatch.imaging.layout import find_regions
from ecgbatch.imaging.marks import find_marks
from ecgbatch.imaging.pulse import Pulse
from ecgbatch.imaging.scale import has_usual_height

MM = 10.0
ROWS_MM = (50.0, 90.0, 130.0, 170.0)
TRACE_MM = (20.0, 145.0)  # two columns of 2.5 s


def line(ink, points_mm, *, width=3):
    points = np.rint(np.array(points_mm) * MM * 16).astype(np.int32)
    cv2.polylines(ink, [points], False, 255, width, cv2.LINE_AA, 4)


def beats(y_mm, seed):
    x = np.arange(TRACE_MM[0], TRACE_MM[1], 0.1)
    phase = (x - 24 - seed) % 20
    wave = 6 * np.exp(-(((phase - 5) / 0.5) ** 2)) + 1.5 * np.exp(-(((phase - 12) / 2.0) ** 2))
    return np.stack([x, y_mm - wave], axis=1)


def page(dirty=(), *, feet=True):
    """Four rows of beats behind their pulses; the pulses of ``dirty`` rows touch a grid line."""
    ink = np.zeros((2000, 1600), np.uint8)
    for number, y in enumerate(ROWS_MM):
        foot = [(11.0, y)] if feet else []
        line(ink, [*foot, (13, y), (13, y - 10), (18, y - 10), (18, y), (19, y)])
        line(ink, beats(y, seed=number))
    for number in dirty:
        y = ROWS_MM[number] - 10
        line(ink, [(8, y), (26, y)], width=2)
        line(ink, [(15, y - 3), (15, y + 4)], width=2)
    return ink


def test_a_pulse_that_dirt_hides_is_found_by_those_of_the_other_rows():
    found = find_regions(page(dirty=[0]), px_per_mm=MM)
    levels = [pulse.baseline_px / MM for pulse in found.pulses]
    assert levels == pytest.approx(ROWS_MM, abs=0.5)


def test_no_row_begins_with_its_pulse():
    for dirty in ((), (0,), (1, 3)):
        found = find_regions(page(dirty), px_per_mm=MM)
        starts = [region.left_px / MM for region in found.regions if region.t0_ms < 500]
        assert len(starts) == 4
        assert starts == pytest.approx([TRACE_MM[0]] * 4, abs=1.0)


def test_a_row_without_a_pulse_is_given_none():
    ink = page()
    ink[: round(65 * MM), : round(19.4 * MM)] = 0
    found = find_regions(ink, px_per_mm=MM)
    levels = [pulse.baseline_px / MM for pulse in found.pulses]
    assert levels == pytest.approx(ROWS_MM[1:], abs=0.5)


def test_a_pulse_may_end_in_the_first_complex_of_its_trace():
    ink = np.zeros((2000, 1600), np.uint8)
    for number, y in enumerate(ROWS_MM):
        line(ink, [(15, y), (15, y - 10), (20, y - 10), (20, y)])
        line(ink, [(20, y), (20, y - 14), (20.4, y + 1), (21, y), *beats(y, seed=number)[10:]])
    found = find_regions(ink, px_per_mm=MM)
    assert len(found.pulses) == 4
    assert found.scale.gain_mm_per_mv == 10
    assert found.scale.gain_source == "pulse"
    assert min(region.left_px for region in found.regions) > 19.5 * MM


@pytest.mark.parametrize(("height", "usual"), [(10.1, True), (4.9, True), (4.43, False)])
def test_pulses_have_the_heights_that_carts_print(height, usual):
    pulse = Pulse(0.0, 0.0, 50.0, 100.0, 5.0, (height,))
    assert has_usual_height(pulse) is usual


def pulse_at(left_mm, base_mm):
    return Pulse(
        left_px=left_mm * MM,
        top_px=(base_mm - 10) * MM,
        right_px=(left_mm + 7) * MM,
        baseline_px=base_mm * MM,
        width_mm=5.0,
        heights_mm=(10.0,),
    )


def rows_from(left_mm):
    return [
        Baseline(5 * y, left_px=round(5 * left_mm), right_px=1350, above_px=200, below_px=200)
        for y in ROWS_MM
    ]


@pytest.fixture(scope="module")
def blank():
    return find_marks(np.zeros((2000, 2800), np.uint8), px_per_mm=MM)  # reduced to 5 px/mm


def test_a_column_of_pulses_stands_although_the_rest_of_a_grid_reaches_beyond_it(blank):
    pulses = [pulse_at(14, y) for y in ROWS_MM[:2]]
    assert beside_rows(pulses, rows_from(5.0), marks=blank) == tuple(pulses)


def test_one_pulse_with_ink_beyond_it_is_a_wave(blank):
    assert beside_rows([pulse_at(14, ROWS_MM[0])], rows_from(5.0), marks=blank) == ()


def test_the_column_that_more_rows_share_is_taken(blank):
    frames = [pulse_at(2, ROWS_MM[0] + off) for off in (0, 1, 2)]
    pulses = [pulse_at(14, y) for y in ROWS_MM[1:3]]
    assert beside_rows([*frames, *pulses], rows_from(22.0), marks=blank) == tuple(pulses)


def test_the_head_of_a_page_on_the_rest_of_a_grid_is_no_row():
    level = np.zeros((1100, 1400), np.bool_)
    for y in (460, 640, 820, 990):
        level[y : y + 4, 60:1350] = True
    head = np.arange(60, 1350) % 20 < 15  # words that touch a line, with holes between
    level[50:53, 60:1350] = head
    lines = level.copy()
    lines[20, 60:1350] = True
    rows = find_baselines(level, lines, px_per_mm=5.0)
    assert [row.y_px for row in rows] == pytest.approx([461.5, 641.5, 821.5, 991.5], abs=1)
