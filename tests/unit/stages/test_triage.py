"""Which pages a person is to sort."""

import pytest

from ecgbatch.stages.triage import is_referred


def piles(infarct="no", abnormal_beat="no", normal="no", earlier_infarct="no"):
    return {
        "infarct": infarct,
        "earlier_infarct": earlier_infarct,
        "abnormal_beat": abnormal_beat,
        "normal": normal,
    }


@pytest.mark.parametrize(
    "held",
    [
        {"normal": "yes"},
        {"infarct": "yes"},
        {"infarct": "yes", "earlier_infarct": "yes"},
        {"infarct": "yes", "abnormal_beat": "yes"},
    ],
)
def test_piles_that_are_certain_and_agree_need_nobody(held):
    assert not is_referred(piles(**held))


@pytest.mark.parametrize(
    "held",
    [
        {},
        {"infarct": "yes", "normal": "yes"},
        {"normal": "yes", "abnormal_beat": "yes"},
        {"normal": "yes", "infarct": "abstain"},
        {"infarct": "abstain", "abnormal_beat": "abstain", "normal": "abstain"},
    ],
)
def test_doubt_contradiction_and_no_pile_at_all_are_for_a_person(held):
    assert is_referred(piles(**held))
