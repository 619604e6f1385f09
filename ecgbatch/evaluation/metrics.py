"""How close a read lead is to the true one.

All functions take voltages on one time base; NaN in ``estimate`` means not read. The two
competition formulas are kept as they are, quirks included, so that figures can be compared with
published ones; ``snr_plain`` is the one without a loophole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import signal as filters
from scipy.ndimage import gaussian_filter

from ecgbatch.types import DoubleArray

_NAN = float("nan")
_LEVELS = 256  # height of the challenge's pictures


def snr_plain(reference: DoubleArray, estimate: DoubleArray) -> float:
    """Signal to error in dB; what was not read counts as lost.

    No shift, no change of offset, no credit for leaving samples out: where the estimate is NaN,
    the error is the whole signal. An empty estimate has 0 dB.

    Args:
        reference: ``(sample,)`` truth; NaN where it is unknown, which is left out.
        estimate: ``(sample,)`` what was read; NaN where nothing was.

    Returns:
        dB; infinite without any error, NaN where the truth is flat zero or unknown.

    Example:
        >>> truth = np.array([1.0, -1.0, 1.0, -1.0])
        >>> round(snr_plain(truth, 0.9 * truth), 6)
        20.0
        >>> snr_plain(truth, np.full(4, np.nan))
        0.0
    """
    known = np.isfinite(reference)
    truth = reference[known]
    error = truth - np.nan_to_num(estimate[known], nan=0.0)
    return _decibels(_energy(truth), _energy(error))


def snr_challenge_2024(reference: DoubleArray, estimate: DoubleArray, *, fs_hz: float) -> float:
    """Signal to error in dB by the formula of the PhysioNet/CinC challenge of 2024.

    The estimate is shifted in time (up to 0.5 s) and height (up to 1 mV) to where two small
    pictures of the signals correlate best; then 10 log10 of signal over error energy on samples
    that are finite in both, times the share of samples that are.

    Its quirks, kept: the share multiplies decibels, so leaving samples out of a *bad* lead raises
    its figure; a perfect lead has no figure (NaN); an offset below a level of the picture counts
    as error.

    Args:
        reference: ``(sample,)`` truth in mV.
        estimate: ``(sample,)`` what was read, in mV, of the same length.
        fs_hz: Samples per second.

    Returns:
        dB, 0 where nothing was read, NaN where the estimate is perfect.

    References:
        Code of the challenge: github.com/physionetchallenges/evaluation-2024, ``align_signals``
        and ``compute_snr``.
    """
    if not np.isfinite(estimate).any():
        return 0.0
    shifted = _aligned_by_pictures(reference, estimate, fs_hz=fs_hz)
    both = np.isfinite(reference) & np.isfinite(shifted)
    if not both.any():
        return 0.0
    error = _energy(reference[both] - shifted[both])
    if error == 0:
        return _NAN
    share = float(both.sum() / np.isfinite(reference).sum())
    return share * _decibels(_energy(reference[both]), error)


def snr_competition_2025(
    references: Sequence[DoubleArray], estimates: Sequence[DoubleArray], *, fs_hz: float
) -> float:
    """Signal over error energy of one page by the competition of 2025-26, linear and not in dB.

    Each lead is shifted by at most 0.2 s to the best correlation and then vertically by least
    squares; what was not read is 0. The competition's score is ``score_competition_2025`` of the
    pages.

    Args:
        references: The leads that the page shows, ``(sample,)`` each.
        estimates: What was read of each.
        fs_hz: Samples per second.

    Returns:
        Energy of all leads over energy of all errors; infinite for a perfect page.

    References:
        Metric kernel of "PhysioNet - Digitization of ECG Images" (Kaggle, 2025-26).
    """
    signal = error = 0.0
    for reference, estimate in zip(references, estimates, strict=True):
        known = np.isfinite(reference)
        truth = reference[known]
        filled = np.nan_to_num(estimate[known], nan=0.0)
        shift = best_shift(truth, filled, most=round(0.2 * fs_hz))
        moved = shift_to(filled, shift)
        level = np.nanmean(truth - moved)  # the best vertical shift by least squares
        signal += _energy(truth)
        error += _energy(truth - np.nan_to_num(moved + level, nan=0.0))
    return signal / error if error > 0 else float("inf")


def score_competition_2025(page_ratios: Sequence[float]) -> float:
    """Score of a set of pages: dB of the *mean ratio*, so that the best pages decide it.

    Example:
        >>> round(score_competition_2025([10_000.0] + [63.0] * 99), 1)  # one page of 40 dB in 100
        22.1
    """
    ratio = float(np.mean(page_ratios))
    return 10 * math.log10(ratio) if ratio > 0 else -math.inf


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
    truth, read = there[both], estimate_mv[both]
    offset = float(np.mean(read - truth))
    error = read - truth - offset
    true_part, read_part = truth - truth.mean(), read - read.mean()
    energy = _energy(true_part)
    product = float(true_part @ read_part)
    spread = (energy * _energy(read_part)) ** 0.5
    return LeadError(
        snr_db=snr_plain(there - truth.mean(), estimate_mv - read.mean()),
        pearson_r=product / spread if spread > 0 else _NAN,
        rmse_mv=float(np.sqrt(np.mean(error**2))),
        mse_mv2=float(np.mean(error**2)),
        offset_mv=offset,
        offset_ms=-1000 * shift / fs_hz,
        gain=product / energy if energy > 0 else _NAN,
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


def best_shift(reference: DoubleArray, estimate: DoubleArray, *, most: int) -> int:
    """Samples by which to move ``estimate`` to the right for the best correlation.

    Args:
        reference: ``(sample,)``; NaN counts as the mean.
        estimate: ``(sample,)``; NaN counts as the mean.
        most: Largest shift in either direction.

    Example:
        >>> best_shift(np.array([0.0, 0, 0, 1, 0]), np.array([0.0, 1, 0, 0, 0]), most=3)
        2
    """
    product = filters.correlate(_without_mean(reference), _without_mean(estimate), method="fft")
    lags = filters.correlation_lags(reference.size, estimate.size)
    allowed = np.abs(lags) <= most
    # Of equal peaks the smallest shift; rounding of the transform must not decide.
    best = product[allowed].max()
    near = lags[allowed][product[allowed] >= best - 1e-9 * max(abs(best), 1e-300)]
    return int(near[np.argmin(np.abs(near))])


def shift_to(values: DoubleArray, shift: int) -> DoubleArray:
    """Move samples to the right by ``shift``; what comes in from outside is NaN.

    Example:
        >>> shift_to(np.array([1.0, 2.0, 3.0]), 1).tolist()
        [nan, 1.0, 2.0]
    """
    moved = np.full_like(values, _NAN)
    if abs(shift) < values.size:
        moved[max(shift, 0) : values.size + min(shift, 0)] = values[
            max(-shift, 0) : values.size - max(shift, 0)
        ]
    return moved


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
        true_part, read_part = _without_mean(reference[part]), _without_mean(estimate[part])
        shift = best_shift(true_part, read_part, most=round(0.2 * fs_hz))
        moved = np.nan_to_num(shift_to(read_part, shift))
        spread = (_energy(true_part) * _energy(moved)) ** 0.5
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


def _aligned_by_pictures(
    reference: DoubleArray, estimate: DoubleArray, *, fs_hz: float
) -> DoubleArray:
    """Align as the challenge does: 2-D correlation of blurred pictures with 256 levels."""
    finite = np.concatenate([reference[np.isfinite(reference)], estimate[np.isfinite(estimate)]])
    low, high = float(finite.min()), float(finite.max())
    if low == high:
        return estimate
    step = (high - low) / (_LEVELS - 1)
    # A picture holds one point per sample. Points that match at a shift are counted per pair of
    # shifts; blurring the counts is the same as correlating blurred pictures, and much quicker.
    most = round(0.5 * fs_hz)
    counts = np.zeros((2 * most + 1, 2 * _LEVELS - 1))
    for row, lag in enumerate(range(-most, most + 1)):
        difference = np.rint((reference - low) / step) - np.rint(
            (shift_to(estimate, lag) - low) / step
        )
        both = difference[np.isfinite(difference)].astype(np.intp)
        counts[row] = np.bincount(both + _LEVELS - 1, minlength=2 * _LEVELS - 1)
    product = gaussian_filter(counts, sigma=0.5 * 2**0.5, mode="constant")
    heights = np.arange(1 - _LEVELS, _LEVELS)
    product[:, np.abs(heights * step) > 1.0] = -1.0
    best, column = np.unravel_index(int(np.argmax(product)), product.shape)
    return np.asarray(shift_to(estimate, int(best) - most) + heights[column] * step)


def _without_mean(values: DoubleArray) -> DoubleArray:
    known = np.isfinite(values)
    if not known.any():
        return np.zeros_like(values)
    return np.asarray(np.where(known, values - values[known].mean(), 0.0))


def _energy(values: DoubleArray) -> float:
    return float(values @ values)


def _decibels(signal: float, error: float) -> float:
    if signal == 0:
        return _NAN
    return float("inf") if error == 0 else float(10 * np.log10(signal / error))
