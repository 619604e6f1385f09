"""Gaps of limb leads from the other limb leads, never among the samples."""

import numpy as np
import pytest

from ecgbatch.signal.repair import repaired
from ecgbatch.types import Lead

FS_HZ = 500.0


def potentials(count=1250):
    t = np.arange(count) / FS_HZ
    one = 800 * np.exp(-(((t % 0.8) - 0.3) ** 2) / 2e-4)
    two = 1100 * np.exp(-(((t % 0.8) - 0.31) ** 2) / 3e-4) + 150 * np.sin(2 * np.pi * t)
    return {
        "I": one,
        "II": two,
        "III": two - one,
        "aVR": -(one + two) / 2,
        "aVL": one - two / 2,
        "aVF": two - one / 2,
        "V1": -one,
    }


def lead(name, *, gap=None, level_uv=0.0, t0_ms=0.0, values=None):
    signal = (potentials()[name] if values is None else values) + level_uv
    signal = signal.astype(np.float32)
    if gap is not None:
        signal[gap] = np.nan
    return Lead(name, "strip", "read", t0_ms, FS_HZ, 200.0, signal, 0.0, 1.0)


GAP = slice(600, 750)


@pytest.mark.parametrize("name", ["I", "II", "III", "aVR", "aVL", "aVF"])
def test_a_gap_is_told_by_any_two_others_at_the_level_of_the_lead_itself(name):
    others = [n for n in ("I", "aVF", "III") if n != name][:2]
    broken = lead(name, gap=GAP, level_uv=70.0)
    found, *_ = repaired([broken, *(lead(other, level_uv=-30.0) for other in others)])
    truth = potentials()[name] + 70.0
    np.testing.assert_allclose(found.repaired_uv[GAP], truth[GAP], atol=1.0)
    assert np.isnan(np.delete(found.repaired_uv, np.r_[GAP])).all()
    np.testing.assert_array_equal(found.signal_uv, broken.signal_uv)


def test_what_two_others_lack_too_stays_missing():
    found, *_ = repaired([lead("I", gap=GAP), lead("II", gap=slice(700, 900)), lead("III")])
    assert np.isfinite(found.repaired_uv[600:700]).all()
    assert np.isnan(found.repaired_uv[700:750]).all()


def test_leads_that_contradict_the_others_are_not_filled():
    swapped = lead("I", gap=GAP, values=potentials()["V1"] + 500 * np.sin(np.arange(1250)))
    assert repaired([swapped, lead("II"), lead("III")])[0].repaired_uv is None


@pytest.mark.parametrize(
    "others",
    [
        pytest.param([], id="alone"),
        pytest.param([lead("II")], id="one_other"),
        pytest.param([lead("II"), lead("II")], id="one_other_twice"),
        pytest.param([lead("V1"), lead("II")], id="a_chest_lead"),
        pytest.param([lead("II", t0_ms=2500.0), lead("III", t0_ms=2500.0)], id="another_time"),
    ],
)
def test_nothing_is_repaired_without_two_limb_leads_of_the_same_time(others):
    assert repaired([lead("I", gap=GAP), *others])[0].repaired_uv is None


def test_a_whole_lead_and_an_empty_one_have_nothing_to_repair():
    found = repaired([lead("I"), lead("II", gap=slice(None)), lead("III"), lead("V1", gap=GAP)])
    assert [each.repaired_uv for each in found] == [None] * 4
