"""One confidence and one overlap per started second."""

import numpy as np
import pytest

from ecgbatch.signal.record import read_lead
from ecgbatch.types import Region, Trace

SCALE = {
    "px_per_mm": 10.0,
    "source_px_per_mm": 8.0,
    "speed_mm_per_s": 25.0,
    "gain_mm_per_mv": 10.0,
    "fs_hz": 500.0,
}


def read(*, seconds=2.5, doubt_mm=0.0, overlap=False, missing=None):
    samples = int(seconds * 1000) + 1
    y_px = np.full(samples, 90, np.float32)
    doubt, near = np.zeros(samples, np.float32), np.zeros(samples, np.bool_)
    doubt[1000:2000], near[1000:1500] = doubt_mm, overlap
    if missing is not None:
        y_px[missing] = np.nan
        doubt[missing] = 1.0
    region = Region("II", "strip", "read", 100.0, 0.0, 100 + seconds * 250, 200.0, 100.0, 0.0)
    return read_lead(Trace(region, 100.0, 0.25, y_px, near, doubt), **SCALE)


@pytest.mark.parametrize(("seconds", "started"), [(1.0, 2), (2.5, 3), (0.5, 1)])
def test_every_started_second_has_its_numbers(seconds, started):
    lead = read(seconds=seconds)
    assert lead.confidence.shape == lead.overlap_s.shape == (started,)
    assert (lead.confidence > 0.9).all()
    assert not lead.overlap_s.any()


def test_a_doubt_lowers_the_confidence_of_its_own_second_the_more_the_larger_it_is():
    sure, doubted, lost = (read(doubt_mm=mm).confidence for mm in (0.0, 0.4, 2.0))
    assert sure[1] > doubted[1] > lost[1]
    assert sure[0] == doubted[0] == lost[0]
    assert lost[1] < 0.5


def test_overlap_is_told_in_seconds_of_each_second():
    assert read(overlap=True).overlap_s == pytest.approx([0.0, 0.5, 0.0], abs=0.01)


def test_a_second_of_which_nothing_was_read_has_no_confidence_and_half_a_one_has_less():
    lead = read(missing=slice(1000, 2001))
    assert np.isnan(lead.confidence[1])
    half = read(missing=slice(1000, 1500)).confidence
    assert half[1] < half[0]
