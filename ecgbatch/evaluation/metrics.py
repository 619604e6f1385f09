"""How close a read lead is to the true one: error, gain, peaks and clock.

All functions take voltages on one time base; NaN in ``estimate`` means not read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import signal as filters

from ecgbatch.evaluation.shifts import best_shift, shift_to, without_mean
from ecgbatch.evaluation.snr import energy, snr_plain
from ecgbatch.types import DoubleArray

_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class LeadError:
    """Errors of one lead, over the samples that were read.

    The estimate is first moved by the best shift within 0.2 s, because the start of a page's time
    axis is not printed; the shift stands in ``offset_ms``.

    Attributes:
        snr_db: ``snr_plain`` after the shift and without the offset, missing samples lost.
        pearson_r: Correlation; NaN on flat leads.
        rmse_mv: Root mean square error, offset removed.
        mse_mv2: Its square.
        offset_mv: Mean of estimate minus truth.
        offset_ms: How much later the estimate stood.
        gain: Least-squares amplitude of the estimate against truth; 1 is right.
        peak_gain: Height of the tallest deflections, the R or S peaks, against truth; see
            ``peak_gain``.
        time_scale: Length of the estimate's second against that of the truth; 1 is right.
        coverage: Share of true samples that were read.
    """

    snr_db: float
    pearson_r: float
    rmse_mv: float
    mse_mv2: float
    offset_mv: float
    offset_ms: float
    gain: float
    peak_gain: float
    time_scale: float
    coverage: float


_NOT_READ = LeadError(
    snr_db=0.0,
    pearson_r=_NAN,
    rmse_mv=_NAN,
    mse_mv2=_NAN,
    offset_mv=_NAN,
    offset_ms=_NAN,
    gain=_NAN,
    peak_gain=_NAN,
    time_scale=_NAN,
    coverage=0.0,
)


def lead_error(
    reference_mv: DoubleArray, estimate_mv: DoubleArray, *, fs_hz: float, margin: int = 0
) -> LeadError:
    """Measure one lead.

    Args:
        reference_mv: ``(margin + sample + margin,)`` truth, on either side longer than what was
            read, so that a shift moves nothing out of sight; NaN where it is unknown.
        estimate_mv: ``(sample,)`` what was read; NaN where nothing was.
        fs_hz: Samples per second.
        margin: Samples by which the truth is longer on either side; the largest shift is as long,
            but at most 0.2 s.

    Returns:
        Its errors; NaN, and 0 dB, where nothing was read.
    """
    most = min(round(0.2 * fs_hz), margin) if margin else round(0.2 * fs_hz)
    padded = np.pad(estimate_mv, margin, constant_values=_NAN)
    if not (np.isfinite(reference_mv) & np.isfinite(padded)).any():
        return _NOT_READ
    shift = best_shift(reference_mv, padded, most=most)
    there = shift_to(reference_mv, -shift)[margin : margin + estimate_mv.size]
    both = np.isfinite(there) & np.isfinite(estimate_mv)
    if not both.any():  # the record ends where the lead was put
        return _NOT_READ
    truth, read = there[both], estimate_mv[both]
    offset = float(np.mean(read - truth))
    error = read - truth - offset
    true_part, read_part = truth - truth.mean(), read - read.mean()
    power = energy(true_part)
    product = float(true_part @ read_part)
    spread = (power * energy(read_part)) ** 0.5
    return LeadError(
        snr_db=snr_plain(there - truth.mean(), estimate_mv - read.mean()),
        pearson_r=product / spread if spread > 0 else _NAN,
        rmse_mv=float(np.sqrt(np.mean(error**2))),
        mse_mv2=float(np.mean(error**2)),
        offset_mv=offset,
        offset_ms=-1000 * shift / fs_hz,
        gain=product / power if power > 0 else _NAN,
        peak_gain=peak_gain(there, estimate_mv, fs_hz=fs_hz),
        time_scale=time_scale(there, estimate_mv, fs_hz=fs_hz),
        coverage=float(both.sum() / np.isfinite(there).sum()),
    )


def peak_gain(reference: DoubleArray, estimate: DoubleArray, *, fs_hz: float) -> float:
    """Height of the tallest peaks against truth, which pens and columns cut first.

    Peaks are the local extremes of the truth that stand out from its median at least two thirds as
    far as the tallest does, and on its side. The estimate's height is its extreme within 20 ms.

    Args:
        reference: ``(sample,)`` truth.
        estimate: ``(sample,)`` what was read.
        fs_hz: Samples per second.

    Returns:
        The median over peaks; 1 is right. NaN where the truth has no peak of 0.1 mV, or no peak was
        read.

    Example:
        >>> truth = np.tile(np.r_[np.zeros(99), 1.0], 5)
        >>> peak_gain(truth, 0.9 * truth, fs_hz=100.0)
        0.9
    """
    known = np.isfinite(reference)
    if not known.any() or not np.isfinite(estimate).any():
        return _NAN
    truth = np.where(known, reference - np.median(reference[known]), 0.0)
    read = estimate - np.median(estimate[np.isfinite(estimate)])
    if -truth.min() > truth.max():
        truth, read = -truth, -read
    if truth.max() < 0.1:
        return _NAN
    reach = max(1, round(0.02 * fs_hz))
    peaks, _ = filters.find_peaks(
        np.pad(truth, 1), height=truth.max() * 2 / 3, distance=max(1, round(0.2 * fs_hz))
    )
    ratios = []
    for peak in peaks - 1:
        near = read[max(peak - reach, 0) : peak + reach + 1]
        if np.isfinite(near).all():
            ratios.append(float(near.max() / truth[peak]))
    return float(np.median(ratios)) if ratios else _NAN


def time_scale(reference: DoubleArray, estimate: DoubleArray, *, fs_hz: float) -> float:
    """Speed of the estimate's clock: how much more time it says has passed.

    The best shifts of the first and the last third are compared; where a third correlates less
    than 0.5, or the lead is shorter than 1.5 s, there is nothing to compare.

    Args:
        reference: ``(sample,)`` truth.
        estimate: ``(sample,)`` what was read.
        fs_hz: Samples per second.

    Returns:
        1.01 where the estimate is stretched by a hundredth; NaN where it cannot be told.
    """
    third = reference.size // 3
    if third < 0.5 * fs_hz:
        return _NAN
    shifts = []
    for part in (slice(0, third), slice(reference.size - third, reference.size)):
        true_part, read_part = without_mean(reference[part]), without_mean(estimate[part])
        shift = best_shift(true_part, read_part, most=round(0.2 * fs_hz))
        moved = np.nan_to_num(shift_to(read_part, shift))
        spread = (energy(true_part) * energy(moved)) ** 0.5
        if spread == 0 or float(true_part @ moved) / spread < 0.5:
            return _NAN
        shifts.append(_subsample(true_part, read_part, shift))
    return 1.0 + (shifts[0] - shifts[1]) / (reference.size - third)


def _subsample(reference: DoubleArray, estimate: DoubleArray, shift: int) -> float:
    """Refine a shift by a parabola through the correlation at it and beside it."""
    left, centre, right = (
        float(reference @ np.nan_to_num(shift_to(estimate, shift + step))) for step in (-1, 0, 1)
    )
    bend = left - 2 * centre + right
    return shift + 0.5 * (left - right) / bend if bend < 0 else float(shift)
