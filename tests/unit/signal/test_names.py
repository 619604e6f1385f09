"""What leads say of their names: chest leads by their shape, limb leads against other names."""

from dataclasses import replace

import numpy as np
import pytest

from ecgbatch.flags import Flag
from ecgbatch.signal.chest import chest_agrees, polarity
from ecgbatch.signal.limbs import check_limbs
from ecgbatch.signal.quality import judge_page
from ecgbatch.signal.rivals import rival_share
from ecgbatch.synth.heart import simulate
from ecgbatch.types import LEADS, Lead

CABRERA = {"aVL": "I", "I": "II", "aVR": "III", "II": "aVR", "aVF": "aVL", "III": "aVF"}
RIGHT = ("V1", "V2", "V3R", "V4R", "V5R", "V6R")


@pytest.fixture(scope="module")
def signals():
    return simulate(5, condition="NORM").by_name()


def lead(name, signal_uv, *, t0_ms=0.0, role="strip"):
    return Lead(name, role, "guessed", t0_ms, 500.0, 500.0, np.float32(signal_uv), 0.0, 0.95)


def six_by_two(signals, chest=LEADS[6:]):
    """Print limb leads, then chest leads, six together."""
    limb = [lead(name, signals[name][:2500]) for name in LEADS[:6]]
    shown = zip(LEADS[6:], chest, strict=True)
    return limb + [lead(name, signals[true][2500:5000], t0_ms=5000) for name, true in shown]


def three_by_four(signals):
    """Print four columns of 2.5 s and a row of II below them."""
    strips = [
        lead(name, signals[name][1250 * column : 1250 * (column + 1)], t0_ms=2500 * column)
        for column in range(4)
        for name in LEADS[3 * column : 3 * column + 3]
    ]
    return [*strips, lead("II", signals["II"][:5000], role="rhythm")]


def flags(leads):
    return judge_page(
        leads,
        check_limbs(leads),
        lead_flags=(),
        page_flags=(),
        speed_assumed=False,
        gain_assumed=False,
    ).flags


@pytest.mark.parametrize("printed", [six_by_two, three_by_four])
def test_leads_in_the_usual_order_confirm_their_names(signals, printed):
    assert Flag.NAMES_CONFIRMED in flags(printed(signals))


def test_leads_of_the_right_side_do_not_pass_for_v3_to_v6(signals):
    assert Flag.NAMES_CONFIRMED not in flags(six_by_two(signals, RIGHT))


def test_chest_leads_that_are_read_backwards_are_not_confirmed(signals):
    assert Flag.NAMES_CONFIRMED not in flags(six_by_two(signals, LEADS[:5:-1]))


@pytest.mark.parametrize("printed", [six_by_two, three_by_four])
def test_the_order_of_cabrera_is_not_confirmed_as_the_usual_one(signals, printed):
    turned = signals | {"aVR": -signals["aVR"]}
    shown = turned | {CABRERA[name]: turned[name] for name in CABRERA}
    assert Flag.NAMES_CONFIRMED not in flags(printed(shown))


def test_names_that_fit_no_better_than_others_are_not_confirmed(signals):
    """Without lead III, I and II are the same, and nothing tells aVR's half from aVL's."""
    flat = dict.fromkeys(LEADS[:6], 0 * signals["I"]) | {"I": signals["I"], "II": signals["I"]}
    flat |= {"aVR": -signals["I"], "aVL": signals["I"] / 2, "aVF": signals["I"] / 2}
    leads = six_by_two(signals | flat)
    assert check_limbs(leads).worst_share < 1e-3
    assert rival_share(leads) < 1e-3
    assert Flag.NAMES_CONFIRMED not in flags(leads)


def test_a_page_without_limb_leads_has_no_rival_naming(signals):
    assert rival_share(six_by_two(signals)[6:]) == float("inf")


def test_half_of_the_chest_leads_confirm_nothing(signals):
    leads = six_by_two(signals)
    assert chest_agrees(leads)
    assert chest_agrees(leads[:6])  # none to ask
    assert not chest_agrees(leads[:9])


def test_polarity_runs_from_minus_one_to_one_and_waves_do_not_count():
    t = np.arange(1250) / 500
    spikes = 900 * np.exp(-0.5 * (((t % 0.8) - 0.3) / 0.012) ** 2)
    waves = 300 * np.exp(-0.5 * (((t % 0.8) - 0.6) / 0.06) ** 2)
    up = lead("V1", spikes - waves)
    assert polarity(up) > 0.8
    assert polarity(replace(up, signal_uv=-up.signal_uv)) < -0.8
    assert np.isnan(polarity(lead("V1", np.full(100, np.nan))))
