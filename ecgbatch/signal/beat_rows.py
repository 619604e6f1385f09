"""The beats of a page as columns: one entry per printing and beat that it shows whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ecgbatch.signal.measure import Measured
from ecgbatch.signal.sheet import SHEET_HZ
from ecgbatch.types import DoubleArray

_MS = 1000 / SHEET_HZ
_TALL_UV = 500.0  # 5 mm at 10 mm/mV: from there on a wave is written as a capital


def beat_rows(measured: Measured, *, segments: Sequence[int]) -> dict[str, Any]:
    """Return the columns of ``beats`` without its keys; NaN where a wave is missing.

    Args:
        measured: A page.
        segments: For each lead that was measured, the number of its printing.
    """
    sheet, waves, heights = measured.sheet, measured.waves, measured.heights
    row, beat = np.nonzero(waves.seen & np.isfinite(heights.peak))
    before, after = measured.rr_around_ms()

    def pick(values: DoubleArray) -> DoubleArray:
        return values[row, beat]

    def time_ms(values: DoubleArray) -> DoubleArray:
        return sheet.to_ms(pick(values), row=row)

    amplitudes = {
        f"{name}_uv": pick(getattr(heights, name))
        for name in ("p", "q", "r", "s", "r2", "j", "st60", "st80", "t")
    }
    return {
        "lead": [sheet.leads[index] for index in row],
        "segment": np.array([segments[place] for place in sheet.places])[row] if row.size else row,
        "beat_no": beat,
        "kind": [measured.kinds[index] for index in beat],
        "rr_before_ms": before[beat],
        "rr_after_ms": after[beat],
        "p_on_ms": time_ms(waves.p_on),
        "p_peak_ms": time_ms(waves.p_peak),
        "p_off_ms": time_ms(waves.p_off),
        "qrs_on_ms": time_ms(waves.qrs_on),
        "qrs_peak_ms": time_ms(heights.peak),
        "qrs_off_ms": time_ms(waves.qrs_off),
        "t_peak_ms": time_ms(waves.t_peak),
        "t_off_ms": time_ms(waves.t_off),
        "pr_ms": pick(waves.qrs_on - waves.p_on) * _MS,
        "qrs_ms": pick(waves.qrs_off - waves.qrs_on) * _MS,
        "qt_ms": pick(waves.t_off - waves.qrs_on) * _MS,
        "qrs_form": _forms(*(amplitudes[f"{name}_uv"] for name in ("q", "r", "s", "r2"))),
        **amplitudes,
    }


def _forms(q: DoubleArray, r: DoubleArray, s: DoubleArray, r2: DoubleArray) -> list[str | None]:
    """Write complexes as their waves; None where there is none."""
    forms: list[str | None] = []
    for heights in zip(q, r, s, r2, strict=True):
        if not np.isfinite(heights[1]) and np.isfinite(heights[2]):
            forms.append("QS")
            continue
        letters = [
            name.upper() if abs(height) >= _TALL_UV else name
            for name, height in zip(("q", "r", "s", "r'"), heights, strict=True)
            if np.isfinite(height)
        ]
        forms.append("".join(letters) or None)
    return forms
