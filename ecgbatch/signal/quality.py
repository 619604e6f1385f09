"""How good a lead and a page are, and what a reader should know about them."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ecgbatch.flags import Flag
from ecgbatch.signal.chest import chest_agrees
from ecgbatch.signal.limbs import LimbCheck
from ecgbatch.signal.rivals import rival_share
from ecgbatch.types import FloatArray, Lead

BoolArray: TypeAlias = npt.NDArray[np.bool_]

UNREAD = "unread"
"""Class of a page that was not digitized, of which there is nothing to judge."""
LIMIT_UV = 32767.0
"""Largest voltage that a published sample can hold (int16 microvolts)."""


# Limits of a good lead, set on simulated pages and real records; design choices, not standards.
_COVERAGE = 0.9
_GAP_S = 0.02  # half a narrow QRS
_NOISE_UV = 60.0  # muscle tremor of a restless patient
_OVERLAP = 0.05
_CONFIDENCE = 0.5  # of a second; below it the second is rather wrong than right
_MOST_OF_LEAD, _MOST_OF_PAGE = 0.3, 0.03  # of seconds that are so, or that have a gap
_FLAT_UV = 50.0  # half a millimetre at 10 mm/mV
_SLOPE_UV_PER_S = 700_000.0  # 1.4 mV in 2 ms: steeper than any QRS
# PTB-XL records leave a share of 0.00, LUDB records 0.1 to 0.45. Of 15 records printed in each of
# the 718 wrong orders of six names, 0.6 % stay below 0.35, none of them an order that is in use;
# read as the usual order, that of Cabrera leaves more than 1.2 in each of 150 records.
_CONFIRMED_SHARE = 0.35
_RIVAL_RATIO = 2.0  # as much must be left under every other naming
_VIOLATED_SHARE = 0.6
_GOOD_SCORE = 0.8
_POOR_SCORE = 0.4

# What keeps a page from being good, whoever noticed it.
_TO_REVIEW = frozenset(
    {
        Flag.LOW_COVERAGE,
        Flag.MUCH_DOUBTFUL,
        Flag.NOISY,
        Flag.CLIPPED,
        Flag.EINTHOVEN_VIOLATION,
        Flag.GOLDBERGER_VIOLATION,
        Flag.REPEAT_VIOLATION,
        Flag.SPEED_CONFLICT,
        Flag.GAIN_SPLIT,
        Flag.GAIN_UNUSUAL,
        Flag.GAIN_CONFLICT,
        Flag.SCALE_ASSUMED,
        Flag.SCALE_DOUBTFUL,
        Flag.MIRRORED,
        Flag.FEW_BEATS,
        Flag.NETWORK_NOT_FINITE,
        Flag.SEVERAL_ECGS,
    }
)
_NAME_DOUBTS = frozenset({Flag.NAMES_GUESSED, Flag.ORIENTATION_DOUBTFUL, Flag.LAYOUT_GUESSED})
"""Doubts that the limb leads settle: a page that stands on its head contradicts them."""
_REPEAT_DOUBTS = frozenset({Flag.RHYTHM_UNMATCHED})
"""Doubts that are settled where every long row agrees with the strip of its name."""


def judge_lead(
    signal_uv: FloatArray,
    *,
    fs_hz: float,
    overlap: float,
    confidence: FloatArray | None = None,
) -> tuple[float, frozenset[Flag]]:
    """Say how good one lead is.

    Args:
        signal_uv: ``(sample,)``; NaN where nothing was printed or readable.
        fs_hz: Samples per second.
        overlap: Share of samples near another trace.
        confidence: ``(second,)`` see ``types.Lead``; None where the lead was not read from ink.

    Returns:
        A score of 0 to 1, and what is wrong.
    """
    known = np.isfinite(signal_uv)
    if not known.any():
        return 0.0, frozenset({Flag.LOW_COVERAGE})
    flags = set()
    coverage = float(known.mean())
    if coverage < _COVERAGE:
        flags.add(Flag.LOW_COVERAGE)
    if _longest_gap(known) >= _GAP_S * fs_hz:
        flags.add(Flag.TRACE_GAP)
    if np.abs(signal_uv[known]).max() > LIMIT_UV:
        flags.add(Flag.CLIPPED)
    low, high = np.percentile(signal_uv[known], (1, 99))
    if high - low < _FLAT_UV:
        flags.add(Flag.FLAT_LINE)
    noise_uv = _noise(signal_uv, fs_hz=fs_hz)
    steep = np.abs(np.diff(signal_uv)) > _SLOPE_UV_PER_S / fs_hz
    jumps_per_s = float(steep.sum()) * fs_hz / signal_uv.size
    tremor = noise_uv / max(_NOISE_UV, 0.1 * float(high - low))
    if tremor > 1 or jumps_per_s > 2:
        flags.add(Flag.NOISY)
    if confidence is not None and (confidence < _CONFIDENCE).any():
        flags.add(Flag.TRACE_DOUBTFUL)
    if overlap > _OVERLAP:
        flags.add(Flag.OVERLAP)
    score = coverage / (1 + tremor**2 / 4 + jumps_per_s / 8) * (1 - overlap / 2)
    return score, frozenset(flags)


def _longest_gap(known: BoolArray) -> int:
    """Samples of the longest gap between two known samples."""
    return int(np.diff(np.flatnonzero(known)).max(initial=1)) - 1


def doubtful_seconds(lead: Lead) -> BoolArray:
    """Say of each started second whether it is rather wrong than right, or may lack a peak.

    Args:
        lead: With its confidence; without one, only gaps count.

    Returns:
        ``(second,)``.
    """
    known = np.flatnonzero(np.isfinite(lead.signal_uv))
    doubtful = np.zeros(math.ceil(lead.signal_uv.size / lead.fs_hz), np.bool_)
    if lead.confidence is not None:
        doubtful |= lead.confidence < _CONFIDENCE
    for before in np.flatnonzero(np.diff(known) - 1 >= _GAP_S * lead.fs_hz):
        first, last = (int(known[place] / lead.fs_hz) for place in (before, before + 1))
        doubtful[first : last + 1] = True
    return doubtful


def _much_is_doubtful(leads: Sequence[Lead]) -> bool:
    """Say whether more of a lead, or of the page, is doubtful than a good page may hold."""
    doubtful = [doubtful_seconds(lead) for lead in leads if lead.signal_uv.size]
    if not doubtful:
        return False
    of_leads = [each.mean() for each in doubtful]
    return bool(max(of_leads) > _MOST_OF_LEAD or np.concatenate(doubtful).mean() > _MOST_OF_PAGE)


def _noise(signal_uv: FloatArray, *, fs_hz: float) -> float:
    """Standard deviation of what changes within 8 ms, beats left out by taking the median.

    A second difference cancels slopes; white noise passes it with a gain of the square root of 6.
    """
    lag = max(1, round(0.008 * fs_hz))
    bend = signal_uv[2 * lag :] - 2 * signal_uv[lag:-lag] + signal_uv[: -2 * lag]
    bend = np.abs(bend[np.isfinite(bend)])
    return float(1.4826 * np.median(bend) / 6**0.5) if bend.size else 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """How good a page is.

    Attributes:
        score: 0 to 1.
        quality_class: ``good``, ``review`` or ``poor``.
        flags: What a reader should know, in a fixed order.
    """

    score: float
    quality_class: str
    flags: tuple[Flag, ...]


def judge_page(
    leads: Sequence[Lead],
    limbs: LimbCheck,
    *,
    lead_flags: Collection[Flag],
    page_flags: Collection[str],
    speed_assumed: bool,
    gain_assumed: bool,
) -> Verdict:
    """Say how good a page is, and whether it may be used without a look at it.

    A page is ``good`` only when nothing speaks against it: its names were read, or guessed and
    confirmed by what limb leads must obey and chest leads show; no lead is broken, the leads do not
    contradict each other, and few of their seconds are doubtful, each of which says so. Whether
    beats confirm a scale that nothing told is asked when they are measured (``signal.tempo``).

    Args:
        leads: With their quality.
        limbs: From ``limbs.check_limbs``.
        lead_flags: Those of all leads.
        page_flags: What earlier stages noticed about the page.
        speed_assumed: Nothing on the page told the paper speed.
        gain_assumed: Nothing on the page told the gain.

    Returns:
        The verdict.
    """
    confirmed = _names_are_confirmed(leads, limbs)
    flags = set(lead_flags) | _contradictions(limbs) | _assumptions(speed_assumed, gain_assumed)
    if _much_is_doubtful(leads):
        flags.add(Flag.MUCH_DOUBTFUL)
    if any(lead.name_source == "guessed" for lead in leads):
        flags |= {Flag.NAMES_GUESSED, Flag.NAMES_CONFIRMED} if confirmed else {Flag.NAMES_GUESSED}
    score = float(np.mean([lead.quality for lead in leads])) if leads else 0.0
    if np.isfinite(limbs.worst_share):
        score *= 1 - 0.5 * min(limbs.worst_share, 1.0)
    doubts = _TO_REVIEW
    if not confirmed:
        doubts |= _NAME_DOUBTS
    if not limbs.repeat_share < _CONFIRMED_SHARE:
        doubts |= _REPEAT_DOUBTS
    if score < _POOR_SCORE:
        verdict = "poor"
    elif score < _GOOD_SCORE or doubts & (flags | set(page_flags)):
        verdict = "review"
    else:
        verdict = "good"
    return Verdict(score, verdict, tuple(flag for flag in Flag if flag in flags))


def _names_are_confirmed(leads: Sequence[Lead], limbs: LimbCheck) -> bool:
    """Say whether the leads obey their names, and obey no others nearly as well."""
    return (
        limbs.complete
        and limbs.worst_share < _CONFIRMED_SHARE
        and chest_agrees(leads)
        and rival_share(leads) > _RIVAL_RATIO * limbs.worst_share
    )


def _contradictions(limbs: LimbCheck) -> set[Flag]:
    """Flags of what the leads say against each other."""
    shares = {
        Flag.EINTHOVEN_VIOLATION: (limbs.einthoven_share,),
        Flag.GOLDBERGER_VIOLATION: (limbs.goldberger_share, limbs.tie_share),
        Flag.REPEAT_VIOLATION: (limbs.repeat_share,),
    }
    return {
        flag for flag, values in shares.items() if any(value > _VIOLATED_SHARE for value in values)
    }


def _assumptions(speed_assumed: bool, gain_assumed: bool) -> set[Flag]:
    """Flags of what the page did not tell."""
    if speed_assumed and gain_assumed:
        return {Flag.SPEED_ASSUMED, Flag.GAIN_ASSUMED, Flag.CALIBRATION_ASSUMED}
    if speed_assumed:
        return {Flag.SPEED_ASSUMED}
    return {Flag.GAIN_ASSUMED} if gain_assumed else set()
