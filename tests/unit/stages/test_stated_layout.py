"""A page is read in the rows and columns that a person stated, whatever it looks like."""

from dataclasses import replace

import numpy as np
import pytest

from ecgbatch.imaging.stated import StatedLayout
from ecgbatch.training.pages import draw_page, rectified
from tests.factories_networks import KnowingNetworks
from tests.unit.stages.test_stage_locate import PX_PER_MM, located


def drawn(layout):
    rng = np.random.default_rng(0)
    page = draw_page(rng, records=None, layouts=[layout], profile="clean", dpi=100)
    return rectified(page, rng, px_per_mm=float(PX_PER_MM))


class SeesWholeRows(KnowingNetworks):
    """Sees rows from end to end, and neither what divides them nor a name."""

    def find(self, page, *, px_per_mm):
        found = super().find(page, px_per_mm=px_per_mm)
        first = found.starts[:, 0] < found.starts[:, 0].min() + 2 * px_per_mm
        last = found.ends[:, 0] > found.ends[:, 0].max() - 2 * px_per_mm
        return replace(
            found, starts=found.starts[first], ends=found.ends[last], names=found.names[:0]
        )


def given(layout, names):
    names = [{"x_mm": None, "y_mm": None, "lead": name} for name in names]
    return [{"page_no": 1, "verdict": "corrected", "layout": layout, "names": names}]


@pytest.mark.parametrize("layout", ["3x4+1R", "6x2", "4x3"])
def test_borders_that_were_not_seen_are_found_where_the_layout_was_stated(layout):
    page = drawn(layout)
    leads = [region.lead for region in page.truth.regions]
    networks = SeesWholeRows(page.truth)
    assert len(located(page, networks)["regions"]) < len(leads)
    row = located(page, networks, given=given(layout, leads))
    assert (row["layout"], [r["lead"] for r in row["regions"]]) == (layout, leads)
    assert {region["name_source"] for region in row["regions"]} == {"reviewed"}
    assert "reviewed" in row["flags"]
    assert "layout_guessed" not in row["flags"]
    for region, truth in zip(row["regions"], page.truth.regions, strict=True):
        left, _, right, _ = truth.box_px
        assert abs(region["left_px"] - left) < 1.5 * PX_PER_MM
        assert abs(region["right_px"] - right) < 3 * PX_PER_MM


def test_a_page_without_so_many_rows_is_what_it_looks_like_and_stays_in_doubt():
    page = drawn("3x4")
    row = located(page, KnowingNetworks(page.truth), given=given("12x1", ["I"] * 12))
    assert (row["layout"], len(row["regions"])) == ("3x4", 12)
    assert [r["lead"] for r in row["regions"]] == [r.lead for r in page.truth.regions]
    assert {"reviewed", "layout_guessed"} <= set(row["flags"])


@pytest.mark.parametrize(
    ("name", "leads"), [("3x4+1R", 13), ("12x1", 12), ("6x2", 12), ("0x4", None), ("3x4+R", None)]
)
def test_names_of_layouts_are_read(name, leads):
    stated = StatedLayout.parse(name)
    assert (stated and stated.leads) == leads


@pytest.mark.parametrize(
    ("lefts", "fits"),
    [
        ([0, 5, 0, 5, 0], True),
        ([0, 0, 5, 0, 5], True),
        ([0, 5, 0, 0], False),
        ([0, 5, 0, 5], False),
    ],
)
def test_a_layout_fits_rows_divided_like_it_with_long_ones_at_either_end(lefts, fits):
    assert StatedLayout(2, 2, 1).fits(lefts) == fits
