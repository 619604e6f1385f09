"""Rules at their limits, on simulated hearts, and where facts are missing."""

import math

import numpy as np
import pytest

from ecgbatch.signal.facts import facts_of
from ecgbatch.signal.measure import measure
from ecgbatch.signal.rules import RULES, judge
from tests.factories_hearts import columns, full, heart, lead


def of(findings, code):
    return next(finding for finding in findings if finding.code == code)


def read(leads):
    return judge(facts_of(measure(leads)))


@pytest.mark.parametrize(
    ("code", "facts", "below"),
    [
        ("STACH", {"hr_bpm": 100.0}, {"hr_bpm": 99.0}),
        ("SBRAD", {"hr_bpm": 60.0}, {"hr_bpm": 61.0}),
        ("1AVB", {"pr_ms": 200.0}, {"pr_ms": 198.0}),
        ("LAFB", {"qrs_axis_deg": -45.0}, {"qrs_axis_deg": -44.0}),
        ("LPFB", {"qrs_axis_deg": 90.0}, {"qrs_axis_deg": 89.0}),
        ("LNGQT", {"qtc_fridericia_ms": 460.0}, {"qtc_fridericia_ms": 458.0}),
        ("LVOLT", {"limb_span_uv": 500.0}, {"limb_span_uv": 510.0}),
        ("LAO/LAE", {"p_terminal_v1_uv_ms": 4000.0}, {"p_terminal_v1_uv_ms": 3900.0}),
        ("RAO/RAE", {"II.p_uv": 250.0}, {"II.p_uv": 240.0}),
        ("PVC", {"ventricular_beats": 1}, {"ventricular_beats": 0}),
    ],
)
def test_a_statement_begins_to_hold_at_its_limit(code, facts, below):
    assert of(judge(facts), code).holds is True
    assert of(judge(below), code).holds is False


def test_an_axis_to_the_right_is_no_axis_to_the_left():
    findings = judge({"qrs_axis_deg": 120.0})
    assert of(findings, "LAFB").score == 0
    assert of(findings, "LPFB").holds


def test_without_its_facts_a_rule_does_not_answer_and_says_what_it_has():
    finding = of(judge({"sokolow_lyon_uv": 9000.0}), "LVH")
    assert finding.holds is None
    assert math.isnan(finding.score)
    assert finding.evidence == {"sokolow_lyon_uv": 9000.0}
    assert all(each.holds is None for each in judge({}))


def test_every_rule_names_its_source_and_only_facts_that_exist():
    known = set(facts_of(measure(full(heart(1)))))
    for rule in RULES:
        assert rule.source
        assert set(rule.needs) <= known, rule.code
    assert len({rule.code for rule in RULES}) == len(RULES)


def share(code, condition, seeds=range(8), printed=full):
    return np.mean([of(read(printed(heart(s, condition=condition))), code).holds is True
                    for s in seeds])  # fmt: skip


@pytest.mark.parametrize(
    ("code", "condition"),
    [
        ("AFIB", "AFIB"),
        ("STACH", "STACH"),
        ("SBRAD", "SBRAD"),
        ("CLBBB", "CLBBB"),
        ("CRBBB", "CRBBB"),
        ("1AVB", "1AVB"),
        ("PVC", "PVC"),
    ],
)
def test_simulated_hearts_show_what_they_have_and_normal_ones_do_not(code, condition):
    assert share(code, condition) >= 0.75
    assert share(code, "NORM") <= 0.25


def test_a_page_of_columns_is_judged_like_full_leads():
    for code, condition in (("CLBBB", "CLBBB"), ("STACH", "STACH"), ("AFIB", "AFIB")):
        assert share(code, condition, printed=columns) >= 0.75


def test_hard_pages_get_no_statement():
    for leads in ([], [lead("II", np.full(5000, np.nan))], [lead("II", np.zeros(5000))]):
        assert not any(finding.holds for finding in read(leads))
