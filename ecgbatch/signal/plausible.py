"""Whether there is enough of an ECG to say anything of it, and whether it can be one at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecgbatch.signal.facts import FACTS
from ecgbatch.signal.frames import FRAME_HZ
from ecgbatch.types import FloatArray

REASONS = ("nothing_shown", "too_short", "few_leads", "no_beats", "implausible")
"""Why nothing is said of a page, or nothing of the form of its waves (``few_leads``)."""

_LEAST_S = 2.0  # two beats of a slow heart
_LEAST_FORM_LEADS = 6
_LEAST_LEAD_S = 0.7  # a lead counts that shows about one beat
_TALLEST_MV = 10.0  # over the whole of a lead; the tallest complexes measure some 6 mV
_LIMITS = {
    "hr_bpm": (25.0, 250.0),
    "qrs_ms": (50.0, 240.0),
    "qt_ms": (190.0, 700.0),
    "pr_ms": (50.0, 500.0),
}
"""Beyond them the time axis is more likely wrong than the heart: a rate that is off by a factor of
two shows in them."""
_FACT = {name: place for place, name in enumerate(FACTS)}


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page shows, and what stands against judging it.

    Attributes:
        leads: Standard leads that show at least a beat's length.
        seconds: Time in which at least one lead is shown.
        reason: One of ``REASONS`` why nothing can be said; None where something can.
        form_reason: The same for statements about the form of waves.
    """

    leads: int
    seconds: float
    reason: str | None
    form_reason: str | None


def look_at(frames_mv: FloatArray, facts: FloatArray) -> Shown:
    """Judge what there is.

    Args:
        frames_mv: From ``frames_of``.
        facts: From ``fact_vector``.
    """
    known = np.isfinite(frames_mv)
    per_lead_s = known.sum(axis=(0, 2)) / FRAME_HZ
    leads = int((per_lead_s >= _LEAST_LEAD_S).sum())
    seconds = float(known.any(axis=1).sum() / FRAME_HZ)
    reason = _against(frames_mv, facts, seconds=seconds)
    form_reason = reason or ("few_leads" if leads < _LEAST_FORM_LEADS else None)
    return Shown(leads, seconds, reason, form_reason)


def look_at_page(shown_s: FloatArray, *, seconds: float) -> Shown:
    """Judge what there is on a page of which nothing was digitized.

    Args:
        shown_s: ``(12,)`` seconds that each standard lead is printed.
        seconds: Time in which at least one of them is.
    """
    leads = int((shown_s >= _LEAST_LEAD_S).sum())
    reason = "nothing_shown" if seconds == 0 else "too_short" if seconds < _LEAST_S else None
    return Shown(
        leads, seconds, reason, reason or ("few_leads" if leads < _LEAST_FORM_LEADS else None)
    )


def _against(frames_mv: FloatArray, facts: FloatArray, *, seconds: float) -> str | None:
    if seconds == 0:
        return "nothing_shown"
    if seconds < _LEAST_S:
        return "too_short"
    low = np.nanmin(frames_mv, axis=2, initial=0.0, where=np.isfinite(frames_mv))
    high = np.nanmax(frames_mv, axis=2, initial=0.0, where=np.isfinite(frames_mv))
    if (high - low).max() > _TALLEST_MV:
        return "implausible"
    if not facts[_FACT["beats"]] >= 2:  # NaN is none
        return "no_beats"
    for name, (least, most) in _LIMITS.items():
        value = facts[_FACT[name]]
        if np.isfinite(value) and not least <= value <= most:
            return "implausible"
    return None
