"""Signal to error: by the formulas of two competitions, and by one without a loophole.

NaN in ``estimate`` means not read. The competitions' formulas are kept as they are, quirks
included, so that figures can be compared with published ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter

from ecgbatch.evaluation.shifts import best_shift, shift_to
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
    return _decibels(energy(truth), energy(error))


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
    error = energy(reference[both] - shifted[both])
    if error == 0:
        return _NAN
    share = float(both.sum() / np.isfinite(reference).sum())
    return share * _decibels(energy(reference[both]), error)


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
        signal += energy(truth)
        error += energy(truth - np.nan_to_num(moved + level, nan=0.0))
    return signal / error if error > 0 else float("inf")


def score_competition_2025(page_ratios: Sequence[float]) -> float:
    """Score of a set of pages: dB of the *mean ratio*, so that the best pages decide it.

    Example:
        >>> round(score_competition_2025([10_000.0] + [63.0] * 99), 1)  # one page of 40 dB in 100
        22.1
    """
    ratio = float(np.mean(page_ratios))
    return 10 * math.log10(ratio) if ratio > 0 else -math.inf


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


def energy(values: DoubleArray) -> float:
    """Return the sum of squares."""
    return float(values @ values)


def _decibels(signal: float, error: float) -> float:
    if signal == 0:
        return _NAN
    return float("inf") if error == 0 else float(10 * np.log10(signal / error))
