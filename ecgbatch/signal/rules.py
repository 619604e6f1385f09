"""Statements that follow from measurements by a rule anyone can check.

No network and no training: each rule names what it looks at, gives a score that is 1 where the
statement begins to hold, and says where its limit comes from. They are the floor that a network
must beat, and the evidence that a reader can check with a ruler. Where a limit had to be chosen, it
was chosen on PTB-XL's folds 1 to 8, and ``benchmarks/rules.py`` says what it is worth on fold 9.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

Facts: TypeAlias = Mapping[str, float]

_AHA_INTERVALS = "AHA/ACCF/HRS 2009, part III: intraventricular conduction (Surawicz et al.)"
_AHA_ST = "AHA/ACCF/HRS 2009, part IV: ST segment, T and U waves, QT (Rautaharju et al.)"
_AHA_CHAMBERS = "AHA/ACCF/HRS 2009, part V: chamber hypertrophy (Hancock et al.)"
_CHOSEN = "limit chosen on PTB-XL, folds 1 to 8"


@dataclass(frozen=True, slots=True)
class Rule:
    """One statement and how it follows from facts.

    Attributes:
        code: Short name; PTB-XL's SCP-ECG code where it has one.
        says: What it states.
        needs: Names of the facts it rests on; without one of them it does not answer.
        score: From the facts to a number that grows with the statement and is 1 at its limit.
        source: Of the criterion.
        uses: Further facts that it takes into account where they are known.
    """

    code: str
    says: str
    needs: tuple[str, ...]
    score: Callable[[Facts], float]
    source: str
    uses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule says of one page.

    Attributes:
        code: Of the rule.
        score: At least 1 where the statement holds; NaN where its facts are not measurable.
        holds: None where it cannot be told.
        evidence: The facts that it rests on, those that are there.
        source: Of the criterion.
    """

    code: str
    score: float
    holds: bool | None
    evidence: Mapping[str, float]
    source: str


def judge(facts: Facts) -> tuple[Finding, ...]:
    """Apply every rule to the facts of a page.

    Args:
        facts: From ``facts_of``.

    Returns:
        One finding per rule, in the order of ``RULES``.
    """
    return tuple(_apply(rule, facts) for rule in RULES)


def _apply(rule: Rule, facts: Facts) -> Finding:
    evidence = {name: facts[name] for name in (*rule.needs, *rule.uses) if name in facts}
    if not evidence.keys() >= set(rule.needs):
        return Finding(rule.code, float("nan"), None, evidence, rule.source)
    score = float(rule.score(facts))
    return Finding(rule.code, score, score >= 1, evidence, rule.source)


def _uv(wave: str, *leads: str) -> tuple[str, ...]:
    return tuple(f"{lead}.{wave}_uv" for lead in leads)


def _sum(facts: Facts, wave: str, *leads: str) -> float:
    return sum(facts[name] for name in _uv(wave, *leads))


def _fibrillation(facts: Facts) -> float:
    # Intervals differ by more than a tenth, and no wave before QRS comes back.
    irregular = min(facts["rr_irregularity"] / 0.1, 1.5)
    # A fast heart leaves no room in which a P wave could be seen: then that counts half.
    return (irregular + 2 * (1 - facts.get("p_share", 0.5))) / 1.9


def _leftwards_uv(facts: Facts) -> float:
    # The last third of QRS: up in I and V6 where it runs to the left, up in V1 where to the right.
    return _sum(facts, "late", "I", "V6") - 2 * facts["V1.late_uv"]


def _left_block(facts: Facts) -> float:
    return (facts["qrs_ms"] + 10 * float(np.tanh(_leftwards_uv(facts) / 500))) / 128


def _right_block(facts: Facts) -> float:
    rightwards = 1 / (1 + float(np.exp((_leftwards_uv(facts) + 100) / 200)))
    return facts["qrs_ms"] / 120 * (1 + rightwards) / 1.8


def _left_ventricle(facts: Facts) -> float:
    # The two sums of voltages, each over its limit; sex is not known, so Cornell's is 2.4 mV.
    return (0.7 * facts["sokolow_lyon_uv"] / 3500 + 0.3 * facts["cornell_uv"] / 2400) / 0.8


def _inferior_start(facts: Facts) -> float:
    # The heart's lower wall is missed where QRS starts upwards and what follows is small.
    upwards = -_sum(facts, "early", "II", "III", "aVF") - _sum(facts, "r", "II", "III", "aVF") / 10
    return 1.4 + upwards / 300


def _anterior_r(facts: Facts) -> float:
    middle = ((facts["V2.r_uv"] + 50) * (facts["V3.r_uv"] + 50)) ** 0.5
    return float(350 / middle)


def _lateral_strain(facts: Facts) -> float:
    return 1 - _sum(facts, "st60", "V5", "V6") / 100 - _sum(facts, "t", "V5", "V6") / 400


def _st_up(facts: Facts) -> float:
    # Two neighbouring leads; the lower one counts. V2 and V3 need twice as much.
    runs = (("aVL", "I"), ("II", "aVF"), ("aVF", "III"), ("V1", "V2"), ("V2", "V3"), ("V3", "V4"),
            ("V4", "V5"), ("V5", "V6"))  # fmt: skip
    limit = {"V2": 200.0, "V3": 200.0}
    return max(min(facts[f"{lead}.j_uv"] / limit.get(lead, 100.0) for lead in run) for run in runs)


_LIMB = ("I", "II", "III", "aVR", "aVL", "aVF")
_CHEST = ("V1", "V2", "V3", "V4", "V5", "V6")

RULES = (
    Rule("STACH", "Tachycardia: more than 100 beats per minute.", ("hr_bpm",),
         lambda facts: facts["hr_bpm"] / 100, "by definition"),
    Rule("SBRAD", "Bradycardia: fewer than 60 beats per minute.", ("hr_bpm",),
         lambda facts: 60 / facts["hr_bpm"], "by definition"),
    Rule("AFIB", "Irregular rhythm without P waves.", ("rr_irregularity",),
         _fibrillation, _CHOSEN, uses=("p_share",)),
    Rule("1AVB", "PR interval over 200 ms.", ("pr_ms",),
         lambda facts: facts["pr_ms"] / 200, "by definition"),
    Rule("CLBBB", "QRS of 120 ms and more, its end leftwards.",
         ("qrs_ms", *_uv("late", "I", "V1", "V6")), _left_block, _AHA_INTERVALS),
    Rule("CRBBB", "QRS of 120 ms and more, its end rightwards.",
         ("qrs_ms", *_uv("late", "I", "V1", "V6")), _right_block, _AHA_INTERVALS),
    Rule("LAFB", "Axis of -45 degrees and more to the left.", ("qrs_axis_deg",),
         lambda facts: _turned(facts["qrs_axis_deg"], -1) / 45, _AHA_INTERVALS),
    Rule("LPFB", "Axis of 90 degrees and more to the right.", ("qrs_axis_deg",),
         lambda facts: _turned(facts["qrs_axis_deg"], 1) / 90, _AHA_INTERVALS),
    Rule("LAD", "Axis left of -30 degrees.", ("qrs_axis_deg",),
         lambda facts: _turned(facts["qrs_axis_deg"], -1) / 30, _AHA_INTERVALS),
    Rule("LVH", "Sokolow-Lyon's and Cornell's voltages.", ("sokolow_lyon_uv", "cornell_uv"),
         _left_ventricle, _AHA_CHAMBERS),
    Rule("LVOLT", "No limb lead with a QRS of 500 uV.", ("limb_span_uv",),
         lambda facts: 500 / max(facts["limb_span_uv"], 50.0), "by definition"),
    Rule("LAO/LAE", "P terminal force in V1 of 4 mV ms.", ("p_terminal_v1_uv_ms",),
         lambda facts: facts["p_terminal_v1_uv_ms"] / 4000, "Morris et al., Circulation 1964"),
    Rule("RAO/RAE", "P of 250 uV in II.", _uv("p", "II"),
         lambda facts: facts["II.p_uv"] / 250, _AHA_CHAMBERS),
    Rule("LNGQT", "QTc (Fridericia) of 460 ms.", ("qtc_fridericia_ms",),
         lambda facts: facts["qtc_fridericia_ms"] / 460, _AHA_ST),
    Rule("IMI", "QRS starts upwards in II, III and aVF, and R is small.",
         (*_uv("early", "II", "III", "aVF"), *_uv("r", "II", "III", "aVF")), _inferior_start,
         _CHOSEN),
    Rule("AMI", "Small R waves in V2 and V3.", _uv("r", "V2", "V3"), _anterior_r, _CHOSEN),
    Rule("ISC_", "ST and T downwards in V5 and V6.",
         (*_uv("st60", "V5", "V6"), *_uv("t", "V5", "V6")), _lateral_strain, _CHOSEN),
    Rule("STE", "ST elevation in two neighbouring leads.",
         _uv("j", "I", "II", "III", "aVL", "aVF", *_CHEST), _st_up,
         "Fourth universal definition of infarction (Thygesen et al. 2018), men over 40"),
    Rule("PVC", "A wide beat of another form.", ("ventricular_beats",),
         lambda facts: facts["ventricular_beats"], "by definition"),
    Rule("PAC", "An early beat of the usual form.", ("premature_beats",),
         lambda facts: facts["premature_beats"], "by definition"),
    Rule("PACE", "Beats that follow a pacing spike.", ("paced_beats",),
         lambda facts: facts["paced_beats"], "by definition"),
)  # fmt: skip
"""Every rule, in the order in which an ECG is read."""


def _turned(axis_deg: float, direction: int) -> float:
    """How far an axis is turned from 0 to one side, 0 to 180; 0 on the other side."""
    return max(0.0, direction * axis_deg)
