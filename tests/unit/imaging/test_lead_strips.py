"""Leads as strips of ink: where they stand, when they were printed, and what is not shown."""

import cv2
import numpy as np
import pytest

from ecgbatch.imaging.lead_strips import FRAME_COLUMNS, FULL, MOST_FRAMES, STRIP_ROWS, cut_strips
from ecgbatch.types import LEADS, Region

SCALE = {"speed_mm_per_s": 25.0, "gain_mm_per_mv": 10.0}


def region(lead, left_px, right_px, baseline_px, t0_ms=0.0, *, inverted=False):
    top, bottom = baseline_px - 30, baseline_px + 30
    place = (left_px, top, right_px, bottom, baseline_px)
    return Region(lead, "strip", "read", *place, t0_ms, inverted)


def stepped(px_per_mm, *, mv=1.0, paper=230, ink=30):
    """2.5 s of a line at zero that rises to some millivolts in its second half."""
    width, height = round(62.5 * px_per_mm), round(60 * px_per_mm)
    page = np.full((height, width + 40), paper, np.uint8)
    zero = height // 2
    points = np.array(
        [
            (20, zero),
            (20 + width // 2, zero),
            (20 + width // 2, zero - mv * 10 * px_per_mm),
            (20 + width, zero - mv * 10 * px_per_mm),
        ]
    )
    thick = max(1, round(0.3 * px_per_mm))
    cv2.polylines(page, [np.rint(points).astype(np.int32)], False, ink, thick)
    return page, zero, width


@pytest.mark.parametrize("px_per_mm", [4.0, 10.0])
def test_a_millivolt_is_twenty_rows_and_a_second_eighty_columns_at_any_scale(px_per_mm):
    page, zero, width = stepped(px_per_mm)
    there = region("V2", 20, 20 + width, zero, 2500.0)
    later = region("I", 20, 20 + width, zero)
    strips = cut_strips(page, [later, there], px_per_mm=px_per_mm, **SCALE)
    assert strips.ink.shape == (1, 12, STRIP_ROWS, FRAME_COLUMNS)
    v2 = strips.ink[0, LEADS.index("V2")]
    assert np.flatnonzero(strips.shown[0, LEADS.index("V2")]).tolist() == list(range(200, 400))
    assert abs(int(v2[:, 240].argmax()) - STRIP_ROWS // 2) <= 1
    assert abs(int(v2[:, 380].argmax()) - (STRIP_ROWS // 2 - 20)) <= 1
    assert abs(int(v2[:, 240].max()) - FULL) < 40


def test_what_is_not_shown_is_empty():
    page, zero, width = stepped(4.0)
    strips = cut_strips(page, [region("II", 20, 20 + width, zero)], px_per_mm=4.0, **SCALE)
    others = [place for place, name in enumerate(LEADS) if name != "II"]
    assert not strips.ink[0, others].any()
    assert not strips.shown[0, others].any()
    assert not strips.ink[0, 1][:, ~strips.shown[0, 1]].any()


def test_a_lead_that_is_printed_upside_down_is_turned_back():
    page, zero, width = stepped(4.0)
    ordinary, turned = (
        cut_strips(
            page, [region("aVR", 20, 20 + width, zero, inverted=way)], px_per_mm=4.0, **SCALE
        ).ink[0, LEADS.index("aVR")]
        for way in (False, True)
    )
    np.testing.assert_array_equal(turned, ordinary[::-1])


def test_the_longest_printing_of_a_lead_counts():
    page, zero, width = stepped(4.0)
    whole = region("II", 20, 20 + width, zero)
    part = region("II", 20, 60, zero - 40)
    one, both = (
        cut_strips(page, regions, px_per_mm=4.0, **SCALE) for regions in ([whole], [part, whole])
    )
    np.testing.assert_array_equal(one.ink, both.ink)


def test_vertical_lines_of_a_grid_and_shades_of_paper_are_no_ink():
    page, zero, width = stepped(4.0)
    lines = np.where(np.arange(page.shape[1]) % 20 < 2, 60, 0) + np.linspace(0, 50, page.shape[1])
    shaded = np.clip(page.astype(int) - lines, 0, 255).astype(np.uint8)
    there = [region("II", 20, 20 + width, zero)]
    clean, marked = (
        cut_strips(each, there, px_per_mm=4.0, **SCALE).ink[0, 1] for each in (page, shaded)
    )
    rows = np.arange(STRIP_ROWS)[:, None]
    heights = [(part * rows).sum(axis=0)[:200] / part.sum(axis=0)[:200] for part in (clean, marked)]
    assert np.abs(heights[0] - heights[1]).max() < 1.5


def test_regions_beyond_the_page_and_pages_without_a_standard_lead_give_what_there_is():
    page, zero, width = stepped(4.0)
    beside = region("I", page.shape[1] + 5, page.shape[1] + 50, zero)
    above = region("II", 20, 20 + width, -500)
    extra = region("V7", 20, 20 + width, zero)
    assert not len(cut_strips(page, [beside, above, extra], px_per_mm=4.0, **SCALE).ink)
    edge = cut_strips(page, [region("III", 20, 20 + width, 3)], px_per_mm=4.0, **SCALE)
    assert edge.shown.any()


def test_an_hour_of_a_strip_is_seen_at_a_few_places():
    page = np.full((80, 4000), 220, np.uint8)
    page[40] = 0
    strips = cut_strips(
        page, [region("II", 0, 4000, 40)], px_per_mm=4.0, speed_mm_per_s=6.25, gain_mm_per_mv=5.0
    )
    assert len(strips.ink) == MOST_FRAMES
    assert strips.shown[:, 1].all()
