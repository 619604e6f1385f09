"""Which way up a page is."""

import cv2
import numpy as np
import pytest

from ecgbatch.flags import Flag
from ecgbatch.imaging.orient import find_orientation
from ecgbatch.imaging.upright import stand_upright
from ecgbatch.types import Page
from tests.factories_pages import GREY, Sheet, View, draw

SCALE = 4.0
SHEETS = {
    "all marks": Sheet(),
    "no pulses": Sheet(pulses=False),
    "no header": Sheet(header=False),
    "bare traces": Sheet(pulses=False, header=False, names=False),
    "fast heart on a grey grid": Sheet(grid_rgb=GREY, bpm=110, pulses=False),
}


@pytest.mark.parametrize("turn_deg", [0, 90, 180, 270])
@pytest.mark.parametrize("name", SHEETS)
def test_all_four_sides_are_told_apart(name, turn_deg):
    page = draw(SHEETS[name], View(px_per_mm=(4.0, 4.0), turn_deg=turn_deg))
    upright = stand_upright(Page(page.pixels), px_per_mm=5.0)
    off = (upright.warp.rotation_deg - turn_deg + 180) % 360 - 180
    assert abs(off) < 0.2


def test_skew_is_measured_on_top_of_quarter_turns():
    page = draw(Sheet(), View(px_per_mm=(4.0, 4.0), turn_deg=93.0))
    upright = stand_upright(Page(page.pixels), px_per_mm=5.0)
    assert upright.warp.rotation_deg == pytest.approx(93.0, abs=0.1)


def test_paper_without_traces_has_no_length_of_trace():
    sides = find_orientation(np.zeros((400, 600), np.uint8), px_per_mm=SCALE)
    assert sides.trace_mm == 0
    assert sides.beats == 0
    assert sides.margin < 1  # doubtful


def test_turning_the_page_over_turns_every_cue_over():
    ink = 255 - draw(Sheet(grid_rgb=None), View(px_per_mm=(SCALE, SCALE))).pixels[..., 0]
    upright = find_orientation(ink, px_per_mm=SCALE)
    hanging = find_orientation(np.ascontiguousarray(ink[::-1, ::-1]), px_per_mm=SCALE)
    assert (upright.quarter_turns, hanging.quarter_turns) == (0, 2)
    assert np.array(hanging.cues) == pytest.approx(-np.array(upright.cues), abs=0.6)
    assert upright.beats == hanging.beats > 20


@pytest.mark.parametrize("turn_deg", [0, 90, 180, 270])
@pytest.mark.parametrize("name", ["all marks", "no header"])
def test_a_page_seen_through_its_back_is_noticed_whichever_way_it_lies(name, turn_deg):
    page = draw(SHEETS[name], View(px_per_mm=(4.0, 4.0), turn_deg=turn_deg))
    right = stand_upright(Page(page.pixels), px_per_mm=5.0)
    assert Flag.MIRRORED not in right.flags
    for axis in (0, 1):
        through = np.ascontiguousarray(np.flip(page.pixels, axis=axis))
        assert Flag.MIRRORED in stand_upright(Page(through), px_per_mm=5.0).flags


def still_page(*, pulses: bool) -> np.ndarray:
    """Draw six level lines 200 mm long, each with a pulse before it or none, and short names."""
    ink = np.zeros((700, 1000), np.uint8)
    for y in range(120, 660, 90):
        cv2.line(ink, (100, y), (900, y), 255, 1)
        cv2.putText(ink, "V1", (130, y - 25), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1)
        if pulses:
            outline = np.array([[72, y], [80, y], [80, y - 40], [100, y - 40], [100, y]])
            cv2.polylines(ink, [outline], isClosed=False, color=255, thickness=1)
    return ink


@pytest.mark.parametrize("turns", range(4))
def test_level_lines_with_pulses_are_traces_that_stand_still(turns):
    ink = np.ascontiguousarray(np.rot90(still_page(pulses=True), turns))
    sides = find_orientation(ink, px_per_mm=SCALE)
    assert sides.beats == 0
    assert sides.still_mm > 6 * 150
    assert sides.quarter_turns == -turns % 4


def test_level_lines_without_pulses_are_those_of_a_form():
    sides = find_orientation(still_page(pulses=False), px_per_mm=SCALE)
    assert sides.trace_mm == sides.still_mm == 0


def test_pulses_where_rows_begin_tell_left_from_right():
    ink = 255 - draw(Sheet(grid_rgb=None), View(px_per_mm=(SCALE, SCALE))).pixels[..., 0]
    right = find_orientation(ink, px_per_mm=SCALE)
    through = find_orientation(np.ascontiguousarray(ink[:, ::-1]), px_per_mm=SCALE)
    assert right.cues[5] > 0.5
    assert right.cues[5] == pytest.approx(-through.cues[5], abs=0.1)
    bare = 255 - draw(Sheet(grid_rgb=None, pulses=False), View(px_per_mm=(SCALE, SCALE))).pixels
    assert find_orientation(bare[..., 0], px_per_mm=SCALE).cues[5] == pytest.approx(0, abs=0.3)


@pytest.mark.parametrize(("traces", "doubtful"), [(1, True), (3, False)])
def test_writing_above_a_single_short_trace_does_not_tell_its_side(traces, doubtful):
    ink = np.zeros((400, 700), np.uint8)
    across = np.arange(round(80 * SCALE))
    for row in range(traces):
        down = 140 + 80 * row + np.round(6 * np.sin(across / 9)).astype(int)
        for thick in (0, 1):
            ink[down + thick, 100 + across] = 255
    for letter in range(20):
        ink[40:52, 100 + 16 * letter : 108 + 16 * letter] = 255
    sides = find_orientation(ink, px_per_mm=SCALE)
    assert sides.quarter_turns == 0
    assert (sides.margin < 1) == doubtful
