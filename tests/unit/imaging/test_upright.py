"""What is said of a page besides its pixels."""

from dataclasses import replace

import numpy as np
import pytest

from ecgbatch.flags import Flag
from ecgbatch.imaging.grid import find_grid
from ecgbatch.imaging.upright import stand_upright
from ecgbatch.types import Page
from tests.factories_pages import Sheet, View, draw

SCALE = 6.0
DPI = SCALE * 25.4


@pytest.fixture(scope="module")
def sheet():
    return draw(Sheet(), View(px_per_mm=(SCALE, SCALE))).pixels


@pytest.mark.parametrize(
    ("share", "dpi", "doubtful"),
    [
        pytest.param(1.0, np.nan, False, id="a usual page without tags"),
        pytest.param(0.48, np.nan, True, id="half a page without tags"),
        pytest.param(0.48, DPI, False, id="half a page whose tags agree with its grid"),
        pytest.param(1.0, 0.7 * DPI, False, id="a print that was shrunk"),
        pytest.param(1.0, 2 * DPI, True, id="tags of twice the grid"),
    ],
)
def test_the_scale_is_doubtful_where_a_grid_makes_the_page_too_small(sheet, share, dpi, doubtful):
    rows, columns = (round(share * side) for side in sheet.shape[:2])
    page = Page(np.ascontiguousarray(sheet[:rows, :columns]), dpi_x=dpi, dpi_y=dpi)
    upright = stand_upright(page, px_per_mm=10.0)
    assert upright.grid.source == "grid"
    assert upright.grid.px_per_mm_x == pytest.approx(SCALE, rel=0.005)
    assert (Flag.SCALE_DOUBTFUL in upright.flags) == doubtful


@pytest.mark.parametrize(
    ("taken_for", "pulses"), [(0.2, True), (0.4, True), (2.0, True), (0.4, False)]
)
def test_pulses_tell_the_distance_of_lines_that_is_not_certain(monkeypatch, pulses, taken_for):
    def misjudged(*args, **keywords):
        found = find_grid(*args, **keywords)
        lattice = found.lattice.counted(taken_for, np.zeros(2))
        return replace(found, lattice=lattice, units=(1.0, 3.0, 1 / taken_for))

    monkeypatch.setattr("ecgbatch.imaging.upright.find_grid", misjudged)
    drawn = draw(Sheet(pulses=pulses), View(px_per_mm=(SCALE, SCALE))).pixels
    upright = stand_upright(Page(drawn, dpi_x=np.nan, dpi_y=np.nan), px_per_mm=10.0)
    scale = SCALE if pulses else SCALE / taken_for
    assert upright.grid.px_per_mm_x == pytest.approx(scale, rel=0.005)
    assert not pulses or Flag.SCALE_DOUBTFUL in upright.flags
