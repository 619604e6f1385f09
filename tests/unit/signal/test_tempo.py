"""What beats say of a scale."""

from dataclasses import fields, replace

import pytest

from ecgbatch.signal.measure import Measurement
from ecgbatch.signal.tempo import gain_fits, is_too_fast, speed_fits

NAN = float("nan")
NOTHING = Measurement(**dict.fromkeys((field.name for field in fields(Measurement)), NAN))
USUAL = replace(
    NOTHING, hr_bpm=72.0, qrs_ms=90.0, qt_ms=390.0, limb_span_uv=1200.0, chest_span_uv=2200.0
)


def faster(page, by):
    return replace(page, hr_bpm=page.hr_bpm * by, qrs_ms=page.qrs_ms / by, qt_ms=page.qt_ms / by)


def higher(page, by):
    return replace(page, limb_span_uv=page.limb_span_uv * by, chest_span_uv=page.chest_span_uv * by)


@pytest.mark.parametrize(("by", "fits", "too_fast"), [(1, 1, 0), (2, 0, 1), (0.5, 0, 0)])
def test_beats_tell_their_speed_from_half_and_twice_of_it(by, fits, too_fast):
    page = faster(USUAL, by)
    assert (speed_fits(page), is_too_fast(page)) == (bool(fits), bool(too_fast))


@pytest.mark.parametrize(
    "ill",
    [
        {"hr_bpm": 150.0, "qt_ms": 270.0},
        {"hr_bpm": 38.0, "qt_ms": 480.0},
        {"qrs_ms": 160.0, "qt_ms": 440.0},
    ],
    ids=["fast", "slow", "wide"],
)
def test_hearts_that_are_unusual_in_one_way_still_tell_it(ill):
    page = replace(USUAL, **ill)
    assert speed_fits(page)
    assert not is_too_fast(page)


@pytest.mark.parametrize(("by", "fits"), [(1, True), (0.5, False), (2, False)])
def test_heights_of_beats_tell_their_gain_from_half_and_twice_of_it(by, fits):
    assert gain_fits(higher(USUAL, by)) == fits


def test_a_page_without_beats_tells_nothing():
    assert not speed_fits(NOTHING)
    assert not gain_fits(NOTHING)
    assert not is_too_fast(NOTHING)
