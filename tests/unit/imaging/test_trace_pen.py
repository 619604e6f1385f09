import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgbatch.imaging.pen import centre_line


def edges_of(centre_px, *, per_column, radius_px):
    """Upper and lower edge at every column of what a round pen inks: the definition, slowly."""
    x = np.arange(centre_px.size) / per_column
    columns = np.arange(0, centre_px.size, per_column) / per_column
    reach = radius_px**2 - (x[None, :] - columns[:, None]) ** 2
    half = np.where(reach >= 0, np.sqrt(np.maximum(reach, 0)), np.nan)
    top = np.nanmin(centre_px[None, :] - half, axis=1)
    bottom = np.nanmax(centre_px[None, :] + half, axis=1)
    return top.astype(np.float32), bottom.astype(np.float32)


def test_a_level_line_runs_in_the_middle_of_its_ink():
    top = np.full(20, 9.0, np.float32)
    centre = centre_line(top, top + 3, radius_px=1.5)
    assert centre.size == 19 * 4 + 1
    assert centre == pytest.approx(10.5)


def test_a_peak_is_the_end_of_its_ink_less_half_the_pen():
    # 10 px up and down again within 4 columns: the flanks fill the ink below the peak.
    x = np.arange(0, 40, 1 / 16)
    truth = 30 - np.maximum(0, 10 - 5 * np.abs(x - 20))
    top, bottom = edges_of(truth, per_column=16, radius_px=1.25)
    centre = centre_line(top, bottom, radius_px=1.25)
    assert centre.min() == pytest.approx(20, abs=0.5)
    middle_of_ink = ((top + bottom) / 2).min()
    assert middle_of_ink > 22  # what a decoder without a pen would say


def test_a_gap_stays_a_gap_and_nothing_leaks_into_it():
    top = np.full(30, 9.0, np.float32)
    top[12:15] = np.nan
    centre = centre_line(top, top + 2, radius_px=1)
    columns = np.arange(centre.size) / 4
    assert np.isnan(centre[(columns > 11) & (columns < 15)]).all()
    assert centre[(columns <= 11) | (columns >= 15)] == pytest.approx(10)


def test_no_ink_gives_no_line():
    nothing = np.full(7, np.nan, np.float32)
    assert np.isnan(centre_line(nothing, nothing, radius_px=1)).all()


def test_no_columns_give_no_samples():
    assert centre_line(np.empty(0, np.float32), np.empty(0, np.float32), radius_px=1).size == 0


@given(
    heights=st.lists(st.floats(-8, 8), min_size=6, max_size=12),
    radius_px=st.floats(0.6, 2.5),
)
def test_what_a_pen_drew_is_read_back(heights, radius_px):
    # Knots 8 columns apart, joined smoothly: flanks of up to 45 degrees and more.
    per_column = 16
    knots = np.arange(len(heights)) * 8.0
    x = np.arange(0, knots[-1], 1 / per_column)
    share = x % 8 / 8
    left = np.minimum((x // 8).astype(int), len(heights) - 2)
    ease = (1 - np.cos(np.pi * share)) / 2
    h = np.array(heights)
    truth = 40 + h[left] + (h[left + 1] - h[left]) * ease
    top, bottom = edges_of(truth, per_column=per_column, radius_px=radius_px)
    centre = centre_line(top, bottom, radius_px=radius_px)
    columns = np.arange(centre.size) / 4
    inner = (columns > 3) & (columns < columns[-1] - 3)  # beyond its ends the pen is cut off
    error = centre - np.interp(columns, x, truth)
    # A blunt pen hides the tip of a sharp turn: up to a tenth of a millimetre at 10 px/mm.
    assert np.abs(error[inner]).max() < 1.0
    assert np.sqrt(np.mean(error[inner] ** 2)) < 0.25
