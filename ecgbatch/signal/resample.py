"""Band-limited change of rate that knows gaps.

Each stretch of samples between two gaps is resampled by itself with a Kaiser-windowed sinc and
continued at its ends by point reflection, which keeps level and slope. So a gap stays a gap, to the
sample, and nothing rings at its edges. Windowed sinc: Smith and Gossett, ICASSP 1984.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ecgbatch.types import DoubleArray, FloatArray

_LOBES = 10  # zero crossings of the kernel on either side
_KAISER_BETA = 5.0  # side lobes below -50 dB
_PASS = 0.92  # of the lower Nyquist frequency: half the transition band lies below it
_PHASES = 1000  # between two samples; the rounding costs -70 dB at 100 Hz and 1000 samples/s

_FEW_PHASES = 8  # with fewer, filtering everything is quicker than gathering windows


def resample(
    values: FloatArray, *, from_hz: float, to_hz: float, first_s: float, count: int
) -> FloatArray:
    """Read a signal at other times than those of its samples.

    Args:
        values: ``(sample,)`` evenly spaced; sample 0 stands at 0 s, NaN where nothing is known.
        from_hz: Their rate.
        to_hz: Rate of the result.
        first_s: Time of the first sample of the result.
        count: Samples of the result.

    Returns:
        ``(count,)`` float32; NaN at times that no stretch of known samples encloses.
    """
    result = np.full(count, np.nan, np.float32)
    position = (first_s + np.arange(count) / to_hz) * from_hz
    known = np.isfinite(values)
    ends = np.flatnonzero(np.diff(known, prepend=False, append=False))
    # Half a thousandth of a sample forgives times that were rounded on their way here.
    firsts = np.searchsorted(position, ends[::2] - 5e-4)
    lasts = np.searchsorted(position, ends[1::2] - 1 + 5e-4, side="right")
    for start, stop, first, last in zip(ends[::2], ends[1::2], firsts, lasts, strict=True):
        if first < last:
            moment = position[first:last] - start
            result[first:last] = _read(values[start:stop], moment, ratio=to_hz / from_hz)
    return result


def _read(stretch: FloatArray, position: DoubleArray, *, ratio: float) -> FloatArray:
    if stretch.size == 1:
        return np.full(position.size, stretch[0], np.float32)
    kernels = _kernels(_PASS * min(1.0, ratio))
    taps = kernels.shape[1]
    padded = _continued(stretch, before=taps // 2 - 1, after=taps // 2 + 1)
    whole = np.floor(position).astype(np.intp)
    phase = np.rint((position - whole) * _PHASES).astype(np.intp)
    # Rates of paper are mostly in simple ratio to ours, so few different phases occur.
    used = np.flatnonzero(np.bincount(phase))
    if used.size <= _FEW_PHASES:
        result = np.empty(position.size, np.float32)
        for each in used:
            at = phase == each
            result[at] = np.correlate(padded, kernels[each])[whole[at]]
        return result
    windows = np.lib.stride_tricks.sliding_window_view(padded, taps)
    return np.asarray(np.einsum("ij,ij->i", windows[whole], kernels[phase]))


def _continued(stretch: FloatArray, *, before: int, after: int) -> FloatArray:
    """Continue a stretch by point reflection at its ends, as often as it takes."""
    last = stretch.size - 1
    turns, place = np.divmod(np.arange(-before, stretch.size + after), 2 * last)
    values = stretch.astype(np.float64)
    there_and_back = np.concatenate([values, 2 * values[-1] - values[-2:0:-1]])
    rise = 2 * (values[-1] - values[0])
    return np.asarray(there_and_back[place] + rise * turns, np.float32)


@lru_cache(maxsize=4)
def _kernels(cutoff: float) -> FloatArray:
    """Weights for every phase, ``(phase, tap)``; they take longer to compute than to use."""
    reach = int(np.ceil(_LOBES / cutoff))
    taps, phases = np.arange(1 - reach, reach + 1), np.arange(_PHASES + 1) / _PHASES
    distance = taps - phases[:, None]
    window = np.i0(_KAISER_BETA * np.sqrt(np.maximum(0, 1 - (distance / reach) ** 2)))
    weights = np.sinc(cutoff * distance) * window
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
