"""Gaps of limb leads computed from the other limb leads, kept apart from what was read.

Two of the six limb leads give the other four (Einthoven 1913, Goldberger 1942) wherever they are
printed at the same time. Paper prints no level of zero, so a lead lends its own level to what fills
it; and where what it holds itself contradicts the two, nothing is filled.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ecgbatch.types import FloatArray, Lead

_BY_I_AND_II = {
    "I": (1.0, 0.0),
    "II": (0.0, 1.0),
    "III": (-1.0, 1.0),
    "aVR": (-0.5, -0.5),
    "aVL": (1.0, -0.5),
    "aVF": (-0.5, 1.0),
}
_COMMON_S = 0.5  # of all three; less may hold no beat, and levels are told by it
_OFF_SHARE = 0.3  # what may be left of the lead, as in ``quality``: half of it is another lead
_OFF_UV = 30.0  # a line's width at 10 mm/mV; flat leads leave nothing to have a share of


def repaired(leads: Sequence[Lead]) -> list[Lead]:
    """Fill gaps of limb leads from two others that are printed at the same time.

    Args:
        leads: Of one page, at one rate, each sample at a whole multiple of its period.

    Returns:
        The same leads with ``repaired_uv``: NaN but where a missing sample could be computed, and
        None where none could. ``signal_uv`` is never changed.
    """
    limbs = [lead for lead in leads if lead.lead in _BY_I_AND_II]
    return [
        replace(lead, repaired_uv=_filling(lead, limbs)) if lead.lead in _BY_I_AND_II else lead
        for lead in leads
    ]


def _filling(lead: Lead, limbs: Sequence[Lead]) -> FloatArray | None:
    missing = ~np.isfinite(lead.signal_uv)
    if not missing.any() or missing.all():
        return None
    beside = [other for other in limbs if other.lead != lead.lead and other.fs_hz == lead.fs_hz]
    best, least_off = None, np.inf
    for one, other in itertools.combinations(beside, 2):
        if one.lead == other.lead:
            continue
        computed = _computed(lead, one, other)
        common = ~missing & np.isfinite(computed)
        if common.sum() < _COMMON_S * lead.fs_hz or not np.isfinite(computed[missing]).any():
            continue
        difference = lead.signal_uv[common] - computed[common]
        level = np.median(difference)
        off = float(np.std(difference))
        allowed = max(_OFF_UV, _OFF_SHARE * float(np.std(lead.signal_uv[common])))
        if off < min(allowed, least_off):
            best, least_off = np.where(missing, computed + level, np.nan), off
    return None if best is None else best.astype(np.float32)


def _computed(lead: Lead, one: Lead, other: Lead) -> FloatArray:
    """Return a lead as two others tell it, at its own samples; NaN where one of them is missing."""
    basis = np.array([_BY_I_AND_II[one.lead], _BY_I_AND_II[other.lead]]).T
    weights = np.linalg.solve(basis, np.array(_BY_I_AND_II[lead.lead]))
    parts = [
        np.float32(weight) * _at(lead, each)
        for weight, each in zip(weights, (one, other), strict=True)
    ]
    return np.asarray(parts[0] + parts[1])


def _at(lead: Lead, other: Lead) -> FloatArray:
    """Return the samples of another lead at the times of this one; NaN where it is not printed."""
    shift = round((lead.t0_ms - other.t0_ms) * lead.fs_hz / 1000)
    place = np.arange(lead.signal_uv.size) + shift
    inside = (place >= 0) & (place < other.signal_uv.size)
    found = np.full(place.size, np.nan, np.float32)
    found[inside] = other.signal_uv[place[inside]]
    return found
