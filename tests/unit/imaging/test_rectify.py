"""The warp from source to upright page, and the grey channel that it draws."""

import cv2
import numpy as np
import pytest

from ecgbatch.errors import PageError, Reason
from ecgbatch.flags import Flag
from ecgbatch.imaging.colour import ink_weights, to_grey
from ecgbatch.imaging.ink import find_ink
from ecgbatch.imaging.layout import find_regions
from ecgbatch.imaging.rectify import FlatPaper, plan_warp, rectify, to_source
from ecgbatch.imaging.upright import stand_upright
from ecgbatch.types import Page, Warp
from tests.factories_pages import BLUE, COLOURS, ORIGIN_MM, Sheet, View, draw

SCALE = 10.0


def test_a_flat_page_is_drawn_at_the_scale_that_was_asked_for():
    source = np.full((200, 300), 250, np.uint8)
    source[:, 100:104] = 0  # 25 to 26 mm at 4 px/mm
    warp = plan_warp(FlatPaper(4.0, 4.0), shape_px=(200, 300), px_per_mm=SCALE)
    page = rectify(source, warp)
    dark = np.flatnonzero(page[page.shape[0] // 2] < 125)
    assert page.shape == warp.shape_px
    assert dark.mean() == pytest.approx(101.5 / 4 * SCALE, abs=0.6)
    assert dark.size == pytest.approx(SCALE, abs=1)


def test_a_fine_pattern_is_averaged_and_does_not_alias():
    source = np.tile(np.array([0, 200], np.uint8), (400, 200))
    warp = plan_warp(FlatPaper(25.0, 25.0), shape_px=source.shape, px_per_mm=SCALE)
    inside = rectify(source, warp)[10:-10, 10:-10]
    assert np.ptp(inside.astype(int)) <= 1
    assert inside.mean() == pytest.approx(100, abs=1)


def test_overlays_find_their_way_back_through_homography_and_mesh():
    mesh = np.zeros((3, 4, 2), np.float32)
    mesh[1, 2] = (6.0, -4.0)
    warp = Warp(np.diag([2.0, 2.0, 1.0]), (201, 301), mesh, 100.0, 0.0)
    at = to_source(np.array([[200.0, 100.0], [150.0, 100.0], [300.0, 200.0]]), warp)
    assert at == pytest.approx(np.array([[406.0, 196.0], [303.0, 198.0], [600.0, 400.0]]))


@pytest.mark.parametrize(
    "view",
    [
        View(px_per_mm=(4.5, 4.5), turn_deg=3),
        View(px_per_mm=(4.5, 4.5), turn_deg=180, perspective=0.06, margin_mm=6, jpeg=85),
        View(px_per_mm=(8.03, 3.86)),
    ],
    ids=["skew", "upside down in perspective", "fax"],
)
def test_heavy_lines_of_the_upright_page_lie_on_multiples_of_five_millimetres(view):
    page = draw(Sheet(), view)
    dpi = (204.0, 98.0) if view.px_per_mm[0] != view.px_per_mm[1] else (np.nan, np.nan)
    upright = stand_upright(Page(page.pixels, *dpi), px_per_mm=SCALE)
    nodes = page.nodes_mm()
    # the page is upright: its nodes lie where paper and ruler say, but for the page's own corner
    height, width = upright.warp.shape_px
    x, y = np.meshgrid(np.arange(0, width, 50.0), np.arange(0, height, 50.0))
    crossings = to_source(np.column_stack([x.ravel(), y.ravel()]), upright.warp)
    expected = page.to_picture(nodes)
    away = np.sqrt(((expected[:, None] - crossings[None]) ** 2).sum(axis=2)).min(axis=1)
    assert np.max(away) < 1.0  # pixels of the source
    assert np.abs(page.to_picture(np.array([ORIGIN_MM]))[0] - crossings).sum(axis=1).min() < 1.0


@pytest.mark.parametrize("colour", ["pink", "red", "blue", "green", "orange"])
def test_a_coloured_grid_fades_and_ink_stays(colour):
    page = draw(Sheet(grid_rgb=COLOURS[colour], header=False), View(px_per_mm=(4.5, 4.5)))
    grey = stand_upright(Page(page.pixels), px_per_mm=SCALE).pixels
    corner = grey[100:500, 1500:2500]  # grid without ink
    assert np.ptp(np.percentile(corner, (1, 99))) < 25
    assert grey.min() < 90
    assert np.median(grey) > 220


def test_grey_pages_pass_as_they_are():
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert to_grey(grey, np.array([1.0, 0, 0, 0])) is grey


def test_weights_keep_the_depth_of_ink_and_the_light_of_paper():
    pixels = np.full((300, 300, 3), (255, 252, 250), np.uint8)
    pixels[::20] = BLUE
    pixels[:, 100:140] = (20, 20, 25)
    taken = np.subtract((255, 252, 250), BLUE)
    direction = taken / np.linalg.norm(taken)
    weights = ink_weights(pixels, grid_rgb=direction, grid_contrast=20.0)
    grey = to_grey(pixels, weights)
    assert int(grey[5, 5]) - int(grey[5, 103]) > 180
    assert abs(int(grey[20, 5]) - int(grey[5, 5])) <= 15


def test_a_page_without_a_grid_takes_its_scale_from_the_file():
    page = draw(Sheet(grid_rgb=None), View(px_per_mm=(4.724, 4.724)))
    upright = stand_upright(Page(page.pixels, 120.0, 120.0), px_per_mm=SCALE)
    assert upright.grid.source == "dpi"
    assert upright.grid.px_per_mm_x == pytest.approx(120 / 25.4)
    assert Flag.GRID_ABSENT in upright.flags


def test_pulses_tell_the_scale_of_a_page_that_has_neither_grid_nor_tags():
    page = draw(Sheet(grid_rgb=None), View(px_per_mm=(4.5, 4.5)))
    upright = stand_upright(Page(page.pixels), px_per_mm=SCALE)
    assert upright.grid.source == "pulse"
    assert upright.grid.px_per_mm_x == pytest.approx(4.5, rel=0.01)
    assert Flag.GRID_ABSENT in upright.flags


def test_a_scale_is_never_assumed_in_silence(monkeypatch):
    monkeypatch.setattr("ecgbatch.imaging.upright.paper_px_per_mm", lambda *_, **__: None)
    page = draw(Sheet(grid_rgb=None), View(px_per_mm=(4.5, 4.5)))
    upright = stand_upright(Page(page.pixels), px_per_mm=SCALE)
    assert upright.grid.source == "assumed"
    assert Flag.SCALE_ASSUMED in upright.flags


@pytest.mark.parametrize("level", [0, 128, 252])
def test_an_empty_page_is_blank(level):
    with pytest.raises(PageError) as caught:
        stand_upright(Page(np.full((800, 600, 3), level, np.uint8)), px_per_mm=SCALE)
    assert caught.value.reason is Reason.BLANK_PAGE


def test_a_page_of_text_is_no_ecg():
    letter = np.full((1400, 1000, 3), 250, np.uint8)
    for line in range(30):
        cv2.putText(
            letter, "Dear colleague, thank you", (60, 100 + 40 * line), 3, 1.1, (9, 9, 9), 2
        )
    with pytest.raises(PageError) as caught:
        stand_upright(Page(letter), px_per_mm=SCALE)
    assert caught.value.reason is Reason.NOT_ECG


def test_empty_graph_paper_holds_no_trace():
    graph = np.full((1000, 1400, 3), 255, np.uint8)
    graph[::25], graph[:, ::25] = (170, 200, 250), (170, 200, 250)
    upright = stand_upright(Page(graph), px_per_mm=SCALE)
    ink = find_ink(upright.pixels, px_per_mm=SCALE)
    with pytest.raises(PageError) as caught:
        find_regions(ink, px_per_mm=SCALE)
    assert caught.value.reason is Reason.NO_TRACE
