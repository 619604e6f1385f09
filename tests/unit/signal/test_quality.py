from dataclasses import replace

import numpy as np
import pytest

from ecgbatch.flags import Flag
from ecgbatch.signal.limbs import LimbCheck
from ecgbatch.signal.quality import doubtful_seconds, judge_lead, judge_page
from ecgbatch.types import Lead
from tests.factories_ink import beats_mv

FS_HZ = 500.0
NAN = float("nan")
AGREE = LimbCheck(5.0, 0.05, 5.0, 0.05, 0.1, 0.05)
SILENT = LimbCheck(NAN, NAN, NAN, NAN, NAN, NAN)


def clean_uv():
    return (1000 * beats_mv(1250)).astype(np.float32)


def test_a_clean_lead_is_near_one_and_has_no_flags():
    score, flags = judge_lead(clean_uv(), fs_hz=FS_HZ, overlap=0.0)
    assert score > 0.95
    assert flags == frozenset()


def test_an_empty_lead_is_nothing():
    empty = np.full(1250, np.nan, np.float32)
    assert judge_lead(empty, fs_hz=FS_HZ, overlap=0.0) == (0.0, {Flag.LOW_COVERAGE})


def test_a_gap_that_hides_a_qrs_is_flagged():
    torn = clean_uv()
    torn[135:150] = np.nan  # 30 ms
    _, flags = judge_lead(torn, fs_hz=FS_HZ, overlap=0.0)
    assert flags == {Flag.TRACE_GAP}


def test_missing_ends_are_no_gap_but_lower_the_score():
    short = clean_uv()
    short[:200] = np.nan
    score, flags = judge_lead(short, fs_hz=FS_HZ, overlap=0.0)
    assert flags == {Flag.LOW_COVERAGE}
    assert score < 0.85


def test_tremor_is_noise():
    shaken = clean_uv() + np.random.default_rng(3).normal(0, 200, 1250).astype(np.float32)
    score, flags = judge_lead(shaken, fs_hz=FS_HZ, overlap=0.0)
    assert Flag.NOISY in flags
    assert score < 0.8


def test_asystole_is_flagged_and_may_be_true():
    score, flags = judge_lead(np.zeros(1250, np.float32), fs_hz=FS_HZ, overlap=0.0)
    assert flags == {Flag.FLAT_LINE}
    assert score == 1


@pytest.mark.parametrize(
    ("seconds", "flags"),
    [
        ([0.9, 0.6, NAN], set()),
        ([0.9, 0.4, 0.9], {Flag.TRACE_DOUBTFUL}),
        (None, set()),
    ],
)
def test_a_lead_is_doubtful_when_a_second_is_rather_wrong_than_right(seconds, flags):
    sure = None if seconds is None else np.array(seconds, np.float32)
    _, found = judge_lead(clean_uv(), fs_hz=FS_HZ, overlap=0.0, confidence=sure)
    assert found == flags


def test_what_the_table_cannot_hold_is_flagged():
    high = clean_uv()
    high[600] = 40_000
    _, flags = judge_lead(high, fs_hz=FS_HZ, overlap=0.0)
    assert Flag.CLIPPED in flags


def test_touching_traces_lower_the_score():
    score, flags = judge_lead(clean_uv(), fs_hz=FS_HZ, overlap=0.2)
    assert flags == {Flag.OVERLAP}
    assert score == pytest.approx(0.9, abs=0.02)


def leads(name_source="read", quality=0.95):
    return [
        Lead("I", "strip", name_source, 0.0, FS_HZ, FS_HZ, clean_uv(), 0.0, quality)
        for _ in range(12)
    ]


def verdict(limbs=AGREE, *, name_source="read", quality=0.95, **changes):
    values = {
        "lead_flags": (),
        "page_flags": (),
        "speed_assumed": False,
        "gain_assumed": False,
    }
    return judge_page(leads(name_source, quality), limbs, **(values | changes))


def test_a_clean_page_is_good():
    result = verdict()
    assert (result.quality_class, result.flags) == ("good", ())
    assert result.score > 0.85


def test_guessed_names_are_good_only_when_the_limb_leads_confirm_them():
    confirmed, silent = verdict(name_source="guessed"), verdict(SILENT, name_source="guessed")
    assert confirmed.quality_class == "good"
    assert confirmed.flags == (Flag.NAMES_GUESSED, Flag.NAMES_CONFIRMED)
    assert silent.quality_class == "review"
    assert silent.flags == (Flag.NAMES_GUESSED,)


@pytest.mark.parametrize(
    "limbs",
    [
        LimbCheck(5.0, 0.05, 5.0, 0.05, NAN, NAN),  # nothing ties the columns together
        LimbCheck(99.0, 0.4, 5.0, 0.05, 0.1, 0.05),  # some of the signal is left
    ],
)
def test_half_a_confirmation_is_none(limbs):
    assert verdict(limbs, name_source="guessed").quality_class == "review"


def test_leads_that_contradict_each_other_are_never_good():
    broken = LimbCheck(400.0, 0.9, 5.0, 0.05, 0.1, 0.7)
    result = verdict(broken)
    assert result.quality_class == "review"
    assert result.flags == (Flag.EINTHOVEN_VIOLATION, Flag.REPEAT_VIOLATION)


def test_what_was_assumed_is_told_and_left_to_the_beats():
    both = verdict(speed_assumed=True, gain_assumed=True)
    assert both.quality_class == "good"
    assert Flag.CALIBRATION_ASSUMED in both.flags


@pytest.mark.parametrize(
    ("doubtful", "torn", "quality_class"),
    [
        pytest.param(1, 0, "good", id="a second of a long page"),
        pytest.param(4, 0, "review", id="a third of a lead"),
        pytest.param(0, 4, "review", id="a third of a lead is interrupted"),
    ],
)
def test_a_page_may_hold_a_few_doubtful_seconds_that_say_so(doubtful, torn, quality_class):
    long_uv = np.tile(clean_uv(), 5)[: round(12 * FS_HZ)]
    sure = np.full(12, 0.9, np.float32)
    sure[:doubtful] = 0.4
    gaps = long_uv.copy()
    for second in range(torn):
        start = round((second + 0.4) * FS_HZ)
        gaps[start : start + round(0.03 * FS_HZ)] = np.nan
    others = [replace(lead, signal_uv=long_uv) for lead in leads()]
    mine = replace(others[0], signal_uv=gaps, confidence=sure)
    assert doubtful_seconds(mine).sum() == doubtful + torn
    result = judge_page(
        [mine, *others[1:]],
        AGREE,
        lead_flags=(),
        page_flags=(),
        speed_assumed=False,
        gain_assumed=False,
    )
    assert result.quality_class == quality_class
    assert (Flag.MUCH_DOUBTFUL in result.flags) == (quality_class == "review")


def test_a_doubtful_orientation_is_settled_by_the_limb_leads():
    assert verdict(page_flags=["orientation_doubtful"]).quality_class == "good"
    assert verdict(SILENT, page_flags=["orientation_doubtful"]).quality_class == "review"


def test_a_guessed_layout_is_good_only_when_the_limb_leads_confirm_it():
    assert verdict(page_flags=["layout_guessed"]).quality_class == "good"
    assert verdict(SILENT, page_flags=["layout_guessed"]).quality_class == "review"


def test_a_long_row_without_a_name_is_good_only_when_it_agrees_with_a_strip():
    alone = LimbCheck(5.0, 0.05, 5.0, 0.05, 0.1, NAN)  # no lead is printed twice
    assert verdict(page_flags=["rhythm_unmatched"]).quality_class == "good"
    assert verdict(alone).quality_class == "good"
    assert verdict(alone, page_flags=["rhythm_unmatched"]).quality_class == "review"


@pytest.mark.parametrize(
    "flag",
    [
        "scale_assumed",
        "scale_doubtful",
        "network_not_finite",
        "gain_split",
        "gain_unusual",
        "gain_conflict",
        "speed_conflict",
    ],
)
def test_doubts_of_earlier_stages_keep_a_page_from_being_good(flag):
    assert verdict(page_flags=[flag]).quality_class == "review"


@pytest.mark.parametrize(
    ("quality", "name"), [(0.95, "good"), (0.75, "review"), (0.45, "review"), (0.3, "poor")]
)
def test_the_class_follows_the_score(quality, name):
    assert verdict(SILENT, quality=quality).quality_class == name


def test_a_page_without_leads_is_poor():
    result = judge_page(
        [], SILENT, lead_flags=(), page_flags=(), speed_assumed=False, gain_assumed=False
    )
    assert (result.score, result.quality_class) == (0.0, "poor")
