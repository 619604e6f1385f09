"""What was clearly seen and has no place in a layout is a doubt of it."""

from dataclasses import replace

import numpy as np
import pytest

from ecgbatch.flags import Flag
from ecgbatch.imaging.layout import Layout
from ecgbatch.imaging.leftovers import with_leftovers
from ecgbatch.imaging.printed import PrintedScale
from ecgbatch.imaging.scale import Scale
from ecgbatch.imaging.seeing import SeenPage
from ecgbatch.imaging.seen import SeenLayout, SeenPlace
from ecgbatch.types import LEADS, Region, Strip

MM = 10.0
SCALE = Scale(25.0, "pulse", 10.0, "pulse", ())


def layout(*leads, rhythm=()):
    regions = [
        Region(lead, role, "read", 200.0, 100.0 * row, 2500.0, 100.0 * row, 100.0 * row, 0.0)
        for row, (lead, role) in enumerate(
            [*((lead, "strip") for lead in leads), *((lead, "rhythm") for lead in rhythm)]
        )
    ]
    empty = np.zeros((0, 0), np.bool_)
    return Layout("any", tuple(regions), (), SCALE, empty, 1, (0, 0), ())


def page(*names, place=0.9, letters=0.98):
    """A page on which these names were read."""
    boxes = np.array([(205, 300, 235, 320, place)] * len(names), float).reshape(-1, 5)
    others = dict.fromkeys((*LEADS, "-aVR", ""), 0.001)
    read = tuple(others | {name: letters} for name in names)
    return SeenPage(None, boxes, read, None, 0.5, 0.0, PrintedScale())


def flags(of_layout, seen):
    return with_leftovers(of_layout, seen, px_per_mm=MM).flags


def test_a_layout_that_has_a_place_for_every_name_stands():
    assert flags(layout(*LEADS, rhythm=["II"]), page(*LEADS, "II")) == ()


def test_a_lead_printed_upside_down_is_that_lead():
    assert flags(layout("aVR"), page("-aVR")) == ()


def test_a_clear_name_without_a_place_is_a_doubt():
    assert flags(layout(*LEADS[:11]), page(*LEADS)) == (Flag.LAYOUT_GUESSED,)


@pytest.mark.parametrize("doubt", [{"place": 0.4}, {"letters": 0.8}])
def test_what_may_be_no_name_needs_no_place(doubt):
    assert flags(layout(*LEADS[:11]), page(*LEADS, **doubt)) == ()


def test_leads_named_again_and_again_are_two_printouts():
    found = flags(layout(*LEADS, rhythm=["II"]), page(*LEADS, "II", *LEADS, "II"))
    assert set(found) == {Flag.LAYOUT_GUESSED, Flag.SEVERAL_ECGS}


def test_one_lead_in_many_rows_is_one_printout():
    found = flags(layout(*["II"] * 6), page(*["II"] * 6))
    assert Flag.SEVERAL_ECGS not in found


@pytest.mark.parametrize(("zero", "doubted"), [(100.0, False), (160.0, True)])
def test_a_clear_trace_where_the_layout_has_none_is_a_doubt(zero, doubted):
    strip = Strip(200, zero, 2500, zero, 80, 80, 0.7)
    place = SeenPlace("II", False, "strip", True, 0, 0, strip)
    seen = replace(page("I", "II"), layout=SeenLayout("any", (place,), (), 0.0))
    assert (Flag.LAYOUT_GUESSED in flags(layout("I", "II"), seen)) == doubted
