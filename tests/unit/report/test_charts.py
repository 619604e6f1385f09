"""Charts are whole SVG, to scale, and nothing in them is taken as markup."""

from xml.etree import ElementTree as ET

import pytest

from ecgbatch.report.charts import Bar, bars, line, share, stacked

SVG = "{http://www.w3.org/2000/svg}"


def shapes(chart, name):
    return [element.attrib for element in ET.fromstring(str(chart)).iter(f"{SVG}{name}")]


def test_bars_are_as_long_as_their_values():
    drawn = shapes(
        bars([Bar("a", 10, "10"), Bar("b", 5, "5"), Bar("c", 0, "0")], title="t"), "rect"
    )
    lengths = [float(shape["width"]) for shape in drawn]
    assert lengths[0] == pytest.approx(2 * lengths[1], abs=0.2)
    assert lengths[2] == 0


def test_the_parts_of_a_share_fill_it():
    drawn = shapes(share([Bar("a", 3, "3"), Bar("b", 1, "1")], title="t"), "rect")
    first, second = drawn
    assert float(first["width"]) == pytest.approx(3 * float(second["width"]))
    assert float(second["x"]) == pytest.approx(float(first["width"]))


def test_a_histogram_stacks_its_kinds_up_from_the_axis():
    drawn = shapes(stacked({"good": [0, 2], "poor": [1, 2]}, upto=1.0, title="t"), "rect")
    by_kind = {(shape["class"], float(shape["x"]) > 300): shape for shape in drawn}
    assert len(drawn) == 3  # nothing is drawn where nothing was counted
    good, poor = by_kind["good", True], by_kind["poor", True]
    assert float(poor["y"]) + float(poor["height"]) == pytest.approx(float(good["y"]))
    alone = by_kind["poor", False]
    assert float(alone["height"]) == pytest.approx(float(poor["height"]) / 2)


def test_a_line_holds_each_value_from_the_point_before():
    (drawn,) = shapes(line([(1.0, 4.0), (3.0, 2.0)], x_unit="s", y_unit="", title="t"), "polyline")
    points = [tuple(map(float, point.split(","))) for point in drawn["points"].split()]
    assert len(points) == 4
    assert points[1][0] == points[2][0]  # a step up or down
    assert points[2][1] > points[1][1]  # lower values stand lower


@pytest.mark.parametrize("chart", [bars([], title=""), line([], x_unit="", y_unit="", title="")])
def test_nothing_to_draw_is_an_empty_chart(chart):
    assert ET.fromstring(str(chart)).tag == f"{SVG}svg"


def test_a_name_is_never_markup():
    drawn = bars([Bar("<script>alert(1)</script>", 1, "&", "x'\"")], title="<b>")
    assert "<script>" not in drawn
    ET.fromstring(str(drawn))
