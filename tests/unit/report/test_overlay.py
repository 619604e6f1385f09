"""Curves are drawn where they were read, and gaps stay gaps."""

import numpy as np
import pytest

from ecgbatch.report import canvas, leads_panel, overlay
from ecgbatch.report.paper import upright_paper
from ecgbatch.types import LEADS, Lead
from tests.factories_tables import row


def lead(
    name="II", *, samples, origin_px=(100.0, 400.0), box_px=(100.0, 200.0, 725.0, 600.0), **other
):
    return Lead(
        lead=name,
        role=other.get("role", "strip"),
        name_source=other.get("name_source", "read"),
        t0_ms=other.get("t0_ms", 0.0),
        fs_hz=500.0,
        native_fs_hz=200.0,
        signal_uv=np.array(samples, dtype=np.float32),
        overlap=0.0,
        quality=1.0,
        box_px=box_px,
        origin_px=origin_px,
    )


def coloured(picture, colour, *, within=60):
    """Places (row, column) that have nearly the colour; thin lines are lighter than their ink."""
    distance = np.abs(picture.astype(int) - np.array(colour)).max(axis=2)
    return np.argwhere(distance < within)


def test_a_curve_is_interrupted_where_a_value_is_missing():
    picture = canvas.blank(width_px=100, height_px=20)
    y = np.full(100, 10.0)
    y[40:60] = np.nan
    canvas.curve(picture, np.arange(100.0), y, colour=(0, 0, 0))
    columns = set(coloured(picture, (0, 0, 0))[:, 1])
    # A line fades over its last pixel.
    assert columns == {*range(1, 39), *range(61, 99)}


def test_a_single_sample_between_gaps_is_seen():
    picture = canvas.blank(width_px=40, height_px=20)
    y = np.full(40, np.nan)
    y[20] = 10.0
    canvas.curve(picture, np.arange(40.0), y, colour=(0, 0, 0))
    assert len(coloured(picture, (0, 0, 0))) >= 1


def test_a_curve_far_outside_the_picture_is_clipped_and_not_wrapped():
    picture = canvas.blank(width_px=40, height_px=20)
    canvas.curve(picture, np.arange(40.0), np.full(40, 1e9), colour=(0, 0, 0))
    assert (picture == 255).all()


def test_a_millivolt_stands_where_paper_and_ruler_put_it():
    # 1 mV at 10 mm/mV and 10 px/mm is 100 px above the zero line; 200 ms at 25 mm/s are 50 px.
    page = row("pages", homography=np.eye(3).ravel().tolist())
    pixels = np.full((1000, overlay._PAGE_WIDTH_PX), 255, np.uint8)  # drawn at its own scale
    samples = np.full(300, np.nan)
    samples[100:200] = 1000
    drawn = lead(samples=samples, box_px=None)
    picture = overlay._page_with_curves(page, [drawn], np.dstack([pixels] * 3))
    rows, columns = coloured(picture, canvas.lead_colour("II")).T
    assert set(rows) == {300}
    assert abs(columns.min() - (100 + 50)) <= 1
    assert abs(columns.max() - (100 + 199 / 500 * 250)) <= 1.5


def test_a_turned_page_is_drawn_upright():
    # Rectified (x, y) lies at source (y, width - x): the source page stands on its side.
    source = np.full((300, 200, 3), 255, np.uint8)
    source[290:300, :50] = 0
    homography = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 299.0], [0.0, 0.0, 1.0]])
    page = row("pages", homography=homography.ravel().tolist())
    upright = upright_paper(page, source)
    rows, columns = coloured(upright, (0, 0, 0)).T
    assert columns.max() < 10
    assert rows.max() == 49


def test_rows_of_the_panel_follow_the_record_and_end_with_the_rhythm():
    samples = np.zeros(1250)
    leads = [lead("II", samples=np.zeros(5000), role="rhythm")]
    leads += [lead(name, samples=samples) for name in reversed(LEADS)]
    panel = leads_panel.draw(leads, width_px=1000)
    heights = [
        np.median(
            coloured(panel[:, leads_panel._NAME_PX :], canvas.lead_colour(name), within=9)[:, 0]
        )
        for name in ("I", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
    ]
    assert heights == sorted(heights)
    rhythm = coloured(panel[:, 900:], canvas.lead_colour("II"))
    assert rhythm[:, 0].min() > heights[-1]


@pytest.mark.parametrize(
    "page",
    [
        row("pages", flags=["names_guessed", "gain_assumed"]),
        row("pages", speed_mm_per_s=None, gain_mm_per_mv=None),
        row("pages", px_per_mm_x=None, rotation_deg=None, homography=None, quality_class="poor"),
    ],
)
@pytest.mark.parametrize("shape", [(700, 500), (700, 500, 3), None])
@pytest.mark.parametrize("whole_paper", [False, True])
def test_every_kind_of_page_becomes_a_picture(page, shape, whole_paper):
    pixels = None if shape is None else np.full(shape, 200, np.uint8)
    leads = [
        lead(samples=[0, 500, np.nan]),
        lead("V1", samples=[np.nan], box_px=None, origin_px=None),
    ]
    picture = overlay.published_picture(page, leads, pixels, whole_paper=whole_paper)
    assert picture.dtype == np.uint8
    assert picture.shape[2] == 3


@pytest.mark.parametrize("page_no", [0, 2])
def test_a_quarantined_page_is_a_picture_of_its_reasons(page_no):
    rows = [row("quarantine", page_no=page_no), row("quarantine", reason="timeout")]
    with_paper = overlay.quarantined_picture(rows, np.zeros((300, 200), np.uint8))
    without = overlay.quarantined_picture(rows, None)
    assert with_paper.shape[1] > without.shape[1]
