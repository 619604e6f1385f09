"""Which of two layouts stands: the one that names and orders fit."""

from dataclasses import replace

import numpy as np
import pytest

from ecgbatch.flags import Flag
from ecgbatch.imaging.choosing import chosen
from ecgbatch.imaging.layout import Layout
from ecgbatch.imaging.printed import PrintedScale
from ecgbatch.imaging.scale import Scale
from ecgbatch.imaging.seeing import SeenPage, with_read_names
from ecgbatch.imaging.seen import SeenLayout, SeenPlace
from ecgbatch.types import LEADS, Region, Strip

MM = 10.0
SCALE = Scale(25.0, "pulse", 10.0, "pulse", ())
SIGHT = Layout("seen", (), (), SCALE, np.zeros((0, 0), np.bool_), 1, (0, 0), ())


def geometry(rows, flags=(Flag.NAMES_GUESSED,)):
    """Twelve rows of one trace each, or as many as there are."""
    regions = [
        Region(lead, "strip", "guessed", 200.0, y - 80.0, 2500.0, y + 80.0, y, 0.0)
        for lead, y in zip(LEADS, rows, strict=False)
    ]
    name = f"{len(regions)}x1"
    return Layout(
        name, tuple(regions), (), SCALE, np.zeros((0, 0), np.bool_), 1, (0, 0), tuple(flags)
    )


def seen(rows, *, fit, name="12x1", likelihood=0.6, flags=()):
    """A page whose names stand above the starts of these rows, read without a doubt."""
    boxes = np.array([(205, y - 62, 235, y - 38, 0.9) for y in rows], float).reshape(-1, 5)
    others = dict.fromkeys((*LEADS, ""), 0.001)
    read = tuple(others | {lead: 0.98} for lead, _ in zip(LEADS, rows, strict=False))
    layout = SeenLayout(name, (), tuple(flags), 0.0)
    return SeenPage(None, boxes, read, layout, likelihood, fit, PrintedScale())


ROWS = [300.0 + 150 * row for row in range(12)]


def fit_of(rows, named=ROWS):
    """How well names fit these rows."""
    return with_read_names(geometry(rows), seen(named, fit=0.0), px_per_mm=MM)[1]


def choice(by_geometry, page):
    return chosen(by_geometry, page, lambda: SIGHT, px_per_mm=MM)


def test_where_both_explain_the_names_geometry_stands_with_the_names_that_were_read():
    found = choice(geometry(ROWS), seen(ROWS, fit=fit_of(ROWS)))
    assert [region.lead for region in found.regions] == list(LEADS)
    assert {region.name_source for region in found.regions} == {"read"}
    assert found.flags == ()


@pytest.mark.parametrize("lost", [3, 11])
def test_where_geometry_misses_a_named_row_what_was_seen_stands(lost):
    rows = [y for row, y in enumerate(ROWS) if row != lost]
    assert choice(geometry(rows), seen(ROWS, fit=fit_of(ROWS))).name == "seen"


def places(rows, *, off=8.0):
    """These rows as they were seen: not quite where their ink is, and surely read."""
    return tuple(
        SeenPlace(lead, False, "strip", True, row, 0, Strip(200 + off, y, 2500, y, 80, 80, 0.6))
        for row, (lead, y) in enumerate(zip(LEADS, rows, strict=True))
    )


def test_where_both_see_the_same_leads_ends_are_those_of_the_ink():
    page = seen([], fit=fit_of(ROWS, named=[]) + 50)
    page = replace(page, layout=replace(page.layout, places=places(ROWS)))
    by_geometry = geometry(ROWS)
    found = choice(by_geometry, page)
    assert [region.left_px for region in found.regions] == [200.0] * 12
    assert {region.name_source for region in found.regions} == {"read"}
    assert found.flags == ()


def test_where_places_differ_the_fit_decides():
    page = seen([], fit=fit_of(ROWS, named=[]) + 50)
    page = replace(page, layout=replace(page.layout, places=places(ROWS, off=200.0)))
    assert choice(geometry(ROWS), page).name == "seen"


def test_traces_without_any_name_are_not_forgotten_for_being_many():
    page = seen([], fit=fit_of(ROWS, named=[]))
    page = replace(page, layout=replace(page.layout, places=places(ROWS)))
    assert choice(geometry(ROWS[:11], flags=[Flag.LAYOUT_GUESSED]), page).name == "seen"


def test_columns_that_were_clearly_seen_stand_against_fewer_traces_without_names():
    cost = fit_of(ROWS[:3], named=[])
    page = seen([], fit=4 * cost, name="3x4")
    page = replace(page, layout=replace(page.layout, places=places(ROWS)))
    guessed = [Flag.NAMES_GUESSED, Flag.LAYOUT_GUESSED]
    assert choice(geometry(ROWS[:3], flags=guessed), page).name == "seen"
    doubtful = replace(page, likelihood=0.25)
    assert choice(geometry(ROWS[:3]), doubtful).name == "3x1"


@pytest.mark.parametrize(("flags", "stands"), [((), True), ((Flag.NAMES_GUESSED,), False)])
def test_what_was_faintly_seen_stands_where_every_name_was_read(flags, stands):
    page = seen(ROWS, fit=fit_of(ROWS), likelihood=0.2, flags=flags)
    assert (choice(geometry(ROWS[1:]), page).name == "seen") == stands


def test_what_was_hardly_seen_does_not_stand():
    rows = ROWS[1:]
    assert choice(geometry(rows), seen(ROWS, fit=fit_of(ROWS), likelihood=0.1)).name == "11x1"


def test_a_page_without_any_seen_trace_stays_as_geometry_found_it():
    page = replace(seen([], fit=-np.inf), layout=None)
    by_geometry = geometry(ROWS)
    assert choice(by_geometry, page) is by_geometry


def test_two_layouts_about_as_likely_are_a_flag():
    page = seen([], fit=fit_of(ROWS, named=[]) - 2, name="6x2")
    found = choice(geometry(ROWS), page)
    assert Flag.LAYOUT_GUESSED in found.flags
