"""What is said of a page besides its pixels."""

import numpy as np
import pytest

from ecgbatch.flags import Flag
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
