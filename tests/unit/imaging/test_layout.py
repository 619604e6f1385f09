from functools import cache

import cv2
import numpy as np
import pytest

from ecgbatch.errors import PageError, Reason
from ecgbatch.imaging.ink import find_ink
from ecgbatch.imaging.layout import find_regions
from ecgbatch.synth import layouts
from ecgbatch.synth.heart import simulate
from ecgbatch.synth.paper import render
from ecgbatch.synth.style import style

PX_PER_MM = 10.0
MM = PX_PER_MM

NAMES = {
    "3x4": "I aVR V1 V4 II aVL V2 V5 III aVF V3 V6",
    "3x4+1R": "I aVR V1 V4 II aVL V2 V5 III aVF V3 V6 II",
    "3x4+3R": "I aVR V1 V4 II aVL V2 V5 III aVF V3 V6 V1 II V5",
    "6x2": "I V1 II V2 III V3 aVR V4 aVL V5 aVF V6",
    "6x2+1R": "I V1 II V2 III V3 aVR V4 aVL V5 aVF V6 II",
    "12x1": "I II III aVR aVL aVF V1 V2 V3 V4 V5 V6",
    "6x1": "I II III aVR aVL aVF",
    "4x3": "I aVL V3 II aVF V4 III V1 V5 aVR V2 V6",
    "1x1": "II",
}


@cache
def heart(condition):
    return simulate(7, seconds=11.0, condition=condition, noise=0.3)


def printed(layout="3x4+1R", *, condition="NORM", rhythm=None, **looks):
    """Render a page at the scale of rectified pages; its grid is gone, as colour removes it."""
    record = heart(condition)
    looks = {"paper": "a4", "header_mm": 30.0, **looks}
    page = render(
        record.by_name(),
        fs_hz=record.fs_hz,
        layout=layouts.layout(layout, rhythm=rhythm),
        style=style("no_grid", **looks),
        dpi=25.4 * PX_PER_MM,
    )
    return page.pixels.max(axis=2), page.truth


def found_on(pixels):
    ink = find_ink(pixels, px_per_mm=PX_PER_MM)
    return find_regions(ink, px_per_mm=PX_PER_MM), ink


def ends_px(region):
    x = region.polyline_px[np.isfinite(region.polyline_px).all(axis=1), 0]
    return x.min(), x.max()


@pytest.mark.parametrize("layout", NAMES)
def test_a_layout_is_found_with_its_leads_where_they_are_printed(layout):
    pixels, truth = printed(layout)

    found, _ = found_on(pixels)

    assert found.name == layout
    assert " ".join(region.lead for region in found.regions) == NAMES[layout]
    for region, true in zip(found.regions, truth.regions, strict=True):
        left, right = ends_px(true)
        assert region.left_px == pytest.approx(left, abs=1.0 * MM)
        assert region.right_px == pytest.approx(right, abs=1.0 * MM)
        assert region.top_px < np.nanmin(true.polyline_px[:, 1])
        assert region.bottom_px > np.nanmax(true.polyline_px[:, 1])
        rest = np.nanmedian(true.polyline_px[:, 1])
        assert region.baseline_px == pytest.approx(rest, abs=1.0 * MM)
        assert region.t0_ms == pytest.approx(true.t0_ms, abs=40)  # a millimetre at 25 mm/s
        assert region.role == true.role
        assert region.name_source == "guessed"
    assert "names_guessed" in found.flags


@pytest.mark.parametrize(
    ("separator", "name_place"),
    [("none", "above"), ("tick", "none"), ("bars", "below"), ("line", "none"), ("dashed", "below")],
)
def test_columns_are_told_by_whatever_mark_or_name_the_cart_prints(separator, name_place):
    pixels, truth = printed(separator=separator, name_place=name_place, joined=True)

    found, _ = found_on(pixels)

    assert found.name == "3x4+1R"
    for region, true in zip(found.regions, truth.regions, strict=True):
        assert region.left_px == pytest.approx(ends_px(true)[0], abs=1.5 * MM)


def test_columns_with_gaps_start_where_their_ink_starts():
    pixels, truth = printed(column_gap_mm=4.0, name_place="none")

    found, _ = found_on(pixels)

    assert found.name == "3x4+1R"
    for region, true in zip(found.regions, truth.regions, strict=True):
        left, right = ends_px(true)
        assert region.left_px == pytest.approx(left, abs=0.5 * MM)
        assert region.right_px == pytest.approx(right, abs=0.5 * MM)


def test_a_page_that_marks_no_columns_is_flagged_as_guessed():
    pixels, _ = printed("3x4", name_place="none", joined=True, pulse="none")

    found, _ = found_on(pixels)

    assert "layout_guessed" in found.flags or found.name == "3x4"


def test_text_marks_and_pulses_are_no_trace_and_all_of_the_traces_is():
    pixels, truth = printed(separator="tick", header="hospital", footer="full")

    found, ink = found_on(pixels)

    kept = (ink > 127) & ~found.not_trace
    traces = np.zeros(ink.shape, np.uint8)
    for region in truth.regions:
        line = np.rint(region.polyline_px).astype(np.int32)
        cv2.polylines(traces, [line], isClosed=False, color=1)
    assert (~found.not_trace)[traces > 0].mean() > 0.995
    near = cv2.dilate(traces, np.ones((15, 15), np.uint8)) > 0
    # a name that touches a tall complex is one piece of ink with it and stays
    assert kept[~near].sum() < 0.015 * kept.sum()


def test_tall_complexes_that_reach_into_the_next_rows_belong_to_no_row_less():
    pixels, truth = printed("6x2", condition="LVH", row_pitch_mm=9.0)

    found, _ = found_on(pixels)

    assert found.name == "6x2"
    tallest = min(truth.regions, key=lambda region: np.nanmin(region.polyline_px[:, 1]))
    for region, true in zip(found.regions, truth.regions, strict=True):
        line = np.rint(true.polyline_px).astype(int)
        inside = (line[:, 1] >= region.top_px) & (line[:, 1] < region.bottom_px)
        assert inside.mean() > 0.98
        assert found.not_trace[line[inside, 1], line[inside, 0]].mean() < 0.02
    assert tallest.box_px[1] < tallest.baseline_px[0, 1] - 9 * MM


def test_a_page_of_two_levels_reads_like_a_grey_one():
    pixels, _ = printed()

    found, _ = found_on(np.where(pixels < 128, 0, 255).astype(np.uint8))

    assert found.name == "3x4+1R"


@pytest.mark.parametrize("lead", ["III", "V1", "V5"])
def test_a_long_row_is_named_after_the_strip_that_it_repeats(lead):
    pixels, _ = printed(rhythm=[lead])

    found, _ = found_on(pixels)

    assert found.regions[-1].role == "rhythm"
    assert found.regions[-1].lead == lead


def test_a_straight_lead_between_the_others_keeps_its_row():
    record = heart("NORM").by_name()
    page = render(
        {**record, "aVF": np.zeros_like(record["aVF"])},
        fs_hz=500.0,
        layout=layouts.layout("6x1"),
        style=style("no_grid", paper="a4"),
        dpi=25.4 * PX_PER_MM,
    )

    found, _ = found_on(page.pixels.max(axis=2))

    assert found.name == "6x1"


def test_bare_paper_and_a_page_of_text_hold_no_trace():
    text = np.full((2000, 1500), 255, np.uint8)
    for row in range(100, 1900, 60):
        words = "the patient was seen in the clinic again and again"
        cv2.putText(text, words, (80, row), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 0, 3, cv2.LINE_AA)
    for page in (np.full((2000, 1500), 255, np.uint8), text):
        with pytest.raises(PageError) as caught:
            found_on(page)
        assert caught.value.reason in {Reason.NO_TRACE, Reason.LAYOUT_UNKNOWN}
