"""Borders of waves against those that cardiologists drew, lead by lead.

Records come as WFDB with one annotation file per lead, as LUDB has them (Kalyakulina et al., IEEE
Access 2020): ``(`` and ``)`` around ``p``, ``N`` and ``t``. Only the inner part of each record is
annotated, so beats outside of it count neither way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import wfdb

from ecgbatch.evaluation.truth import read_record
from ecgbatch.signal.beats import find_beats
from ecgbatch.signal.sheet import lay_out
from ecgbatch.signal.waves import delineate
from ecgbatch.types import LEADS, DoubleArray, Lead

MATCH_MS = 150.0
"""Farther apart two beats are not the same one (ANSI/AAMI EC57)."""

BORDERS = ("p_on", "p_peak", "p_off", "qrs_on", "qrs_off", "t_peak", "t_off")
CSE_SD_MS = {"p_on": 10.2, "p_off": 12.7, "qrs_on": 6.5, "qrs_off": 11.6, "t_off": 30.6}
"""Two standard deviations of referees among each other (CSE, Willems et al. 1985)."""

_WAVES = {"p": "p", "N": "qrs", "t": "t"}


@dataclass(frozen=True, slots=True, eq=False)
class DrawnLead:
    """What was drawn on one lead, ms from the start of the record.

    Attributes:
        r_ms: ``(beat,)`` R peaks.
        borders_ms: For each of ``BORDERS``, ``(wave,)`` times.
    """

    r_ms: DoubleArray
    borders_ms: Mapping[str, DoubleArray]


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """One record.

    Attributes:
        found: R peaks that were found, over all leads.
        missed: R peaks that were not.
        invented: Beats where none was drawn.
        errors_ms: For each of ``BORDERS``, found minus drawn; NaN where none was found near.
        surplus: For each of ``BORDERS``, how many were found and not drawn between drawn beats.
    """

    found: int
    missed: int
    invented: int
    errors_ms: Mapping[str, DoubleArray]
    surplus: Mapping[str, int]


def read_drawn(record: Path) -> dict[str, DrawnLead]:
    """Read the annotations of a record by lead.

    Args:
        record: Path without ending; annotations stand in ``record.i``, ``record.avf`` and so on.
    """
    return {
        lead: _drawn(wfdb.rdann(str(record), lead.lower()))
        for lead in LEADS
        if record.with_name(f"{record.name}.{lead.lower()}").is_file()
    }


def _drawn(notes: wfdb.Annotation) -> DrawnLead:
    in_ms = np.asarray(notes.sample) * 1000 / notes.fs
    borders: dict[str, list[float]] = {name: [] for name in BORDERS}
    peaks = []
    symbols = ["", *notes.symbol, ""]
    for place, symbol in enumerate(symbols):
        if symbol not in _WAVES:
            continue
        wave = _WAVES[symbol]
        if wave == "qrs":
            peaks.append(in_ms[place - 1])
        elif f"{wave}_peak" in borders:
            borders[f"{wave}_peak"].append(in_ms[place - 1])
        if symbols[place - 1] == "(" and f"{wave}_on" in borders:
            borders[f"{wave}_on"].append(in_ms[place - 2])
        if symbols[place + 1] == ")" and f"{wave}_off" in borders:
            borders[f"{wave}_off"].append(in_ms[place])
    return DrawnLead(np.array(peaks), {name: np.array(values) for name, values in borders.items()})


def compare_record(record: Path) -> Comparison:
    """Delineate a record and compare it with what was drawn on it."""
    truth = read_record(record)
    leads = [
        Lead(name, "strip", "digital", 0.0, truth.fs_hz, truth.fs_hz,
             (1000 * signal_mv).astype(np.float32), 0.0, 1.0)
        for name, signal_mv in truth.leads_mv.items()
    ]  # fmt: skip
    sheet = lay_out(leads)
    waves = delineate(sheet, find_beats(sheet))
    beat_ms = sheet.to_ms(waves.beat.astype(np.float64))
    found = missed = invented = 0
    errors: dict[str, list[DoubleArray]] = {name: [] for name in BORDERS}
    surplus = dict.fromkeys(BORDERS, 0)
    for lead, drawn in read_drawn(record).items():
        if drawn.r_ms.size == 0:
            continue
        hit = np.abs(_nearest(drawn.r_ms, beat_ms)) <= MATCH_MS
        found, missed = found + int(hit.sum()), missed + int((~hit).sum())
        low, high = drawn.r_ms.min() - MATCH_MS, drawn.r_ms.max() + MATCH_MS
        inside = beat_ms[(beat_ms >= low) & (beat_ms <= high)]
        invented += int((~(np.abs(_nearest(inside, drawn.r_ms)) <= MATCH_MS)).sum())
        row = sheet.leads.index(lead)
        for name in BORDERS:
            times = sheet.to_ms(getattr(waves, name)[row])
            times = times[np.isfinite(times)]
            errors[name].append(_nearest(drawn.borders_ms[name], times))
            between = times[(times > drawn.r_ms.min()) & (times < drawn.r_ms.max())]
            away = _nearest(between, drawn.borders_ms[name])
            surplus[name] += int((~(np.abs(away) <= MATCH_MS)).sum())
    return Comparison(
        found,
        missed,
        invented,
        {name: np.concatenate([np.zeros(0), *parts]) for name, parts in errors.items()},
        surplus,
    )


def _nearest(wanted: DoubleArray, found: DoubleArray) -> DoubleArray:
    """For each wanted time the nearest that was found, minus it; NaN beyond ``MATCH_MS``."""
    if found.size == 0:
        return np.full(wanted.size, np.nan)
    apart = found[None, :] - wanted[:, None]
    nearest = apart[np.arange(wanted.size), np.abs(apart).argmin(axis=1)]
    return np.asarray(np.where(np.abs(nearest) <= MATCH_MS, nearest, np.nan))


@dataclass(frozen=True, slots=True)
class BorderError:
    """One kind of border over many records.

    Attributes:
        mean_ms: Mean error, found minus drawn.
        sd_ms: Its standard deviation.
        sensitivity: Share of the drawn ones that were found.
        precision: Share of the found ones that were drawn.
        count: How many were drawn.
    """

    mean_ms: float
    sd_ms: float
    sensitivity: float
    precision: float
    count: int


def f1(results: Iterable[Comparison]) -> float:
    """F1 of R peaks over all records and leads."""
    results = list(results)
    hits = sum(result.found for result in results)
    return 2 * hits / (2 * hits + sum(result.missed + result.invented for result in results))


def border_errors(results: Iterable[Comparison]) -> dict[str, BorderError]:
    """Sum up the errors of each border over all records, leads and beats."""
    results = list(results)
    summary = {}
    for name in BORDERS:
        errors = np.concatenate([result.errors_ms[name] for result in results])
        matched = errors[np.isfinite(errors)]
        surplus = sum(result.surplus[name] for result in results)
        summary[name] = BorderError(
            mean_ms=float(matched.mean()),
            sd_ms=float(matched.std()),
            sensitivity=matched.size / errors.size,
            precision=matched.size / (matched.size + surplus),
            count=errors.size,
        )
    return summary
