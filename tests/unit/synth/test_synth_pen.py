"""Strokes against geometry: where a line lies, how wide it is, and what an exact pen would draw."""

import numpy as np
import pytest

from ecgbatch.synth import pen


def picture(ink, rows, columns):
    image = np.zeros((rows, columns))
    image[ink.row, ink.column] = ink.share
    return image


def drawn_by_distance(x, y, width, rows, columns, fine=10):
    """The same stroke by brute force: fine points closer to the path than half the width."""
    down, across = (np.mgrid[0 : rows * fine, 0 : columns * fine] + 0.5) / fine - 0.5
    nearest = np.full(down.shape, np.inf)
    for ax, ay, bx, by in zip(x[:-1], y[:-1], x[1:], y[1:], strict=True):
        along = ((across - ax) * (bx - ax) + (down - ay) * (by - ay)) / (
            (bx - ax) ** 2 + (by - ay) ** 2
        )
        along = np.clip(along, 0, 1)
        distance = np.hypot(across - ax - along * (bx - ax), down - ay - along * (by - ay))
        nearest = np.minimum(nearest, distance)
    return (nearest <= width / 2).reshape(rows, fine, columns, fine).mean(axis=(1, 3))


@pytest.mark.parametrize("height", [20.0, 20.25, 20.37, 20.5, 20.81])
@pytest.mark.parametrize("width", [1.0, 1.97, 3.2])
def test_a_level_line_lies_where_it_was_drawn_and_is_as_wide(height, width):
    [ink] = pen.stroke(np.array([3.0, 60.0]), np.full(2, height), width_px=width)
    columns = picture(ink, 40, 70)[:, 10:50]
    centre = (columns * np.arange(40)[:, None]).sum(axis=0) / columns.sum(axis=0)
    # A pixel that is inked in part counts at its centre: that alone moves a centroid by 0.02 px.
    assert np.abs(centre - height).max() < 0.025
    assert np.abs(columns.sum(axis=0) - width).max() < 0.01


@pytest.mark.parametrize("width", [1.0, 2.0, 3.1])
@pytest.mark.parametrize("curve", ["slope", "peak", "wave", "many samples per pixel"])
def test_a_stroke_is_what_a_round_pen_would_draw(curve, width):
    x, y = {
        "slope": (np.array([5.3, 38.0]), np.array([5.0, 33.0])),
        "peak": (np.array([4.0, 18.1, 20.3, 22.6, 40.0]), np.array([30.0, 30.0, 3.7, 33.0, 30.0])),
        "wave": (np.linspace(4, 40, 90), 20 + 9 * np.sin(np.linspace(0, 9, 90))),
        "many samples per pixel": (np.linspace(4, 20, 160), 20 + 7 * np.sin(np.arange(160) / 15)),
    }[curve]
    [ink] = pen.stroke(x, y, width_px=width)
    ours, exact = picture(ink, 40, 46), drawn_by_distance(x, y, width, 40, 46)
    assert ours.sum() == pytest.approx(exact.sum(), rel=0.02)
    assert np.abs(ours - exact).max() < 0.13
    assert np.sqrt(((ours - exact)[exact > 0] ** 2).mean()) < 0.03


def test_the_tip_of_a_sharp_peak_is_not_cut():
    x = np.array([0.0, 10.06, 10.27, 10.49, 20.0])  # between two of the pen's vertical lines
    [ink] = pen.stroke(x, np.array([30.0, 30.0, 2.0, 30.0, 30.0]), width_px=2.0)
    # The pen's rim reaches a radius above the tip: from row 1.0 on there is ink.
    assert ink.row.min() == 1


def test_a_missing_sample_lifts_the_pen():
    y = np.full(100, 10.0)
    y[40:60] = np.nan
    left, right = pen.stroke(np.arange(100.0), y, width_px=2.0)
    assert left.column.max() == 40  # the round end reaches one radius beyond sample 39
    assert right.column.min() == 59


def test_ink_beyond_the_page_is_lost_and_the_rest_stays():
    page = np.full((20, 20, 3), 255, np.uint8)
    [ink] = pen.stroke(np.array([-30.0, 50.0]), np.array([10.0, 10.0]), width_px=1.0)
    pen.apply(page, ink, rgb=(0, 0, 0))
    assert (page[10] == 0).all()
    assert (np.delete(page, 10, axis=0) == 255).all()


def test_a_pulse_covers_the_area_of_its_lines_once():
    corners = np.array([[5.0, 20.0], [10.0, 20.0], [10.0, 5.0], [20.0, 5.0], [20.0, 20.0]])
    ink = pen.angular(corners, width_px=2.0)
    # Four bars of 2 px: 7 + 17 + 12 + 17 long, and three corners of 2 x 2 that two bars share.
    assert ink.share.sum() == pytest.approx(2 * (7 + 17 + 12 + 17) - 3 * 4, abs=1)
    assert ink.box_px == (4, 4, 22, 22)
