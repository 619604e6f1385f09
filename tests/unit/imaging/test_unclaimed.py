"""Ink that a reading leaves aside, and what else may stand beside a trace."""

import numpy as np
import pytest

from ecgbatch.imaging.unclaimed import LOST_MM, with_unclaimed
from ecgbatch.types import Trace
from tests.factories_ink import draw_ink, region

PX_PER_MM = 10.0
SHAPE = (400, 600)
X = np.arange(20.0, 580.0)
ZERO = 120.0


def beat(depth_px: float):
    """A level line with one narrow S wave at column 300."""
    return ZERO + depth_px * np.exp(-0.5 * ((X - 300) / 8) ** 2)


def traced(y_px) -> Trace:
    return Trace(
        region=region(baseline_px=ZERO),
        x0_px=float(X[0]),
        step_px=1.0,
        y_px=np.asarray(y_px, np.float32),
        overlap=np.zeros(X.size, np.bool_),
        doubt_mm=np.zeros(X.size, np.float32),
    )


def lost(trace: Trace) -> np.ndarray:
    """Columns in which a trace is doubted."""
    return X[trace.doubt_mm >= LOST_MM]


def test_a_peak_that_a_reading_cuts_off_is_doubted_where_it_stands():
    drawn = beat(200.0)
    ink = draw_ink([(X, drawn)], shape=SHAPE, width_px=4)
    (trace,) = with_unclaimed([traced(np.minimum(drawn, ZERO + 40))], ink, px_per_mm=PX_PER_MM)
    assert lost(trace).size > 0
    assert np.abs(lost(trace) - 300).max() < 40


def test_a_reading_of_all_ink_is_not_doubted():
    drawn = beat(200.0)
    ink = draw_ink([(X, drawn)], shape=SHAPE, width_px=4)
    (trace,) = with_unclaimed([traced(drawn + 1)], ink, px_per_mm=PX_PER_MM)
    assert lost(trace).size == 0


@pytest.mark.parametrize(
    "other",
    [
        pytest.param((np.array([300.0, 300.0]), np.array([ZERO, ZERO + 35])), id="a letter"),
        pytest.param((np.array([300.0, 300.0]), np.array([220.0, 390.0])), id="ink far away"),
    ],
)
def test_letters_and_ink_far_away_are_no_reason(other):
    drawn = beat(0.0)
    ink = draw_ink([(X, drawn), other], shape=SHAPE, width_px=4)
    (trace,) = with_unclaimed([traced(drawn)], ink, px_per_mm=PX_PER_MM)
    assert lost(trace).size == 0


def test_a_peak_that_another_trace_claims_is_nobodys_loss():
    drawn, across = beat(200.0), np.full(X.size, 260.0)
    ink = draw_ink([(X, drawn), (X, across)], shape=SHAPE, width_px=4)
    found = with_unclaimed([traced(drawn), traced(across)], ink, px_per_mm=PX_PER_MM)
    assert [lost(trace).size for trace in found] == [0, 0]
