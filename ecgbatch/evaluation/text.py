"""What an evaluation found, as a table for people and as JSON for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ecgbatch.evaluation.pages import PageResult, Summary

_COLUMNS = (  # heading, attribute, format
    ("pages", "pages", "d"),
    ("published", "published", "d"),
    ("good", "good", "d"),
    ("silent", "silent_failures", "d"),
    ("r med", "r_median", ".3f"),
    ("r mean", "r_mean", ".3f"),
    ("r 5 %", "r_p5", ".3f"),
    ("RMSE mV", "rmse_median_mv", ".3f"),
    ("SNR med", "snr_median_db", ".1f"),
    ("SNR 5 %", "snr_p5_db", ".1f"),
    ("SNR 2024", "snr_challenge_2024_db", ".1f"),
    ("score 2025", "score_competition_2025_db", ".1f"),
    ("gain", "gain_median", ".3f"),
    ("time", "time_scale_median", ".4f"),
    ("coverage", "coverage_mean", ".3f"),
)


def table_lines(summaries: Sequence[Summary]) -> list[str]:
    """Lay summaries out in aligned columns, one line each below a heading."""
    rows = [["", *(heading for heading, _, _ in _COLUMNS)]]
    rows += [
        [each.stratum, *(format(getattr(each, name), form) for _, name, form in _COLUMNS)]
        for each in summaries
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def as_json(summaries: Sequence[Summary], results: Sequence[PageResult]) -> str:
    """Write summaries and every page and lead as JSON; what has no figure is null."""
    whole = {
        "summaries": [asdict(each) for each in summaries],
        "pages": [asdict(each) for each in results],
    }
    return json.dumps(_finite(whole), indent=2)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
