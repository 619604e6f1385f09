import numpy as np
import pytest

from ecgbatch.signal.limbs import check_limbs
from ecgbatch.types import Lead

FS_HZ = 500.0
T = np.arange(1250) / FS_HZ


def potentials():
    """Two independent limb potentials of 0.5 to 1 mV, in µV."""
    phase = T % 0.8
    one = 900 * np.exp(-0.5 * ((phase - 0.3) / 0.015) ** 2)
    two = 500 * np.exp(-0.5 * ((phase - 0.33) / 0.02) ** 2)
    wave = 200 * np.exp(-0.5 * ((phase - 0.55) / 0.05) ** 2)
    return one + wave, two - 0.5 * wave


def limb_leads():
    i, iii = potentials()
    ii = i + iii
    return {
        "I": i,
        "II": ii,
        "III": iii,
        "aVR": -(i + ii) / 2,
        "aVL": (i - iii) / 2,
        "aVF": (ii + iii) / 2,
    }


def printed(names, *, as_names=None, t0_ms=0.0, role="strip", **changes):
    leads = limb_leads() | changes
    return [
        Lead(
            lead=shown,
            role=role,
            name_source="guessed",
            t0_ms=t0_ms,
            fs_hz=FS_HZ,
            native_fs_hz=FS_HZ,
            signal_uv=leads[name].astype(np.float32),
            overlap=0.0,
            quality=1.0,
        )
        for name, shown in zip(names, as_names or names, strict=True)
    ]


def page(first=("I", "II", "III"), second=("aVR", "aVL", "aVF")):
    """Two columns with a rhythm row of II below, named in the usual order."""
    return [
        *printed(first, as_names=("I", "II", "III")),
        *printed(second, as_names=("aVR", "aVL", "aVF"), t0_ms=2500.0),
        *printed(["II"], role="rhythm"),
        *printed(["II"], role="rhythm", t0_ms=2500.0),
    ]


def test_true_limb_leads_leave_nothing():
    check = check_limbs(page())
    assert check.complete
    assert check.worst_share == pytest.approx(0, abs=1e-4)
    assert check.einthoven_uv == pytest.approx(0, abs=0.05)
    assert check.goldberger_uv == pytest.approx(0, abs=0.05)


def test_what_is_left_is_measured_in_microvolts():
    shaken = limb_leads()["II"] + 30 * np.sin(2 * np.pi * 50 * T)
    check = check_limbs(printed(["I", "II", "III"], II=shaken))
    assert check.einthoven_uv == pytest.approx(30 / 2**0.5, rel=0.01)


def test_offsets_do_not_count_because_paper_prints_no_zero():
    check = check_limbs(printed(["I", "II", "III"], II=limb_leads()["II"] + 800))
    assert check.einthoven_share == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("II", "I", "III"), ("aVR", "aVL", "aVF")),
        (("I", "II", "III"), ("aVF", "aVL", "aVR")),
        (("aVL", "I", "aVR"), ("II", "aVF", "III")),  # the order of Cabrera
        (("aVR", "aVL", "aVF"), ("I", "II", "III")),
    ],
)
def test_names_in_another_order_are_noticed(first, second):
    assert check_limbs(page(first, second)).worst_share > 0.5


def test_columns_that_stand_apart_cannot_be_tied():
    check = check_limbs([*printed(["I", "II", "III"]), *printed(["aVR", "aVL", "aVF"], t0_ms=2500)])
    assert not check.complete
    assert np.isnan(check.tie_share)
    assert np.isfinite(check.einthoven_share + check.goldberger_share)


def test_chest_leads_alone_say_nothing():
    leads = printed(["I", "II", "III"], as_names=["V1", "V2", "V3"])
    check = check_limbs(leads)
    assert np.isnan(check.worst_share)
    assert np.isnan(check.einthoven_uv)


def test_two_printings_of_one_lead_must_agree():
    same = [*printed(["II"]), *printed(["II"], role="rhythm")]
    other = [*printed(["II"]), *printed(["III"], as_names=["II"], role="rhythm")]
    assert check_limbs(same).repeat_share == pytest.approx(0, abs=1e-6)
    assert check_limbs(other).repeat_share > 0.3


def test_less_than_half_a_second_together_is_not_compared():
    late = printed(["II"], t0_ms=2100.0)
    assert np.isnan(check_limbs([*printed(["I", "III"]), *late]).einthoven_uv)


def test_gaps_are_left_out():
    torn = limb_leads()["II"].copy()
    torn[100:300] = np.nan
    check = check_limbs(printed(["I", "II", "III"], II=torn))
    assert check.einthoven_share == pytest.approx(0, abs=1e-4)
