"""Pages without a grid: how far they are turned."""

import cv2
import numpy as np
import pytest

from ecgbatch.flags import Flag
from ecgbatch.imaging.skew import find_skew
from ecgbatch.imaging.upright import stand_upright
from ecgbatch.synth.heart import simulate
from ecgbatch.synth.layouts import layout
from ecgbatch.synth.paper import render
from ecgbatch.synth.style import style
from ecgbatch.types import Page

DPI = 150.0
PX_PER_MM = (DPI / 25.4, DPI / 25.4)


@pytest.fixture(scope="module")
def page():
    drawn = render(
        simulate(3, seconds=11.0).by_name(),
        fs_hz=500.0,
        layout=layout("3x4+1R"),
        style=style("no_grid"),
        dpi=DPI,
        seed=3,
    )
    return drawn.pixels


def turned(pixels, skew_deg):
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -skew_deg, 1.0)
    return cv2.warpAffine(pixels, matrix, (width, height), borderValue=(255, 255, 255))


@pytest.mark.parametrize("skew_deg", [-4.8, -1.3, 0.6, 3.2])
@pytest.mark.parametrize("on_its_side", [False, True])
def test_the_rows_of_a_page_without_a_grid_tell_its_skew(page, skew_deg, on_its_side):
    pixels = np.ascontiguousarray(np.rot90(turned(page, skew_deg), int(on_its_side)))
    assert find_skew(pixels, px_per_mm=PX_PER_MM) == pytest.approx(skew_deg, abs=0.15)


def test_a_straight_page_stays_exactly_straight(page):
    assert find_skew(page, px_per_mm=PX_PER_MM) == 0


def test_skew_is_told_in_millimetres_where_pixels_are_not_square(page):
    fax = cv2.resize(turned(page, 2.5), None, fx=1.0, fy=0.5, interpolation=cv2.INTER_AREA)
    scale = (PX_PER_MM[0], PX_PER_MM[1] / 2)
    assert find_skew(fax, px_per_mm=scale) == pytest.approx(2.5, abs=0.15)


def test_paper_without_rows_is_left_as_it_lies():
    noise = np.random.default_rng(0).integers(0, 256, (900, 1200)).astype(np.uint8)
    assert find_skew(noise, px_per_mm=PX_PER_MM) == 0
    assert find_skew(np.full((900, 1200), 255, np.uint8), px_per_mm=PX_PER_MM) == 0


def test_a_page_without_a_grid_stands_straight_when_it_is_upright(page):
    upright = stand_upright(Page(turned(page, 3.0), dpi_x=DPI, dpi_y=DPI), px_per_mm=10.0)
    assert Flag.GRID_ABSENT in upright.flags
    assert upright.warp.rotation_deg == pytest.approx(3.0, abs=0.15)


@pytest.mark.parametrize("skew_deg", [0.0, 3.0])
def test_pulses_tell_the_scale_of_a_page_without_a_grid_and_without_tags(page, skew_deg):
    rows, columns = page.shape[:2]
    wide = cv2.copyMakeBorder(page, rows // 9, 0, columns // 9, 0, cv2.BORDER_REPLICATE)
    upright = stand_upright(Page(turned(wide, skew_deg)), px_per_mm=10.0)
    assert Flag.SCALE_ASSUMED in upright.flags
    assert upright.grid.source == "pulse"
    assert upright.grid.px_per_mm_x == pytest.approx(PX_PER_MM[0], rel=0.015)
