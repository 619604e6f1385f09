"""Paper is drawn as it was read: flat pages by their plane, curved ones by their bends."""

import numpy as np
import pytest

from ecgbatch.imaging.upright import stand_upright
from ecgbatch.report.paper import upright_paper
from ecgbatch.types import Page
from tests.factories_pages import View, draw
from tests.factories_tables import row


@pytest.fixture(scope="module")
def curled():
    """A sheet that does not lie flat, and its row of ``pages``."""
    pixels = draw(view=View(curl_mm=2.0)).pixels
    upright = stand_upright(Page(pixels), px_per_mm=10.0)
    page = row(
        "pages",
        homography=upright.warp.homography.ravel().tolist(),
        rectified_px_per_mm=10.0,
        rotation_deg=upright.warp.rotation_deg,
        flags=[str(flag) for flag in upright.flags],
        dpi_x=None,
        dpi_y=None,
    )
    return pixels, page, upright


def dark(picture):
    return picture.min(axis=2) < 90


def test_curved_paper_is_drawn_along_its_bends(curled):
    pixels, page, upright = curled
    assert "curved" in page["flags"]
    picture = upright_paper(page, pixels)
    assert picture.shape[:2] == upright.pixels.shape
    ink = upright.pixels < 90
    assert (dark(picture) & ink).sum() > 0.9 * ink.sum()


def test_paper_that_measures_differently_now_is_drawn_by_its_plane(curled):
    pixels, page, upright = curled
    shifted = np.array(page["homography"]).reshape(3, 3) @ [[1, 0, 50], [0, 1, 0], [0, 0, 1]]
    picture = upright_paper({**page, "homography": shifted.ravel().tolist()}, pixels)
    ink = upright.pixels < 90
    common = min(picture.shape[0], ink.shape[0]), min(picture.shape[1], ink.shape[1])
    overlap = dark(picture)[: common[0], : common[1]] & ink[: common[0], : common[1]]
    assert overlap.sum() < 0.5 * ink.sum()


def test_paper_that_cannot_be_measured_any_more_is_drawn_by_its_plane(curled):
    _, page, _ = curled
    picture = upright_paper(page, np.full((800, 1000, 3), 255, np.uint8))
    assert picture.shape[2] == 3
