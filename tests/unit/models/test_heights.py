"""Distributions over heights read as one trace."""

import numpy as np
import pytest
import torch

from ecgbatch.models.heights import read_heights


def distribution(peaks, absent=0.0):
    share = torch.zeros(101)
    for row, mass in peaks.items():
        share[row] = mass
    share[-1] = absent
    return torch.log(share + 1e-12).expand(1, 4, 101)


def test_a_height_between_two_rows_is_read_to_a_fraction_of_a_pixel():
    y, spread, certainty = read_heights(distribution({40: 0.75, 41: 0.25}))
    assert y[0, 0].item() == pytest.approx(40.25, abs=1e-4)
    assert spread[0, 0].item() == pytest.approx(np.sqrt(0.75 * 0.25), abs=1e-3)
    assert certainty[0, 0].item() == pytest.approx(1.0, abs=1e-6)


def test_where_it_wavers_between_two_traces_the_likelier_is_read_and_not_their_middle():
    y, _, _ = read_heights(distribution({20: 0.4, 80: 0.6}))
    assert y[0, 0].item() == pytest.approx(80.0, abs=0.01)


def test_at_a_crossing_the_trace_goes_on_where_it_came_from():
    steps = [distribution({20: 1.0})[:, :2]] * 6
    crossing = distribution({20: 0.45, 80: 0.55})[:, :2]  # another trace is likelier for a moment
    y, _, _ = read_heights(torch.cat([*steps, crossing, *steps], dim=1))
    assert (y - 20).abs().max() < 0.1


def test_a_peak_is_followed_all_the_way():
    up = [distribution({90 - 10 * step: 1.0})[:, :2] for step in range(9)]
    y, _, _ = read_heights(torch.cat([*up, *up[::-1]], dim=1))
    assert y.min().item() == pytest.approx(10.0, abs=0.1)


def test_certainty_is_what_absence_leaves():
    _, _, certainty = read_heights(distribution({30: 0.3}, absent=0.7))
    assert certainty[0, 0].item() == pytest.approx(0.3, abs=1e-5)


def test_a_number_that_is_none_is_never_a_height():
    logits = distribution({20: 1.0}).clone()
    logits[0, 1, 50] = torch.nan
    y, spread, certainty = read_heights(logits)
    assert np.isnan([y[0, 1], spread[0, 1]]).all()
    assert certainty[0, 1] == 0
    assert torch.isfinite(y[0, [0, 2, 3]]).all()
