"""What a page measures, as one number per name: intervals, and heights per lead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields

import numpy as np

from ecgbatch.signal.measure import Measured, Measurement
from ecgbatch.types import LEADS, FloatArray

_WAVES = ("q", "r", "s", "r2")
_LEVELS = ("p", "j", "st60", "st80", "t", "early", "late")
HEIGHTS = (*_WAVES, *_LEVELS)
"""What is told of each lead."""
FACTS = (
    *(field.name for field in fields(Measurement)),
    *(f"{lead}.{name}_uv" for lead in LEADS for name in HEIGHTS),
)
"""Names of all facts of a page of standard leads, in the order of ``fact_vector``."""


def facts_of(measured: Measured) -> dict[str, float]:
    """Return every measured number of a page by name.

    Page values have the names of ``Measurement``; heights are called ``V5.r_uv``: the median over
    the usual beats of the lead. A complex that is shown and has no such wave counts as 0.

    Args:
        measured: From ``measure``.

    Returns:
        Finite numbers only: what is not measurable is not in it.
    """
    heights = measured.heights
    shown = np.isfinite(heights.area)
    facts = {name: float(value) for name, value in asdict(measured.page).items()}
    for lead in dict.fromkeys(measured.sheet.leads):
        for name in _WAVES:
            height = np.where(shown, np.nan_to_num(getattr(heights, name)), np.nan)
            facts[f"{lead}.{name}_uv"] = measured.of_lead(lead, height)
        for name in _LEVELS:
            facts[f"{lead}.{name}_uv"] = measured.of_lead(lead, getattr(heights, name))
    return {name: value for name, value in facts.items() if np.isfinite(value)}


def fact_vector(facts: Mapping[str, float]) -> FloatArray:
    """Return ``(FACTS,)`` float32 of measured facts, NaN where one is not measurable."""
    return np.array([facts.get(name, np.nan) for name in FACTS], np.float32)
