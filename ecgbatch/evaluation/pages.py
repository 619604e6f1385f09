"""Published pages against the true signals: errors per lead, and what they come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import signal as filters

from ecgbatch.evaluation.metrics import LeadError, lead_error
from ecgbatch.evaluation.snr import (
    score_competition_2025,
    snr_challenge_2024,
    snr_competition_2025,
)
from ecgbatch.evaluation.truth import TrueRecord
from ecgbatch.types import LEADS, DoubleArray, Lead

_LIMB = frozenset(LEADS[:6])
_WRONG_R = 0.9  # below it a lead is another lead, another time, or not read
_FLAT_MV = 0.05  # what a lead that is flat in truth may show: half a millimetre at 10 mm/mV
_GAIN_OFF = 0.05  # of the gain; IEC 60601-2-25 allows carts as much
_MOST_DB = 60.0
"""An exact lead counts as this: whole microvolts leave 0.29 uV RMS of a usual lead's 0.3 mV."""


@dataclass(frozen=True, slots=True)
class LeadResult:
    """One printed lead, or one that should have been published and was not.

    Attributes:
        lead: Its name.
        role: ``strip`` or ``rhythm``; ``missing`` for a lead of the record that no row holds.
        error: Its errors.
        snr_challenge_2024_db: By the formula of the challenge.
    """

    lead: str
    role: str
    error: LeadError
    snr_challenge_2024_db: float

    @property
    def wrong(self) -> bool:
        """Whether it was published and is not the signal that its name promises."""
        if self.role == "missing":
            return False
        if self.flat:
            return self.error.rmse_mv > _FLAT_MV
        return not self.error.pearson_r >= _WRONG_R

    @property
    def flat(self) -> bool:
        """Whether it was read and is flat in truth, so that no correlation can be told."""
        return self.error.coverage > 0 and not np.isfinite(self.error.gain)


@dataclass(frozen=True, slots=True)
class PageResult:
    """One page.

    Attributes:
        stratum: What it is summed up with, such as its folder.
        record: Name of the true record.
        outcome: ``good``, ``review`` or ``poor``, or the reason of its quarantine.
        leads: Its leads; every lead of the record stands there at least once.
        ratio_competition_2025: Signal over error energy by the competition.
    """

    stratum: str
    record: str
    outcome: str
    leads: tuple[LeadResult, ...]
    ratio_competition_2025: float

    @property
    def published(self) -> bool:
        """Whether it stands in ``pages``."""
        return self.outcome in {"good", "review", "poor"}

    @property
    def wrong_leads(self) -> int:
        """Leads that were published and are not what they say."""
        return sum(each.wrong for each in self.leads)

    @property
    def gain_error(self) -> float:
        """Largest error of the gain, as a share; NaN where no lead was read.

        Carts print limb leads with one gain and chest leads with one, so that each group's median
        is taken: the amplitude of a single small lead says more of its noise than of the gain.
        """
        gains: dict[bool, list[float]] = {}
        for each in self.leads:
            if each.error.pearson_r >= _WRONG_R:
                gains.setdefault(each.lead in _LIMB, []).append(each.error.gain)
        return max((abs(float(np.median(each)) - 1) for each in gains.values()), default=np.nan)

    @property
    def silent_failure(self) -> bool:
        """Whether it says ``good`` and holds a wrong lead, or a gain wrong by more than 5 %."""
        return self.outcome == "good" and (self.wrong_leads > 0 or self.gain_error > _GAIN_OFF)


def compare_page(
    leads: Sequence[Lead], record: TrueRecord, *, stratum: str, outcome: str
) -> PageResult:
    """Measure every lead of a page against the record that it shows.

    A lead is compared over the time in which it is printed and with nothing else of the record.
    Three allowances are made, because paper does not print these things: the page's time axis is
    taken to start with the record, each lead may then move by 0.2 s as a whole, and its mean is
    free. Amplitude and speed have no allowance. The truth is brought to the rate of the page, not
    the other way round.

    Args:
        leads: As published, in µV; empty for a page in quarantine.
        record: What it shows.
        stratum: What the page is summed up with.
        outcome: Its quality class, or the reason of its quarantine.

    Returns:
        The errors. A lead of the record that no row holds counts as read with 0 dB.
    """
    results, truths, estimates = [], [], []
    for lead in leads:
        if lead.lead not in record.leads_mv or lead.signal_uv.size == 0:
            continue
        margin = round(0.2 * lead.fs_hz)
        around = printed_part(record, lead, margin=margin)
        truth = around[margin : margin + lead.signal_uv.size]
        estimate = lead.signal_uv.astype(np.float64) / 1000
        if not np.isfinite(truth).any():
            continue
        truths.append(truth)
        estimates.append(estimate)
        results.append(
            LeadResult(
                lead=lead.lead,
                role=lead.role,
                error=lead_error(around, estimate, fs_hz=lead.fs_hz, margin=margin),
                snr_challenge_2024_db=snr_challenge_2024(truth, estimate, fs_hz=lead.fs_hz),
            )
        )
    held = {each.lead for each in results}
    for name in LEADS:
        if name in record.leads_mv and name not in held:
            nothing = np.full(2, np.nan)
            results.append(LeadResult(name, "missing", lead_error(nothing, nothing, fs_hz=1), 0.0))
    fs_hz = leads[0].fs_hz if leads else record.fs_hz
    ratio = snr_competition_2025(truths, estimates, fs_hz=fs_hz) if truths else 0.0
    return PageResult(stratum, record.name, outcome, tuple(results), ratio)


def printed_part(record: TrueRecord, lead: Lead, *, margin: int) -> DoubleArray:
    """Return the true samples at the times of a published lead and around it.

    Args:
        record: What the page shows.
        lead: As published; the page's time axis starts with the record.
        margin: Samples before and after.

    Returns:
        ``(sample,)`` in mV at the rate of the lead; NaN outside of the record.
    """
    truth = record.leads_mv[lead.lead]
    if lead.fs_hz != record.fs_hz:
        truth = filters.resample_poly(truth, round(lead.fs_hz), round(record.fs_hz))
    first = round(lead.t0_ms * lead.fs_hz / 1000) - margin
    part = np.full(lead.signal_uv.size + 2 * margin, np.nan)
    inside = truth[max(first, 0) : max(first + part.size, 0)]
    part[max(-first, 0) : max(-first, 0) + inside.size] = inside
    return part


@dataclass(frozen=True, slots=True)
class Summary:
    """What the results of a stratum come to. Lead figures are over leads, the missing ones too.

    Attributes:
        stratum: Its name.
        pages: How many.
        published: Those that stand in ``pages``.
        good: Those that say ``good``.
        silent_failures: Those that say ``good`` and hold a wrong lead or a wrong gain.
        leads: Printed leads.
        r_median: Pearson r; a lead that was not read counts as 0, one that is flat in truth not.
        r_mean: Mean of the same.
        r_p5: 5 % quantile of the same.
        rmse_median_mv: Over the leads that were read.
        snr_median_db: ``snr_plain`` after the best shift and without the offset, over leads that
            are not flat in truth. More than 60 dB counts as 60, so that exact leads have a place.
        snr_mean_db: Mean of the same.
        snr_p5_db: 5 % quantile of the same.
        snr_challenge_2024_db: Mean over leads of the challenge's formula.
        score_competition_2025_db: The competition's score of the pages, which count 60 dB at most.
        gain_median: Over the leads that were read with r of 0.9 or more.
        time_scale_median: Over the same.
        coverage_mean: Share of true samples that were read.
    """

    stratum: str
    pages: int
    published: int
    good: int
    silent_failures: int
    leads: int
    r_median: float
    r_mean: float
    r_p5: float
    rmse_median_mv: float
    snr_median_db: float
    snr_mean_db: float
    snr_p5_db: float
    snr_challenge_2024_db: float
    score_competition_2025_db: float
    gain_median: float
    time_scale_median: float
    coverage_mean: float


def summarize(results: Sequence[PageResult]) -> list[Summary]:
    """Sum up each stratum, and all of them together where there are several.

    Args:
        results: Of at least one page.

    Returns:
        One summary per stratum, sorted by name; ``all`` comes last.
    """
    names = sorted({result.stratum for result in results})
    parts = [
        _sum_up(name, [result for result in results if result.stratum == name]) for name in names
    ]
    return [*parts, _sum_up("all", results)] if len(names) > 1 else parts


def _sum_up(stratum: str, results: Sequence[PageResult]) -> Summary:
    leads = [lead for result in results for lead in result.leads]
    errors = [lead.error for lead in leads]
    beating = [lead.error for lead in leads if not lead.flat]
    r = np.nan_to_num([error.pearson_r for error in beating] or [np.nan])
    snr = np.minimum([error.snr_db for error in beating] or [0.0], _MOST_DB)
    read = [error for error in errors if error.pearson_r >= _WRONG_R]
    return Summary(
        stratum=stratum,
        pages=len(results),
        published=sum(result.published for result in results),
        good=sum(result.outcome == "good" for result in results),
        silent_failures=sum(result.silent_failure for result in results),
        leads=len(leads),
        r_median=float(np.median(r)),
        r_mean=float(r.mean()),
        r_p5=float(np.quantile(r, 0.05)),
        rmse_median_mv=_median([error.rmse_mv for error in errors]),
        snr_median_db=float(np.median(snr)),
        snr_mean_db=float(snr.mean()),
        snr_p5_db=float(np.quantile(snr, 0.05)),
        snr_challenge_2024_db=_mean([lead.snr_challenge_2024_db for lead in leads]),
        score_competition_2025_db=score_competition_2025(
            [min(result.ratio_competition_2025, 10 ** (_MOST_DB / 10)) for result in results]
        ),
        gain_median=_median([error.gain for error in read]),
        time_scale_median=_median([error.time_scale for error in read]),
        coverage_mean=float(np.mean([error.coverage for error in errors])),
    )


def _median(values: Sequence[float]) -> float:
    finite = [value for value in values if np.isfinite(value)]
    return float(np.median(finite)) if finite else float("nan")


def _mean(values: Sequence[float]) -> float:
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else float("nan")
